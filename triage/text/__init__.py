"""Text that people read: control characters, links that are defused, translations, CSV, numbers in words."""
