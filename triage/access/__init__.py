"""Access control: scopes, confidential folders, accounts, sessions, tokens, dual control."""
