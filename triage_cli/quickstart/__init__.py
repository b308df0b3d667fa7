"""`mailroom quickstart`: reads the mail server of this machine and writes settings, a directory, and commands to switch on and off."""
