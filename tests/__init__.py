"""Checks of everything, in the same tree as the code."""
