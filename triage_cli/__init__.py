"""The command line: the command `mailroom`."""
