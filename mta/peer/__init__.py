"""The peer of an SMTP connection: limits, XFORWARD, PROXY protocol."""
