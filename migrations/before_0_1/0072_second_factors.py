"""Second factors of staff: authenticator apps, recovery codes, passkeys."""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    """Add the tables; nobody has a second factor yet."""
    text, number = sa.String(), sa.BigInteger()
    op.create_table(
        "authenticator_app",
        sa.Column("login", text, primary_key=True),
        sa.Column("secret", text, nullable=False),
        *(sa.Column(name, number, nullable=False) for name in ("made_at", "last_period")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", text, primary_key=True),
        sa.Column("login", text, nullable=False),
        sa.Column("made_at", number, nullable=False),
    )
    op.create_table(
        "passkey",
        sa.Column("credential_id", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("login", "public_key", "name")),
        *(sa.Column(name, number, nullable=False) for name in ("sign_count", "made_at")),
        sa.Column("used_at", number, nullable=True),
    )
    for table in ("recovery_code", "passkey"):
        op.create_index(f"ix_{table}_login", table, ["login"])
