"""The database's versions, one file a step, and how to get from one to the next (alembic)."""
