"""Rules: subdomains apart from domains, first use, lapse; and what matched a delivery beside the rule that decided."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns. An allow of a domain meant everything below it until now: it goes on to."""
    op.add_column("rule", sa.Column("first_used_at", sa.BigInteger(), nullable=True))
    op.add_column("rule", sa.Column("lapse_days", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("beside", sa.JSON(), nullable=False, server_default="[]"))
    op.execute("UPDATE rule SET match = 'subdomains' WHERE match = 'domain' AND effect = 'allow'")
