"""Incoming and outgoing messages enter: look-ups, verdict, rows; simulated, explained and imported ones too."""
