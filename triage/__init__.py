"""The core: what Mailroom knows and decides about messages. It imports no adapter."""
