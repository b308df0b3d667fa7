"""The SMTP server to programs elsewhere: they are told by HTTP what happens here."""
