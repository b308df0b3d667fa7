"""Outgoing messages: routes, the queue, distribution lists, bounces, DSNs, notices, the journal."""
