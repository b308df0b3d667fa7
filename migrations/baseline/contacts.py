"""Contacts: outside addresses that employees have written to, and what was learned from sent messages."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, UniqueConstraint


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "correspondent",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("address", String, nullable=False),
        Column("person", String, nullable=False),
        Column("department", String, nullable=False),
        Column("state", String, nullable=False),
        Column("how", String, nullable=False),
        Column("learned_at", BigInteger, nullable=False),
        Column("first_sent_at", BigInteger, nullable=False),
        Column("last_sent_at", BigInteger, nullable=False),
        Column("sent", Integer, nullable=False),
        Column("message_id", String, nullable=False),
        Column("subject_digest", String, nullable=False),
        Column("heard", Integer, nullable=False),
        Column("last_heard_at", BigInteger),
        Column("last_mail_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("address", "person", "department"),
        Index("correspondent_by_person", "person", "state", "learned_at"),
        Index("correspondent_by_state", "state", "id"),
        Index("correspondent_by_last_mail", "last_mail_at"),
    )
    Table(
        "sent_mail",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("message_id", String, nullable=False),
        Column("uid", String, nullable=False),
        Column("person", String, nullable=False),
        Column("department", String, nullable=False),
        Column("author", String, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("automatic", Boolean, nullable=False),
        Column("went_to", JSON, nullable=False),
        Column("skipped", JSON, nullable=False),
        PrimaryKeyConstraint("id"),
        Index("ix_sent_mail_message_id", "message_id"),
        Index("ix_sent_mail_uid", "uid"),
        Index("sent_mail_by_time", "at"),
    )
    Table(
        "posted_list",
        schema,
        Column("address", String, nullable=False),
        Column("list_id", String, nullable=False),
        Column("signer", String, nullable=False),
        Column("posts", Integer, nullable=False),
        Column("person", String, nullable=False),
        Column("last_posted_at", BigInteger),
        PrimaryKeyConstraint("address"),
    )
    Table(
        "familiar_domain",
        schema,
        Column("domain", String, nullable=False),
        Column("key", String, nullable=False),
        PrimaryKeyConstraint("domain", "key"),
        Index("familiar_domain_by_key", "key", "domain"),
    )
    Table(
        "familiar_name",
        schema,
        Column("name", String, nullable=False),
        Column("address", String, nullable=False),
        PrimaryKeyConstraint("name", "address"),
    )
    Table(
        "seeded_folder",
        schema,
        Column("source", String, nullable=False),
        Column("account", String, nullable=False),
        Column("folder", String, nullable=False),
        Column("since", String, nullable=False),
        Column("validity", String, nullable=False),
        Column("last", String, nullable=False),
        Column("messages", Integer, nullable=False),
        Column("read_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("source", "account", "folder", "since"),
    )
    Table(
        "not_learned",
        schema,
        Column("day", String, nullable=False),
        Column("how", String, nullable=False),
        Column("reason", String, nullable=False),
        Column("department", String, nullable=False),
        Column("person", String, nullable=False),
        Column("count", Integer, nullable=False),
        PrimaryKeyConstraint("day", "how", "reason", "department", "person", name="not_learned_by_department"),
    )
