"""Held messages shown in departments' IMAP accounts, and moves there taken as decisions."""
