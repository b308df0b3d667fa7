"""Sieve scripts (RFC 5228): rules in force written as one, and a simple one read as rules."""
