"""Mail is found by any piece of its words, and listed by when it came, however much there is. PostgreSQL's part is
`migrations.concurrent_indexes`."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"

WORDS = (  # pieces of three letters; the text itself stays in the table
    "CREATE VIRTUAL TABLE delivery_words USING fts5(search, content='delivery', content_rowid='id',"
    " tokenize='trigram case_sensitive 1', detail='none', columnsize=0)"
)
FORGET = "INSERT INTO delivery_words (delivery_words, rowid, search) VALUES ('delete', old.id, old.search);"
LEARN = "INSERT INTO delivery_words (rowid, search) VALUES (new.id, new.search);"
TRIGGERS = (
    f"CREATE TRIGGER delivery_words_come AFTER INSERT ON delivery BEGIN {LEARN} END",
    f"CREATE TRIGGER delivery_words_go AFTER DELETE ON delivery BEGIN {FORGET} END",
    f"CREATE TRIGGER delivery_words_change AFTER UPDATE OF search ON delivery WHEN old.search <> new.search BEGIN {FORGET} {LEARN} END",
)
REBUILD = "INSERT INTO delivery_words (delivery_words) VALUES ('rebuild')"


def upgrade() -> None:
    """Add them."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for statement in (WORDS, *TRIGGERS, REBUILD):
        op.execute(sa.text(statement))
    op.create_index("delivery_newest", "delivery", ["received_at", "id"])
    op.create_index("delivery_of_department", "delivery", ["department", "received_at", "id", "person", "direction"])
