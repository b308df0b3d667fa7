"""Second factors of staff: authenticator apps, recovery codes, passkeys, and when they are asked for."""
