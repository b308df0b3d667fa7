"""Campaigns: what was sent many times, and what new messages are compared with."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "campaign",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("begun_at", BigInteger, nullable=False),
        Column("made_by", String, nullable=False),
        Column("about", String),
        PrimaryKeyConstraint("id"),
        Index("campaign_about", "about", unique=True),
    )
    Table(
        "representative",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("campaign_id", BigInteger, ForeignKey("campaign.id"), nullable=False),
        Column("features", LargeBinary, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("ix_representative_campaign_id", "campaign_id"),
    )
    Table(
        "representative_band",
        schema,
        Column("band", BigInteger, nullable=False),
        Column("representative_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("band", "representative_id"),
        sqlite_with_rowid=False,
    )
    Table(
        "message_trait",
        schema,
        Column("trait", BigInteger, nullable=False),
        Column("message_id", BigInteger, nullable=False),
        PrimaryKeyConstraint("trait", "message_id"),
        Index("ix_message_trait_message_id", "message_id"),
    )
    Table(
        "wanted_trait",
        schema,
        Column("trait", BigInteger, autoincrement=False, nullable=False),
        Column("day", String, nullable=False),
        Column("days", Integer, nullable=False),
        PrimaryKeyConstraint("trait"),
        Index("ix_wanted_trait_day", "day"),
    )
