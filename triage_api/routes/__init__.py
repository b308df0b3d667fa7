"""Routes, a file for each resource."""
