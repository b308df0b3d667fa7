"""Stored mail to read: IMAP accounts, Maildirs, mbox files."""
