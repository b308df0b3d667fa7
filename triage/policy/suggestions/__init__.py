"""Rules that messages and decisions speak for, suggested to staff."""
