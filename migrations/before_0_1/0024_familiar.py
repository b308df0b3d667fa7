"""Names and domains of known senders, by which what only looks like them is found."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the tables. Upkeep fills in the domains that are known already."""
    op.create_table(
        "familiar_domain",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "key"),
    )
    op.create_index("familiar_domain_by_key", "familiar_domain", ["key", "domain"], unique=False)
    op.create_table(
        "familiar_name",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", "address"),
    )
