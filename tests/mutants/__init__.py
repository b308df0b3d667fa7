"""Breaks the modules on which most rests, one place at a time, and shows that a test notices each: `make mutants` (docs/mutants.md)."""
