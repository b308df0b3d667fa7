"""A company directory from a TOML file."""
