"""Section of a message in the queue: whether its lifetime is stated, and indexes of delivered copies and open reports."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"

OUT = "is_copy = 1 AND state = 'delivered'"
UNANSWERED = "answered_at IS NULL"
SUSPICIOUS, SUSPICIOUS_FROM = 2, 40  # as severities and weights were when this was written
NAMES = ("urgency", "why_here", "proof", "weight", "severity", "state", "perishable_until")
DELIVERY = sa.table("delivery", sa.column("id", sa.BigInteger), sa.column("why_here", sa.JSON), *map(sa.column, NAMES[:1] + NAMES[2:]))


def upgrade() -> None:
    """Add them; PostgreSQL's index of copies is `migrations.concurrent_indexes`'s. Kept cards are counted again."""
    op.add_column("delivery", sa.Column("lifetime_assumed", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("delivery_copies_out", "delivery", ["campaign_id"], sqlite_where=sa.text(OUT))
    op.create_index(
        "mail_report_open", "mail_report", ["delivery_id"], sqlite_where=sa.text(UNANSWERED), postgresql_where=sa.text(UNANSWERED)
    )
    take_back_deadlines()
    op.execute("UPDATE kept_view SET ready = false, stage = 0, reached = ''")


def take_back_deadlines() -> None:
    """The few held messages with a deadline lose the points that they had for it, and the deadline where it does not count any more."""
    connection, columns = op.get_bind(), DELIVERY.c
    timed = sa.select(DELIVERY).where(columns.state == "held", columns.perishable_until.is_not(None))
    for row in connection.execute(timed).all():
        others = [one for one in row.why_here if one["name"] != "perishes"]
        values = {"why_here": others, "urgency": min(100, max(0, 50 + sum(one["points"] for one in others)))}
        is_suspicious = row.weight >= SUSPICIOUS_FROM if row.severity is None else row.severity >= SUSPICIOUS
        if is_suspicious or not row.proof:
            values["perishable_until"] = None
        connection.execute(sa.update(DELIVERY).where(columns.id == row.id).values(**values))
