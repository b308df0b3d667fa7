"""Asks DNS who really sent a message: SPF, DKIM, ARC and DMARC as triage.authentication values."""
