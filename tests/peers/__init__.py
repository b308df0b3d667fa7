"""Real servers that the tests start on spare ports of this machine, each in a directory of its own."""
