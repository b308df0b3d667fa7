"""The manual: man pages, docs/cli.md, docs/settings.md, shell completion."""
