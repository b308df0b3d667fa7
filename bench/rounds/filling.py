"""Fills a database with mail that nobody sent: many deliveries in all states, and one sender's wave that is held."""

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Engine, insert, text
from sqlmodel import SQLModel

from tests.triage import arriving
from triage import ids
from triage.store import db
from triage.store.delivery_state import State
from triage.store.message_record.record_parts import spread_message

DEPARTMENTS, PEOPLE = 24, 25  # and so many people in each
SENDERS = 2000
GROUP = 5000  # rows in one statement
STATES = (State.DELIVERED,) * 6 + (State.PURGED,) * 2 + (State.HELD,) * 2
CONTENT, MESSAGE, DELIVERY = (SQLModel.metadata.tables[name] for name in ("content", "message", "delivery"))
ENVELOPE = arriving.envelope().as_json()
AUTHENTICATION = arriving.authentication("sales@supplier.example").as_json()
SUMMARY = arriving.summary("sales@supplier.example").as_json()
Rows = tuple[dict[str, Any], dict[str, Any]]  # of message and delivery


def fill_deliveries(engines: Sequence[Engine], count: int, *, wave: str, wave_size: int) -> None:
    """Add so many deliveries, each of a message of its own; `wave_size` of them, spread evenly, are held messages of the address `wave`."""
    chance = random.Random(count)
    content: dict[str, Any] = {"id": ids.new_id(), "sha256": f"{count:064x}", "size": 0}
    for engine in engines:
        with db.transaction(engine) as session:
            session.connection().execute(insert(CONTENT), content)
    rows = (make_rows(content["id"], wave if number % (count // wave_size) == 0 else "", chance) for number in range(count))
    while group := list(islice(rows, GROUP)):
        for engine in engines:
            with db.transaction(engine) as session:
                session.connection().execute(insert(MESSAGE), [spread_message(message) for message, _ in group])
                session.connection().execute(insert(DELIVERY), [delivery for _, delivery in group])
    for engine in engines:
        look_at_statistics(engine)


def make_rows(content: int, wave: str, chance: random.Random) -> Rows:
    """A message and its delivery."""
    author = wave or f"somebody{chance.randrange(SENDERS)}@sender{chance.randrange(300)}.example"
    department, person = f"d{chance.randrange(DEPARTMENTS)}", f"person{chance.randrange(PEOPLE)}"
    address = f"{department}+{person}@company.example"
    subject = f"About the matter of {chance.randrange(10**6)}"
    message = {
        "id": ids.new_id(),
        "spool_id": ids.new_id(),
        "content_id": content,
        "received_at": arriving.NOW,
        "envelope": ENVELOPE | {"reverse_path": author, "recipients": [address]},
        "authentication": AUTHENTICATION | {"author": author},
        "summary": SUMMARY | {"author": author, "authors": [author], "subject": subject, "text": ""},
        "signals": [],
        "text": "Hello. " * 100,
    }
    delivery = {
        "id": ids.new_id(),
        "message_id": message["id"],
        "state": State.HELD if wave else chance.choice(STATES),
        "received_at": arriving.NOW,
        "recipient": address,
        "department": department,
        "person": person,
        "mailbox": f"{person}.{department}@company.example",
        "author": author,
        "author_domain": author.rpartition("@")[2],
        "author_name": "Sales",
        "subject": subject,
        "search": f"{subject} sales {author} {address} {person}".casefold(),
        "proof": "",
        "weight": 0,
        "verdict": "quarantine",
        "rule": "not-known",
        "reason": "Nobody here knows this sender.",
        "withheld": "",
        "direction": "in",
        "attempts": 0,
        "last_reply": "",
    }
    return message, delivery


def look_at_statistics(engine: Engine) -> None:
    """Update PostgreSQL's statistics now, as autovacuum does after such growth."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
