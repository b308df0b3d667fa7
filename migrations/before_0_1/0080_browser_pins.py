"""PINs of staff, each for one browser, and sessions that wait locked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"


def upgrade() -> None:
    """Add the table and the columns; nobody has a PIN yet."""
    op.create_table(
        "browser_pin",
        *(sa.Column(name, sa.String(), primary_key=True) for name in ("browser_sha256", "login")),
        sa.Column("pin_hash", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("failures", "used_at")),
    )
    op.create_index("ix_browser_pin_login", "browser_pin", ["login"])
    op.add_column("staff_session", sa.Column("browser_sha256", sa.String(), nullable=False, server_default=""))
    op.add_column("staff_session", sa.Column("is_locked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_staff_session_browser_sha256", "staff_session", ["browser_sha256"])
