"""Services that send as domains of ours, by DMARC aggregate reports."""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"


def upgrade() -> None:
    """Add the tables. Nothing was counted before."""
    op.create_table(
        "dmarc_report",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("reporter", sa.String(), nullable=False),
        sa.Column("report_id", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("reporter", "report_id", "domain"),
    )
    op.create_index("dmarc_report_by_end", "dmarc_report", ["until"])
    op.create_table(
        "sending_service",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("report", sa.BigInteger(), sa.ForeignKey("dmarc_report.id"), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
    )
    op.create_index(op.f("ix_sending_service_report"), "sending_service", ["report"])
