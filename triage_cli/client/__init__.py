"""How a command asks the API: over its unix socket, in this process, or on a server."""
