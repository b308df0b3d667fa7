"""Output of commands: tables, JSON, CSV, progress, reports as text and HTML."""
