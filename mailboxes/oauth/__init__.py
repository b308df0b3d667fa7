"""Access tokens for mailboxes at Microsoft 365 and Google, asked for with the credentials of the settings."""
