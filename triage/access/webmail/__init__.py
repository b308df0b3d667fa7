"""Webmail that acts for a person: the keys that link it, and who holds one."""
