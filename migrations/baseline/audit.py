"""The audit log and what was viewed."""

from sqlalchemy import JSON, BigInteger, Column, Connection, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, UniqueConstraint

KEPT = ("id", "at", "by", "act", "subject", "detail", "items", "digest")  # what not even the sealer may change
REFUSAL = "the audit trail is append-only"
LET_GO = "OLD.sequence IS NOT NULL AND OLD.sequence <= (SELECT number FROM marker WHERE name = 'trail-start')"
SQLITE = (
    f"""CREATE TRIGGER audit_record_keeps BEFORE UPDATE ON audit_record
WHEN OLD.sequence IS NOT NULL OR {" OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in KEPT)}
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_record_stays BEFORE DELETE ON audit_record
WHEN ({LET_GO}) IS NOT TRUE
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
)

POSTGRESQL = (
    f"""CREATE FUNCTION audit_record_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN RAISE EXCEPTION '{REFUSAL}'; END IF;
    IF TG_OP = 'DELETE' THEN
        IF ({LET_GO}) IS NOT TRUE THEN RAISE EXCEPTION '{REFUSAL}'; END IF;
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '{REFUSAL}';
END $$""",
    f"""CREATE TRIGGER audit_record_keeps BEFORE UPDATE ON audit_record FOR EACH ROW
WHEN (OLD.sequence IS NOT NULL OR {" OR ".join(f'NEW."{name}"::text IS DISTINCT FROM OLD."{name}"::text' for name in KEPT)})
EXECUTE FUNCTION audit_record_append_only()""",
    "CREATE TRIGGER audit_record_stays BEFORE DELETE ON audit_record FOR EACH ROW EXECUTE FUNCTION audit_record_append_only()",
    "CREATE TRIGGER audit_record_whole BEFORE TRUNCATE ON audit_record FOR EACH STATEMENT EXECUTE FUNCTION audit_record_append_only()",
)


def define_tables(schema: MetaData) -> None:
    """Adds these tables to the schema."""
    Table(
        "audit_record",
        schema,
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("by", String, nullable=False),
        Column("act", String, nullable=False),
        Column("subject", String, nullable=False),
        Column("detail", JSON, nullable=False),
        Column("items", Integer, nullable=False),
        Column("digest", String, nullable=False),
        Column("sequence", BigInteger),
        Column("previous", String, nullable=False),
        Column("sealed", String, nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("sequence"),
        Index("ix_audit_record_subject", "subject"),
    )
    Table(
        "viewing",
        schema,
        Column("by", String, nullable=False),
        Column("message_id", BigInteger, nullable=False),
        Column("ahead", Integer, nullable=False),
        Column("ahead_since", BigInteger),
        Column("ahead_until", BigInteger),
        Column("place", String, nullable=False),
        Column("stands_in_for", JSON, nullable=False),
        Column("viewed_at", BigInteger),
        PrimaryKeyConstraint("by", "message_id"),
    )


def protect_log(connection: Connection) -> None:
    """Makes the triggers that let nobody change an entry, or delete one before its time."""
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(statement)
