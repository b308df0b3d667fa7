"""The words of held messages can be searched. PostgreSQL's index is in `migrations.concurrent_indexes`."""

import re
import sqlite3
from typing import Any
from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"

SLICE = 500
WORD = re.compile(r"[^\W_]+")
INDEX = (
    "CREATE VIRTUAL TABLE message_word_index USING fts5(words, content='message_words', content_rowid='message_id',"
    " tokenize='unicode61 remove_diacritics 0 categories ''L* N* M* P* S* C*''', detail='none', columnsize=0)"
)
FORGET = "INSERT INTO message_word_index (message_word_index, rowid, words) VALUES ('delete', old.message_id, old.words);"
LEARN = "INSERT INTO message_word_index (rowid, words) VALUES (new.message_id, new.words);"
TRIGGERS = (
    f"CREATE TRIGGER message_words_come AFTER INSERT ON message_words BEGIN {LEARN} END",
    f"CREATE TRIGGER message_words_go AFTER DELETE ON message_words BEGIN {FORGET} END",
)
FORGETTING = (  # what is deleted leaves the file too, and not only what is found
    "INSERT INTO message_word_index (message_word_index, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO delivery_words (delivery_words, rank) VALUES ('secure-delete', 1)",
)
HELD = sa.text(
    "SELECT id, summary, text FROM message WHERE id > :after AND EXISTS"
    " (SELECT 1 FROM delivery WHERE delivery.message_id = message.id AND delivery.state = 'held'"
    " AND delivery.department NOT IN (SELECT name FROM sealed WHERE kind = 'department' AND login = '')"
    " AND delivery.person NOT IN (SELECT name FROM sealed WHERE kind = 'person' AND login = ''))"
    " ORDER BY id LIMIT :slice"
).columns(id=sa.BigInteger(), summary=sa.JSON(), text=sa.Text())


def upgrade() -> None:
    """Add the table and SQLite's index, and enter the words of what is held."""
    op.create_table(
        "message_words",
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    if op.get_bind().dialect.name != "postgresql":
        for statement in (INDEX, *TRIGGERS, *(FORGETTING if sqlite3.sqlite_version_info >= (3, 42) else ())):
            op.execute(sa.text(statement))
    enter_held_messages(op.get_bind())


def enter_held_messages(connection: sa.Connection) -> None:
    """The words of every held message outside of confidential folders, from the oldest on."""
    after = 0
    while rows := connection.execute(HELD, {"after": after, "slice": SLICE}).all():
        values = [{"message_id": row.id, "words": words_of_message(row.summary, row.text)} for row in rows]
        connection.execute(sa.text("INSERT INTO message_words (message_id, words) VALUES (:message_id, :words)"), values)
        after = rows[-1].id


def words_of_message(summary: dict[str, Any], said: str) -> str:
    """As `triage.quarantine.search.message_words` did at this version."""
    names = [name for file in summary.get("attachments", ()) for name in (file["name"], *file.get("also", ()), *file.get("names", ()))]
    about = [summary.get(name, "") for name in ("subject", "author_name", "author")]
    folded = normalize("NFKC", "\n".join([*about, *names, said])).casefold()
    return " ".join(list(dict.fromkeys(one[:40] for one in WORD.findall(folded)))[:5_000])
