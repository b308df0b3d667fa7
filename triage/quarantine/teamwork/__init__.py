"""Colleagues at one queue: comments about messages."""
