"""Queue: rows are sorted by risk, wait and sender, and filtered by verified sender, attachments and language."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0099"

ORDERS = {"risk": ["mild", "age", "key"], "wait": ["oldest", "key"], "sender": ["sender"]}


def upgrade() -> None:
    """Add the columns. Kept cards are counted again; the language of what is held already stays unknown."""
    op.add_column("delivery", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("has_attachments", sa.Boolean(), nullable=True))
    for name, kind, empty in (
        ("mild", sa.BigInteger(), "0"),
        ("oldest", sa.BigInteger(), "0"),
        ("sender", sa.String(), ""),
        ("verified", sa.Boolean(), sa.false()),
        ("attachments", sa.Boolean(), sa.false()),
        ("language", sa.String(), ""),
    ):
        op.add_column("kept_card", sa.Column(name, kind, nullable=False, server_default=empty))
    for name, columns in ORDERS.items():
        op.create_index(f"kept_card_by_{name}", "kept_card", ["view", "grouped", *columns])
    op.execute("UPDATE kept_view SET ready = false, stage = 0, reached = ''")
