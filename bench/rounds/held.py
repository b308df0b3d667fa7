"""Fills a database with held messages as a long neglect leaves it: waves, regular senders, strangers, spread over time and folders."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Engine, insert

from bench.rounds.filling import CONTENT, DELIVERY, DEPARTMENTS, GROUP, MESSAGE, PEOPLE, look_at_statistics, make_rows
from tests.triage import arriving
from triage import ids
from triage.message.signals.severity import Severity
from triage.store import db
from triage.store.delivery_state import State

WAVE = 600  # copies
IN_WAVES, REGULAR = 0.3, 0.4  # shares; the others write once
REGULARS = 0.02  # senders who write again and again, for each delivery
COPIES = 20  # deliveries of one message
TIME_LIMITED = 0.001
DELIVERED = 0.01  # of the copies of a wave: they are in mailboxes


def fill_held(engines: Sequence[Engine], count: int) -> None:
    """Add so many held deliveries."""
    content: dict[str, Any] = {"id": ids.new_id(), "sha256": f"{count:064x}", "size": 0}
    for engine in engines:
        with db.transaction(engine) as session:
            session.connection().execute(insert(CONTENT), content)
    made = make_deliveries(count, content["id"], random.Random(count))
    while some := list(islice(made, GROUP)):
        messages = [message for message, _ in some if message]
        for engine in engines:
            with db.transaction(engine) as session:
                session.connection().execute(insert(MESSAGE), messages)
                session.connection().execute(insert(DELIVERY), [delivery for _, delivery in some])
    for engine in engines:
        look_at_statistics(engine)


def make_deliveries(count: int, content: int, chance: random.Random) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any]]]:
    """So many, every COPIES-th with the message that it shares with the next ones."""
    message: dict[str, Any] = {}
    for number in range(count):
        fresh, delivery = make_rows(content, make_author(number, count, chance), chance)
        if number % COPIES == 0:
            message = fresh
        wave = delivery["author_domain"].removeprefix("wave").partition(".")[0] if delivery["author"].startswith("offer@") else ""
        uid = f"d{chance.randrange(DEPARTMENTS)}", f"person{chance.randrange(PEOPLE)}"
        delivery |= {
            "message_id": message["id"],
            "state": State.DELIVERED if wave and chance.random() < DELIVERED else State.HELD,
            "department": uid[0],
            "person": uid[1] if chance.random() < 0.9 else "",
            "recipient": f"{number}.{uid[1]}@company.example",
            "received_at": arriving.NOW - timedelta(seconds=chance.random() * 30 * 86400),
            "urgency": min(100, max(0, round(chance.gauss(45, 20)))),
            "weight": chance.randrange(60),
            "time_limited_until": arriving.NOW + timedelta(hours=1) if chance.random() < TIME_LIMITED else None,
            "campaign_id": int(wave) + 1 if wave else None,
            "is_copy": bool(wave),
            "severity": int(Severity.SUSPICIOUS if wave else Severity.NONE),
            "lifetime_assumed": False,
            "signals": [],
            "why_here": [],
            "beside": [],
        }
        yield (message if number % COPIES == 0 else None), delivery


def make_author(number: int, count: int, chance: random.Random) -> str:
    """Make the author of a message."""
    kind = chance.random()
    if kind < IN_WAVES:
        return f"offer@wave{chance.randrange(max(1, int(count * IN_WAVES) // WAVE))}.example"
    if kind < IN_WAVES + REGULAR:
        return f"regular{chance.randrange(max(1, int(count * REGULARS)))}@known.example"
    return f"stranger{number}@far.example"
