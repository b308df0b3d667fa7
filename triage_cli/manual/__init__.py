"""The manual: man pages, docs/reference/cli.md, docs/reference/settings.md, shell completion."""
