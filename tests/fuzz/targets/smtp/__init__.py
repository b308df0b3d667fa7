"""Whole SMTP sessions."""
