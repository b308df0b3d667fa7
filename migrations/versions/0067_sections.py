"""Which section of the queue a message stands in: whether its lifetime is stated, and indexes of delivered copies and open reports."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"

OUT = "is_copy AND state = 'delivered'"
OUT_ON_SQLITE = "is_copy = 1 AND state = 'delivered'"
UNANSWERED = "answered_at IS NULL"
COUNTS = "proof <> '' AND coalesce(severity, CASE WHEN weight >= 40 THEN 2 ELSE 0 END) < 2"
DELIVERY = sa.table(
    "delivery", sa.column("id", sa.BigInteger), sa.column("state"), sa.column("urgency", sa.Integer), sa.column("why_here", sa.JSON)
)


def upgrade() -> None:
    """Add them. Held messages lose the deadlines that do not count any more and the points that they had for one; kept cards are counted
    anew."""
    op.add_column("delivery", sa.Column("lifetime_assumed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("delivery_copies_out", "delivery", ["campaign_id"], sqlite_where=sa.text(OUT_ON_SQLITE), postgresql_where=sa.text(OUT))
    op.create_index(
        "mail_report_open", "mail_report", ["delivery_id"], sqlite_where=sa.text(UNANSWERED), postgresql_where=sa.text(UNANSWERED)
    )
    take_points_back()
    op.execute(f"UPDATE delivery SET perishable_until = NULL WHERE state = 'held' AND perishable_until IS NOT NULL AND NOT ({COUNTS})")  # noqa: S608
    op.execute("UPDATE kept_view SET ready = false, stage = 0, reached = ''")


def take_points_back() -> None:
    """What is held has the urgency that its other reasons make."""
    connection = op.get_bind()
    held = sa.select(DELIVERY.c.id, DELIVERY.c.why_here).where(DELIVERY.c.state == "held", sa.text("perishable_until IS NOT NULL"))
    for delivery_id, why in connection.execute(held).all():
        others = [one for one in why if one["name"] != "perishes"]
        urgency = min(100, max(0, 50 + sum(one["points"] for one in others)))
        connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == delivery_id).values(urgency=urgency, why_here=others))
