"""Signals: facts that a trained reader wants to know about a message, each with a name, a sentence and evidence. Never a verdict."""
