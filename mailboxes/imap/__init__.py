"""IMAP: client, sign-in, fast FETCH, what a folder is used for."""
