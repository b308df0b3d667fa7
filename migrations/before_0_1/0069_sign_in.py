"""Sign-in by identity providers and by printed codes."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0067"


def upgrade() -> None:
    """Add tables and columns; sessions of before have no method."""
    text, number = sa.String(), sa.BigInteger()
    op.create_table(
        "external_identity",
        *(sa.Column(name, text, primary_key=True) for name in ("issuer", "sub")),
        *(sa.Column(name, text, nullable=False) for name in ("provider", "login")),
        *(sa.Column(name, number, nullable=False) for name in ("linked_at", "seen_at")),
        sa.UniqueConstraint("issuer", "login"),
    )
    op.create_table(
        "sign_in_step",
        sa.Column("key_sha256", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "login", "client")),
        sa.Column("at", number, nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
    )
    op.create_index("ix_external_identity_login", "external_identity", ["login"])
    op.add_column("staff_member", sa.Column("printed_code_sha256", text, nullable=False, server_default=""))
    for name in ("is_break_glass", "is_locked"):
        op.add_column("staff_member", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("staff_member", sa.Column("unlinked_from", sa.JSON(), nullable=False, server_default="[]"))
    for name in ("method", "provider", "provider_sid"):
        op.add_column("staff_session", sa.Column(name, text, nullable=False, server_default=""))
    op.add_column("staff_session", sa.Column("factor_at", number, nullable=True))
