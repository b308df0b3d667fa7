"""The company directory: departments, people, distribution lists, recipients, former names, confidential folders."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, MetaData, PrimaryKeyConstraint, String, Table, false


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "department",
        schema,
        Column("code", String, nullable=False),
        Column("name", String, nullable=False),
        Column("mailbox", String, nullable=False, server_default=""),
        Column("roles", JSON, nullable=False, server_default="[]"),
        Column("responsible", String, nullable=False, server_default=""),
        PrimaryKeyConstraint("code"),
    )
    Table(
        "known_recipient",
        schema,
        Column("address", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("department", String, nullable=False),
        Column("person", String, nullable=False),
        Column("mailbox", String, nullable=False),
        Column("sub_addressed", Boolean, nullable=False, server_default=false()),
        Column("leaver", String, nullable=False, server_default=""),
        PrimaryKeyConstraint("address"),
    )
    Table(
        "person",
        schema,
        Column("uid", String, nullable=False),
        Column("name", String, nullable=False),
        Column("department", String, nullable=False),
        Column("mailbox", String, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("aliases", JSON, nullable=False, server_default="[]"),
        Column("manager", String, nullable=False, server_default=""),
        Column("assistants", JSON, nullable=False, server_default="[]"),
        Column("leaver", String, nullable=False, server_default=""),
        Column("left_at", BigInteger),
        Column("login", String, nullable=False, server_default=""),
        Column("identity", String, nullable=False, server_default=""),
        PrimaryKeyConstraint("uid"),
    )
    Table(
        "mail_group",
        schema,
        Column("address", String, nullable=False),
        Column("name", String, nullable=False),
        Column("department", String, nullable=False),
        Column("expand", Boolean, nullable=False),
        Column("members", JSON, nullable=False),
        Column("external", JSON, nullable=False),
        Column("aliases", JSON, nullable=False, server_default="[]"),
        Column("closed", Boolean, nullable=False, server_default=false()),
        PrimaryKeyConstraint("address"),
    )
    Table(
        "sealed",
        schema,
        Column("kind", String, nullable=False),
        Column("name", String, nullable=False),
        Column("login", String, nullable=False),
        PrimaryKeyConstraint("kind", "name", "login"),
    )
    Table(
        "former_name",
        schema,
        Column("kind", String, nullable=False),
        Column("name", String, nullable=False),
        Column("now", String, nullable=False),
        Column("until", BigInteger, nullable=False),
        PrimaryKeyConstraint("kind", "name", "now"),
        Index("former_name_by_now", "kind", "now"),
    )
    Table(
        "former_mailbox",
        schema,
        Column("address", String, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("person", String, nullable=False),
        PrimaryKeyConstraint("address", "until"),
        Index("ix_former_mailbox_person", "person"),
    )
    Table(
        "address_change",
        schema,
        Column("address", String, nullable=False),
        Column("owner", String, nullable=False),
        Column("owner_shown", String, nullable=False),
        Column("claimant", String, nullable=False),
        Column("claimant_shown", String, nullable=False),
        Column("confidential", Boolean, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("state", String, nullable=False),
        Column("settled_by", String, nullable=False),
        Column("settled_at", BigInteger),
        PrimaryKeyConstraint("address"),
    )
