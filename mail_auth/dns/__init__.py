"""DNS for authentication: the query budget of a message, the resolver, and lists of clients."""
