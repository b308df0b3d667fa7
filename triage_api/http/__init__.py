"""What every route stands on: who asks, transactions, idempotency, problem documents, rate limits."""
