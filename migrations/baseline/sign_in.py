"""Sign-in: identities at providers, second factors, sign-ins in progress, and links of webmail."""

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, String, Table, UniqueConstraint


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "external_identity",
        schema,
        Column("issuer", String, nullable=False),
        Column("sub", String, nullable=False),
        Column("provider", String, nullable=False),
        Column("login", String, nullable=False),
        Column("linked_at", BigInteger, nullable=False),
        Column("seen_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("issuer", "sub"),
        UniqueConstraint("issuer", "login"),
        Index("ix_external_identity_login", "login"),
    )
    Table(
        "sign_in_step",
        schema,
        Column("key_sha256", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("login", String, nullable=False),
        Column("client", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("about", JSON, nullable=False),
        PrimaryKeyConstraint("key_sha256"),
    )
    Table(
        "authenticator_app",
        schema,
        Column("login", String, nullable=False),
        Column("secret", String, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("last_period", BigInteger, nullable=False),
        PrimaryKeyConstraint("login"),
    )
    Table(
        "recovery_code",
        schema,
        Column("code_sha256", String, nullable=False),
        Column("login", String, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("code_sha256"),
        Index("ix_recovery_code_login", "login"),
    )
    Table(
        "passkey",
        schema,
        Column("credential_id", String, nullable=False),
        Column("login", String, nullable=False),
        Column("public_key", String, nullable=False),
        Column("name", String, nullable=False),
        Column("sign_count", BigInteger, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("used_at", BigInteger),
        PrimaryKeyConstraint("credential_id"),
        Index("ix_passkey_login", "login"),
    )
    Table(
        "webmail_link",
        schema,
        Column("id", BigInteger, nullable=False),
        Column("key_sha256", String, nullable=False),
        Column("owner", String, nullable=False),
        Column("name", String, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("used_at", BigInteger),
        Column("client", String, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("key_sha256"),
        Index("ix_webmail_link_owner", "owner"),
    )
