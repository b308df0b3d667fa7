"""Asks DNS who really sent a message: SPF, DKIM, ARC and DMARC as triage.message.authentication values."""
