"""Tables of the queue, of teamwork and of alerts get the names of the field: cached items, presence, assignments, open alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0103"

TABLES = {
    "kept_card": "cached_item",
    "kept_view": "cached_view",
    "kept_total": "cached_total",
    "kept_folder": "cached_folder",
    "in_hand": "presence",
    "handed": "assignment",
    "alarm": "open_alert",
}
COLUMNS = (("cached_total", "cards", "rows"), ("practice_answer", "card", "message"))
ORDERS = {
    "order": ["pressing", "calm", "age", "key"],
    "risk": ["mild", "age", "key"],
    "wait": ["oldest", "key"],
    "sender": ["sender"],
    "end": ["time_limited_until"],
}


def upgrade() -> None:
    """Rename them; both databases carry their indexes along."""
    for table, name in TABLES.items():
        op.rename_table(table, name)
    for table, column, name in COLUMNS:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {column} TO {name}"))
    for order, columns in ORDERS.items():
        rename_index("cached_item", f"kept_card_by_{order}", f"cached_item_by_{order}", ["view", "grouped", *columns])
    rename_index("assignment", "ix_handed_to", "ix_assignment_to", ["to"])


def rename_index(table: str, index: str, name: str, columns: list[str]) -> None:
    """Rename an index; SQLite cannot, so it is built again there."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(index, table)
        op.create_index(name, table, columns)
    else:
        op.execute(sa.text(f"ALTER INDEX {index} RENAME TO {name}"))
