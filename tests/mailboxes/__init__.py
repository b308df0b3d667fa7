"""Tests of the door to the people's mailboxes."""
