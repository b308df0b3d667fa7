"""Searches and selections of deliveries, as values and as SQL."""
