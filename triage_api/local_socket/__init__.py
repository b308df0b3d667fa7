"""The unix socket at which commands of this machine ask the running API."""
