"""Checks how Mailroom writes: docs, console and server sentences against words.toml (`make lint`)."""
