"""Indexes that SQLite makes with its tables: those of words, and those that PostgreSQL gets from `migrations.concurrent_indexes`."""

import sqlite3

from sqlalchemy import Connection

LARGE = (
    "CREATE INDEX content_kept ON content (id) WHERE zstd IS NOT NULL",
    "CREATE INDEX delivery_newest ON delivery (received_at, id)",
    "CREATE INDEX delivery_of_department ON delivery (department, received_at, id, person, direction)",
    "CREATE INDEX delivery_of_domain ON delivery (author_domain, id, received_at, author, direction, department, person)",
    "CREATE INDEX delivery_of_campaign ON delivery (campaign_id, state, department, person, direction, message_id)",
    "CREATE INDEX delivery_passed_on ON delivery (passed_on_by) WHERE passed_on_by <> ''",
    "CREATE INDEX delivery_copies_out ON delivery (campaign_id) WHERE is_copy = 1 AND state = 'delivered'",
    "CREATE INDEX delivery_risky_in ON delivery (received_at) WHERE severity >= 2 AND verdict = 'relay'",
    "CREATE INDEX delivery_time_limited ON delivery (state, time_limited_until) WHERE time_limited_until IS NOT NULL",
    "CREATE INDEX delivery_due_next ON delivery (state, due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX delivery_sent_to ON delivery (mailbox) WHERE direction IN ('outbound', 'notice')",
    "CREATE INDEX delivery_for_assistant ON delivery (state, person) WHERE rule = 'held-for-assistant'",
)
FORGET_DELIVERY = "INSERT INTO delivery_words (delivery_words, rowid, search) VALUES ('delete', old.id, old.search);"
LEARN_DELIVERY = "INSERT INTO delivery_words (rowid, search) VALUES (new.id, new.search);"
FORGET_MESSAGE = "INSERT INTO message_word_index (message_word_index, rowid, words) VALUES ('delete', old.message_id, old.words);"
LEARN_MESSAGE = "INSERT INTO message_word_index (rowid, words) VALUES (new.message_id, new.words);"
WORDS = (
    # pieces of three letters; the text itself stays in the table
    "CREATE VIRTUAL TABLE delivery_words USING fts5(search, content='delivery', content_rowid='id',"
    " tokenize='trigram case_sensitive 1', detail='none', columnsize=0)",
    f"CREATE TRIGGER delivery_words_come AFTER INSERT ON delivery BEGIN {LEARN_DELIVERY} END",
    f"CREATE TRIGGER delivery_words_go AFTER DELETE ON delivery BEGIN {FORGET_DELIVERY} END",
    "CREATE TRIGGER delivery_words_change AFTER UPDATE OF search ON delivery"
    f" WHEN old.search <> new.search BEGIN {FORGET_DELIVERY} {LEARN_DELIVERY} END",
    "INSERT INTO delivery_words (delivery_words) VALUES ('rebuild')",
    "CREATE VIRTUAL TABLE message_word_index USING fts5(words, content='message_words', content_rowid='message_id',"
    " tokenize='unicode61 remove_diacritics 0 categories ''L* N* M* P* S* C*''', detail='none', columnsize=0)",
    f"CREATE TRIGGER message_words_come AFTER INSERT ON message_words BEGIN {LEARN_MESSAGE} END",
    f"CREATE TRIGGER message_words_go AFTER DELETE ON message_words BEGIN {FORGET_MESSAGE} END",
)
SECURE_DELETE = (  # what is deleted leaves the file too, and not only what is found
    "INSERT INTO message_word_index (message_word_index, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO delivery_words (delivery_words, rank) VALUES ('secure-delete', 1)",
)


def make_indexes(connection: Connection) -> None:
    """Makes them in a database that has the tables."""
    for statement in (*LARGE, *WORDS, *secure_delete()):
        connection.exec_driver_sql(statement)


def secure_delete() -> tuple[str, ...]:
    """Statements that make this version of SQLite delete words for good, where it can."""
    return SECURE_DELETE if sqlite3.sqlite_version_info >= (3, 42) else ()
