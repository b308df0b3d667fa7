"""Client of the API for commands: over its unix socket, in this process, or on a server."""
