"""Named numbers that processes compare."""

from sqlalchemy import BigInteger, Column, MetaData, PrimaryKeyConstraint, String, Table


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "marker",
        schema,
        Column("name", String, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("text", String, nullable=False),
        PrimaryKeyConstraint("name"),
    )
