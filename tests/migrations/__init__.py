"""Tests of the database's versions."""
