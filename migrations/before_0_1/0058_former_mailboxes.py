"""Former names of mailboxes: copies delivered under them are in the mailbox of today."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    """Add them; a mailbox that was renamed before is not known as such."""
    op.create_table(
        "former_mailbox",
        sa.Column("address", sa.String(), primary_key=True),
        sa.Column("until", sa.BigInteger(), primary_key=True),
        sa.Column("person", sa.String(), nullable=False),
    )
    op.create_index("ix_former_mailbox_person", "former_mailbox", ["person"])
