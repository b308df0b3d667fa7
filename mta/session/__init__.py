"""SMTP session: commands, envelope, DATA, replies, authentication. Without database and resolver."""
