"""Sends what was released: SMTP, LMTP or Maildir, trace fields, ARC seal."""
