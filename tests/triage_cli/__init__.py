"""Tests of the command `mailroom`."""
