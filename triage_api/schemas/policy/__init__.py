"""Schemas about rules, suggestions, contacts, enforcement and the emergency mode."""
