"""Retention: expire held messages, erase bodies, delete records, except what a legal hold keeps."""
