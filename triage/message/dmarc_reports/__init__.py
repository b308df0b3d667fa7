"""DMARC aggregate reports (RFC 7489, appendix C; RFC 9990): who sends messages in the name of our domains, as receivers saw it."""
