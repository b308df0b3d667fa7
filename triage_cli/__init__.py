"""The shell door: the command `mailroom`."""
