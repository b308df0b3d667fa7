"""Learns contacts and known names from sent mail."""
