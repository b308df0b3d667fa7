"""The console in a browser: every page, every state."""
