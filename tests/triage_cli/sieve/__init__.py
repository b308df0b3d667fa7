"""Tests of triage_cli/sieve."""
