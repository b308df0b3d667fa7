"""Tests of the adapter to identity providers."""
