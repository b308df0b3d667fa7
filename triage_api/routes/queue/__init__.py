"""Routes about the queue: rows, deliveries, selections, searches, senders, campaigns."""
