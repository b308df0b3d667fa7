"""Roles as processes: supervisor, forkserver, upkeep, signals, log format."""
