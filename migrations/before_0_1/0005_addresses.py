"""Addresses: details of sub-addresses, notes on how mail was addressed, departments' mailboxes, groups."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what addresses need. People's addresses take details from the next sync on."""
    op.add_column("delivery", sa.Column("listed", sa.String(), nullable=False, server_default=""))
    op.add_column("delivery", sa.Column("redirected", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE delivery SET listed = recipient")
    op.add_column("delivery", sa.Column("detail", sa.String(), nullable=False, server_default=""))
    op.add_column("delivery", sa.Column("note", sa.String(), nullable=False, server_default=""))
    op.add_column("department", sa.Column("mailbox", sa.String(), nullable=False, server_default=""))
    op.add_column("known_recipient", sa.Column("sub_addressed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "mail_group",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("expand", sa.Boolean(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("external", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
