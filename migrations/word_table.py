"""PostgreSQL's table of the words of deliveries (`delivery_words`), which triggers keep: a change of state writes neither it nor its index.

An upgrade fills it in slices before its steps, while the program of before goes on. From version 0105 on it has every delivery.
"""

from functools import partial

from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from triage.store import db

SINCE = "0105"  # the version that has it
SLICE = 1000  # deliveries whose rows are locked at once
TABLE = "CREATE TABLE delivery_words (delivery_id bigint PRIMARY KEY, search text NOT NULL)"
KEEP = """
CREATE FUNCTION keep_delivery_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM delivery_words WHERE delivery_id = OLD.id;
    ELSE
        INSERT INTO delivery_words (delivery_id, search) VALUES (NEW.id, NEW.search)
        ON CONFLICT (delivery_id) DO UPDATE SET search = excluded.search;
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    "CREATE TRIGGER delivery_words_come AFTER INSERT OR DELETE ON delivery FOR EACH ROW EXECUTE FUNCTION keep_delivery_words()",
    "CREATE TRIGGER delivery_words_change AFTER UPDATE OF search ON delivery FOR EACH ROW"
    " WHEN (OLD.search <> NEW.search) EXECUTE FUNCTION keep_delivery_words()",
)
# Rows are locked so that no erasure empties one between its reading and its copy.
COPY = text(
    "WITH missing AS (SELECT id, search FROM delivery WHERE id > :after"
    " AND NOT EXISTS (SELECT 1 FROM delivery_words WHERE delivery_id = delivery.id) ORDER BY id LIMIT :slice FOR SHARE),"
    " copied AS (INSERT INTO delivery_words (delivery_id, search) SELECT id, search FROM missing ON CONFLICT DO NOTHING)"
    " SELECT max(id) FROM missing"
)


def has_table(connection: Connection) -> bool:
    """Whether it is there, maybe not full yet."""
    return connection.scalar(text("SELECT to_regclass('delivery_words')")) is not None


def make_table(connection: Connection) -> None:
    """Make the table and the triggers that keep it, unless they are there."""
    if not has_table(connection):
        for statement in (TABLE, KEEP, *TRIGGERS):
            connection.execute(text(statement))


def fill_table(engine: Engine) -> None:
    """Copy the words of all deliveries that are not there yet, slice by slice; broken off, the next upgrade goes on."""
    after: int | None = 0
    while after is not None:
        after = db.carry_out(engine, partial(copy_next, after))


def copy_next(after: int, session: Session) -> int | None:
    """The next slice in a transaction of its own."""
    return copy_slice(session.connection(), after)


def copy_slice(connection: Connection, after: int) -> int | None:
    """Copy the words of the next deliveries; returns the last one, None when there are no more."""
    last: int | None = connection.scalar(COPY, {"after": after, "slice": SLICE})
    return last
