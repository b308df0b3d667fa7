"""Rules that mail and decisions speak for, suggested to staff."""
