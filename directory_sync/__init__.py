"""Directory adapters: import people from a TOML file or an LDAP server into the core."""
