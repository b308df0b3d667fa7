"""Compliance: audit log, retention, legal holds, data-subject rights."""
