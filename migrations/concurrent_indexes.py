"""Indexes of large tables that PostgreSQL builds while mail goes on: after an upgrade's steps, each by itself."""

import logging
import time

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from triage.store.db import is_deadlock

log = logging.getLogger(__name__)

INDEXES = {
    "content_kept": "content (id) WHERE zstd IS NOT NULL",
    "delivery_newest": "delivery (received_at, id)",
    "delivery_of_department": "delivery (department, received_at, id, person, direction)",
    "delivery_of_domain": "delivery (author_domain, id, received_at, author, direction, department, person)",
    "delivery_of_campaign": "delivery (campaign_id, state, department, person, direction, message_id)",
    "delivery_passed_on": "delivery (passed_on_by) WHERE passed_on_by <> ''",
    "delivery_copies_out": "delivery (campaign_id) WHERE is_copy AND state = 'delivered'",
    "delivery_risky_in": "delivery (received_at) WHERE severity >= 2 AND verdict = 'relay'",
    "delivery_for_assistant": "delivery (state, person) WHERE rule = 'held-for-assistant'",
    "delivery_time_limited": "delivery (state, time_limited_until) WHERE time_limited_until IS NOT NULL",
    "delivery_due_next": "delivery (state, due_at) WHERE due_at IS NOT NULL",
    "delivery_sent_to": "delivery (mailbox) WHERE direction IN ('outbound', 'notice')",
    "delivery_words_by_pieces": "delivery_words USING gin (search gin_trgm_ops)",
    "message_by_words": "message_words USING gin (array_to_tsvector(string_to_array(words, ' ')))",
}
REPLACED = (
    "delivery_by_campaign",
    "delivery_by_end",
    "delivery_due",
    "delivery_by_words",
)  # by some of those, and needed until these are there
NEEDS_TRIGRAMS = {"delivery_words_by_pieces"}
PRESENT = text("SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = ANY(:names)")
UNDER_WAY = text(
    "SELECT count(*) FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid WHERE c.relname = ANY(:names)"
)
PAUSE = 0.5  # seconds until it is looked again whether somebody else is done


def build(engine: Engine) -> None:
    """Build what is missing. Nothing waits for it but an act that changes the tables themselves; SQLite has made its own in its steps.

    Who else builds at the same moment is waited for, holding nothing: builders of one table wait for each other in a circle.
    """
    if engine.dialect.name != "postgresql":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not built(connection):
            time.sleep(PAUSE)


def built(connection: Connection) -> bool:
    """Build what is missing, unless somebody else does; is it all there?"""
    if connection.scalar(UNDER_WAY, {"names": list(INDEXES)}):
        return False
    try:
        build_missing(connection)
    except DBAPIError as fault:
        if not is_deadlock(fault):
            raise
        return False
    return True


def build_missing(connection: Connection) -> None:
    """Each that is not there, or that somebody stopped halfway; and what they replace goes."""
    usable: dict[str, bool] = dict(iter(connection.execute(PRESENT, {"names": list(INDEXES)})))
    missing = [name for name in INDEXES if not usable.get(name)]
    if not NEEDS_TRIGRAMS.isdisjoint(missing) and not has_trigrams(connection):
        missing = [name for name in missing if name not in NEEDS_TRIGRAMS]
    for name in missing:
        if name in usable:
            connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        connection.execute(text(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {INDEXES[name]}"))
    for name in REPLACED:
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))


def has_trigrams(connection: Connection) -> bool:
    """Whether PostgreSQL's extension for word search is installed, or may be."""
    try:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError as fault:
        if connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")):  # somebody else was faster
            return True
        log.warning("searching stays slow with much mail: PostgreSQL's extension pg_trgm is missing and cannot be added: %s", fault.orig)
        return False
    return True
