"""Webhooks: audit records as events, the outbox, payload formats and signatures."""
