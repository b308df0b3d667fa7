"""Moves in a mail program: copies of held messages in IMAP accounts, and what moving one into a folder means."""
