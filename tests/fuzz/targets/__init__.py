"""Fuzz targets: a module for each parser of strangers' input."""
