"""Schemas about people: session, staff, substitutes, API tokens."""
