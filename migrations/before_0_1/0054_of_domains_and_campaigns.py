"""A domain's newest mail and a department's part of a campaign are found by an index, however much there is.

PostgreSQL's part is `migrations.concurrent_indexes`.
"""

from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    """Add them; the index of campaigns knew no departments."""
    if op.get_bind().dialect.name == "postgresql":
        return
    op.create_index("delivery_of_domain", "delivery", ["author_domain", "id", "received_at", "author", "direction", "department", "person"])
    op.create_index("delivery_of_campaign", "delivery", ["campaign_id", "state", "department", "person", "direction", "message_id"])
    op.drop_index("delivery_by_campaign", "delivery")
