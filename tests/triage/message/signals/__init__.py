"""What a trained eye wants to know."""
