"""Routes about one message: its content, attachments, preview."""
