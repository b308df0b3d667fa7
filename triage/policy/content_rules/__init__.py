"""Rules of staff on what a message says: their conditions, and which of them match a message."""
