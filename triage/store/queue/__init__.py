"""Rows of the queue as SQL: which row a delivery belongs to, sections, open reports, counters to fold."""
