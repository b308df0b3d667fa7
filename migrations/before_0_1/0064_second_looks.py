"""Reasons for a second look, the forwarders of messages, and the confirmations with a decision."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
PASSED_ON = sa.text("passed_on_by <> ''")


def upgrade() -> None:
    """Add them. Deliveries of before have no reasons of their own: they are read from the message."""
    op.add_column("delivery", sa.Column("second_look", sa.Integer(), nullable=True))
    op.add_column("delivery", sa.Column("passed_on_by", sa.String(), nullable=False, server_default=""))
    op.add_column("decision", sa.Column("confirmed", sa.JSON(), nullable=False, server_default="[]"))
    if op.get_bind().dialect.name == "sqlite":  # PostgreSQL's is made while mail goes on (migrations.concurrent_indexes)
        op.create_index("delivery_passed_on", "delivery", ["passed_on_by"], sqlite_where=PASSED_ON)
