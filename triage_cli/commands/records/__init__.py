"""Commands about what is on record: audit log, legal holds, personal data, reports."""
