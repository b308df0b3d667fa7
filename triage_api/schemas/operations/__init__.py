"""Schemas for operators: outgoing queue, webhooks."""
