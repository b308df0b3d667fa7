"""Commands about people: staff, accounts, directory, API tokens."""
