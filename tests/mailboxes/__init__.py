"""Tests of the SMTP server to the people's mailboxes."""
