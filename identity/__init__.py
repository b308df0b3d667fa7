"""The adapter to identity providers: OpenID Connect discovery, keys, code exchange and logout, for an API without a network."""
