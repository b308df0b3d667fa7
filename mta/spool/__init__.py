"""The spool: append, fsync, read, retry; and small files that receivers read or write."""
