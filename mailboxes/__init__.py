"""The door to the people's mailboxes: IMAP and Maildir."""
