"""Removals of campaigns: the plan, blocks, late copies, what needs a second person."""
