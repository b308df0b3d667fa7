"""Hunts: messages in mailboxes found by what they say, counted first, seen and removed by two people."""
