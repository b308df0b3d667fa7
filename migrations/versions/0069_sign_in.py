"""Sign-in by identity providers, passkeys, one-time codes, printed codes and PINs."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0067"


def upgrade() -> None:
    """Add tables and columns; sessions of before have neither a method nor a second factor."""
    text, number = sa.String(), sa.BigInteger()
    op.create_table(
        "external_identity",
        *(sa.Column(name, text, primary_key=True) for name in ("issuer", "sub")),
        *(sa.Column(name, text, nullable=False) for name in ("provider", "login")),
        *(sa.Column(name, number, nullable=False) for name in ("linked_at", "seen_at")),
    )
    op.create_table(
        "sign_in_step",
        sa.Column("key_sha256", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "login", "client")),
        sa.Column("at", number, nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
    )
    op.create_table(
        "passkey",
        sa.Column("credential_id", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("login", "public_key", "name")),
        *(sa.Column(name, number, nullable=False) for name in ("sign_count", "made_at")),
        sa.Column("used_at", number, nullable=True),
    )
    op.create_table(
        "code_generator",
        sa.Column("login", text, primary_key=True),
        sa.Column("secret", text, nullable=False),
        *(sa.Column(name, number, nullable=False) for name in ("made_at", "last_step")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", text, primary_key=True),
        sa.Column("login", text, nullable=False),
        sa.Column("made_at", number, nullable=False),
    )
    op.create_table(
        "browser_pin",
        *(sa.Column(name, text, primary_key=True) for name in ("browser_sha256", "login")),
        sa.Column("pin_hash", text, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("made_at", number, nullable=False),
    )
    for table in ("external_identity", "passkey", "recovery_code"):
        op.create_index(f"ix_{table}_login", table, ["login"])
    op.add_column("staff_member", sa.Column("printed_code_sha256", text, nullable=False, server_default=""))
    for name in ("method", "provider", "provider_sid", "browser_sha256"):
        op.add_column("staff_session", sa.Column(name, text, nullable=False, server_default=""))
    op.add_column("staff_session", sa.Column("factor_at", number, nullable=True))
    op.create_index("ix_staff_session_browser_sha256", "staff_session", ["browser_sha256"])
