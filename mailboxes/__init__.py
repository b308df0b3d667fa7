"""The SMTP server to the people's mailboxes: IMAP and Maildir."""
