"""QR codes in pictures and PDF pages: read in a sandbox, their links added to those of the message."""
