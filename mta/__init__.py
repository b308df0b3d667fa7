"""The mail transfer agent: SMTP server, processor and delivery."""
