"""Ways in which a known sender's domain is not proven, as staff said; servers of SPF by the organisation's domain."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0089"


def upgrade() -> None:
    """Add the column. Ways by SPF named each host; where no way is new, what is usual is read again from the kept messages."""
    op.add_column("domain_proof", sa.Column("refused_at", sa.BigInteger(), nullable=True))
    op.execute(
        "DELETE FROM domain_proof WHERE domain IN (SELECT domain FROM domain_proof WHERE way LIKE 'spf:%') "
        "AND domain NOT IN (SELECT domain FROM domain_proof WHERE usual_at IS NULL)"
    )
