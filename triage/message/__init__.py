"""What a message says: summary, authors, authentication results, fingerprint. Pure."""
