"""Decisions: release, redirect, purge, reject, hold, escalate; approvals, confirmations and undo."""
