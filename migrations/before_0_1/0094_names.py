"""Columns and tables get the names of the field: time-limited messages, notices, alerts that were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0093"

TABLES = {"told": "sent_alert", "card_anchor": "page_anchor"}
COLUMNS = (
    ("delivery", "perishable_until", "time_limited_until"),
    ("delivery", "delay_told_at", "delay_notice_at"),
    ("kept_card", "perishable", "time_limited_until"),
    ("mail_report", "told_at", "notified_at"),
    ("escalation", "told", "notified"),
    ("expectation", "said_at", "announced_at"),
    ("mail_request", "taken_by_shown", "recorded_by_shown"),
    ("related_mail", "taken_by", "claimed_by"),
)
EVIDENCE = {"mails": "messages", "perishable": "time_limited", "taken_away": "removed"}
PROPOSAL = sa.table("proposal", sa.column("id", sa.BigInteger), sa.column("evidence", sa.JSON))


def upgrade() -> None:
    """Rename them; both databases carry their indexes along."""
    for table, name in TABLES.items():
        op.rename_table(table, name)
    for table, column, name in COLUMNS:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {column} TO {name}"))
    rename_index("mail_report", "mail_report_untold", "mail_report_without_notice", ["notified_at", "id"])
    rename_index("related_mail", "ix_related_mail_taken_by", "ix_related_mail_claimed_by", ["claimed_by"])
    rename_evidence()


def rename_index(table: str, index: str, name: str, columns: list[str]) -> None:
    """Rename an index; SQLite cannot, so it is built again there."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(index, table)
        op.create_index(name, table, columns)
    else:
        op.execute(sa.text(f"ALTER INDEX {index} RENAME TO {name}"))


def rename_evidence() -> None:
    """Counts that suggestions of rules were made of."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(PROPOSAL)).all():
        evidence = {EVIDENCE.get(key, key): value for key, value in row.evidence.items()}
        connection.execute(sa.update(PROPOSAL).where(PROPOSAL.c.id == row.id).values(evidence=evidence))
