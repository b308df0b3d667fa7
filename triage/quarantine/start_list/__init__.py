"""Senders of the start list, offered to staff by category and allowed in one act."""
