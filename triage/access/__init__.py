"""Who may do what: scopes, confidential folders, accounts, sessions, tokens, dual control."""
