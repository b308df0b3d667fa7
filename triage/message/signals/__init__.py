"""What a trained eye wants to know about a message: each a name, a sentence, and what it rests on. Never a verdict."""
