"""Databases of commits whose steps had another number, order or content at first: they get what they lack, and lose what came too early.

`tests/migrations/test_interim_versions.py` makes a database of every such commit and upgrades it.
"""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Inspector, String, false, inspect, text

from migrations.baseline import sqlite_indexes

STEPS = (  # which were numbered before others that came first: a version, and a table or column that its step adds
    ("0061", "digest_entry", ""),
    ("0062", "escalation", ""),
    ("0064", "decision", "confirmed"),
    ("0065", "decision", "agreed"),
    ("0066", "viewing", ""),
)
INDEXES = (  # which the first step lacked at first
    ("ix_audit_record_subject", "audit_record", ["subject"]),
    ("ix_message_content_id", "message", ["content_id"]),
    ("delivery_by_person", "delivery", ["person", "state", "received_at", "id"]),
)
UNUSED = ("passkey", "code_generator", "recovery_code", "browser_pin")  # made by the first 0069, used by no program, and made again later
ONE_LINK = "external_identity_issuer_login_key"
SECOND_LINKS = """DELETE FROM external_identity WHERE EXISTS (
    SELECT 1 FROM external_identity AS later WHERE later.issuer = external_identity.issuer AND later.login = external_identity.login
    AND (later.linked_at, later.sub) > (external_identity.linked_at, external_identity.sub))"""


def repair_tables(connection: Connection, version: str, steps: ScriptDirectory) -> None:
    """Makes the tables of this version or before what the kept steps make. Almost every database has them already."""
    context = MigrationContext.configure(connection)
    with Operations.context(context) as op:
        add_missing(op, inspect(connection), version, steps)
        if version >= "0069":
            add_account_columns(op, inspect(connection))
        if "0069" <= version < "0072":
            drop_unused(op, inspect(connection))
        if version == "0070" and inspect(connection).has_table("refused_message"):  # its step was 0068
            connection.execute(text("UPDATE alembic_version SET version_num = '0071'"))
        if version >= "0085" and connection.dialect.name == "sqlite":
            delete_securely(connection)


def add_missing(op: Operations, found: Inspector, version: str, steps: ScriptDirectory) -> None:
    """Adds what steps up to this version make and this database lacks."""
    for name, table, columns in INDEXES:
        if name not in {index["name"] for index in found.get_indexes(table)}:
            op.create_index(name, table, columns)
    if version >= "0047" and not found.has_table("digest_refusal"):
        op.create_table("digest_refusal", Column("person", String, primary_key=True), Column("at", BigInteger, nullable=False))
    for number, table, column in STEPS:
        if version >= number and not has_column(found, table, column):
            steps.get_revision(number).module.upgrade()


def has_column(found: Inspector, table: str, column: str) -> bool:
    """Whether the table is there, and has the column if one is named."""
    return found.has_table(table) and (not column or column in {one["name"] for one in found.get_columns(table)})


def add_account_columns(op: Operations, found: Inspector) -> None:
    """Columns of accounts that 0069 lacked at first, and that an account has one link to each provider: the latest stays."""
    for name in ("is_break_glass", "is_locked"):
        if not has_column(found, "staff_member", name):
            op.add_column("staff_member", Column(name, Boolean, nullable=False, server_default=false()))
    if not has_column(found, "staff_member", "unlinked_from"):
        op.add_column("staff_member", Column("unlinked_from", JSON, nullable=False, server_default="[]"))
    if not found.get_unique_constraints("external_identity"):
        op.execute(text(SECOND_LINKS))
        with op.batch_alter_table("external_identity") as table:
            table.create_unique_constraint(ONE_LINK, ["issuer", "login"])


def drop_unused(op: Operations, found: Inspector) -> None:
    """Tables and a column that the steps 0072 and 0080 make."""
    for name in UNUSED:
        op.drop_table(name, if_exists=True)
    if has_column(found, "staff_session", "browser_sha256"):
        op.drop_index("ix_staff_session_browser_sha256", "staff_session")
        op.drop_column("staff_session", "browser_sha256")


def delete_securely(connection: Connection) -> None:
    """Makes SQLite's indexes of words forget what is deleted, which the first 0085 did not."""
    if not connection.scalar(text("SELECT count(*) FROM message_word_index_config WHERE k = 'secure-delete'")):
        for statement in sqlite_indexes.secure_delete():
            connection.exec_driver_sql(statement)
