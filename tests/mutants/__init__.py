"""`make mutants` breaks important modules, one place at a time: a test must notice each (README.md)."""
