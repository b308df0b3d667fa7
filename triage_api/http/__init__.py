"""What every route needs: authentication, transactions, idempotency, problem documents, rate limits."""
