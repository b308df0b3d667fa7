"""Schemas about the queue: rows, deliveries, messages, selections, searches, senders, campaigns."""
