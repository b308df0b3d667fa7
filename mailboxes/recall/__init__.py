"""Recall in mailboxes: find copies over IMAP or in Maildirs, remove them, put them back."""
