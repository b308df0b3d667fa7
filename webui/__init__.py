"""The console: its built files lie in dist/ and travel inside the Python package."""
