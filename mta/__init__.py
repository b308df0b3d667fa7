"""SMTP server, processor and delivery."""
