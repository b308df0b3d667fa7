"""A company directory from an LDAP server."""
