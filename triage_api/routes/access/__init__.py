"""Routes about people: session, staff, substitutes, API tokens, preferences."""
