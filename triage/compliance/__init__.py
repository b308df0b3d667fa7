"""What the law and auditors ask for: audit log, retention, legal holds, data-subject rights."""
