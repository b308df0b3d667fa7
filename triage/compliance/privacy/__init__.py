"""Data-subject rights: export and erasure of what is kept about a person (GDPR)."""
