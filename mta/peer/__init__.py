"""Who is at the other end of an SMTP connection: limits, XFORWARD, PROXY protocol."""
