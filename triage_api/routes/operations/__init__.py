"""Routes for operators: outgoing queue, webhooks, events, health, metrics, the console's files."""
