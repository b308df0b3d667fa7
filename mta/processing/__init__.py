"""From spool to database: authentication, content, scanners, DNS lists; the recipient map for receivers."""
