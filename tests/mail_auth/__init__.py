"""Tests of mail_auth."""
