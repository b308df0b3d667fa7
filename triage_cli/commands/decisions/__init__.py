"""Commands that decide: release, purge, undo, approve, escalate, sweep, redeliver."""
