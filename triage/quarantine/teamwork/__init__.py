"""Colleagues at one queue: comments, snoozes, and messages that are held for an assistant."""
