"""Employees report mail that seems unusual to them, and say from whom they expect mail."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Add what they report and expect."""
    op.create_table(
        "mail_report",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("person_shown", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("spool_id", sa.BigInteger(), nullable=False, index=True),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_by_shown", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("delivery_id", "person"),
    )
    op.create_index("mail_report_untold", "mail_report", ["told_at", "id"])
    op.create_index("mail_report_by_person", "mail_report", ["person", "at"])
    op.create_table(
        "expectation",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("person_shown", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("person", "sender"),
    )
    op.create_index("expectation_by_sender", "expectation", ["sender", "until"])
