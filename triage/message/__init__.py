"""Content of a message: summary, authors, authentication results, fingerprint. Pure."""
