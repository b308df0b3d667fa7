"""Rules that message and decisions speak for, suggested to staff."""
