"""Previews: a message as harmless HTML, attachments as pixels."""
