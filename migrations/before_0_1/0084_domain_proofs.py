"""In which ways the domains of known senders are proven."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"


def upgrade() -> None:
    """Add the table. What is usual for a domain is read from its kept messages when its next one comes."""
    op.create_table(
        "domain_proof",
        sa.Column("domain", sa.String(), primary_key=True),
        sa.Column("way", sa.String(), primary_key=True),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("usual_at", sa.BigInteger(), nullable=True),
        sa.Column("was_new", sa.Boolean(), nullable=False),
        sa.Column("by_shown", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
    )
    op.create_index("domain_proof_by_new", "domain_proof", ["was_new", "domain"])
    op.create_index("domain_proof_by_last", "domain_proof", ["last_at"])
