"""Plugins of webmail programs, in the real programs."""
