"""Count the DMARC reports of a day without a look at all of them."""

from alembic import op

revision = "0092"
down_revision = "0091"


def upgrade() -> None:
    """Add the index."""
    op.create_index("dmarc_report_by_receipt", "dmarc_report", ["received_at"])
