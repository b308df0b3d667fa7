"""Rows that `mailroom audit verify --state` proves: the digests of them in the audit log."""
