"""The directory as it was taken over: aliases, managers and assistants of people, roles of departments."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ADDED = (
    ("person", "aliases", sa.JSON(), "[]"),
    ("person", "manager", sa.String(), ""),
    ("person", "assistants", sa.JSON(), "[]"),
    ("department", "roles", sa.JSON(), "[]"),
    ("department", "responsible", sa.String(), ""),
    ("mail_group", "aliases", sa.JSON(), "[]"),
)


def upgrade() -> None:
    """Add the columns. The next run of the directory fills them."""
    for table, name, kind, empty in ADDED:
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=empty))
