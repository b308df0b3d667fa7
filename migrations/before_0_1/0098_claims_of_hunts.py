"""Messages found by a hunt are claimed by a removal, as related messages are: the column gets the same name."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"


def upgrade() -> None:
    """Rename the column; its index is built again, since SQLite cannot rename one."""
    op.drop_index("ix_hunted_message_taken_by", "hunted_message")
    op.execute(sa.text("ALTER TABLE hunted_message RENAME COLUMN taken_by TO claimed_by"))
    op.create_index("ix_hunted_message_claimed_by", "hunted_message", ["claimed_by"], unique=False)
