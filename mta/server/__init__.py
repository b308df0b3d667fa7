"""The SMTP server's processes: sockets, TLS, connections, workers."""
