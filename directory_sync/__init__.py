"""Who works where, taken over from where a company keeps it: people from a TOML file or an LDAP server. A door: it knows only the house."""
