"""Settings: their keys and defaults, the loader, and secrets that lie in files."""
