"""Infrastructure of routes: authentication, transactions, idempotency, problem documents, rate limits."""
