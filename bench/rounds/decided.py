"""Fills a database with a month of mail and of decisions about it, as a company of many people has it."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from bench.rounds.filling import CONTENT, DELIVERY, MESSAGE, look_at_statistics, make_rows
from tests.triage import arriving
from triage import ids
from triage.store import db
from triage.store.delivery_state import State

DAYS = 30
COPIES = 20  # deliveries of one message
HELD, PURGED = 0.35, 0.05  # shares; the others pass
RELEASED = 0.25
WAVES = 2000
STAFF = 12
GROUP = 10_000  # deliveries written at once
DECISION, ITEM = (SQLModel.metadata.tables[name] for name in ("decision", "decision_item"))
RULES = {"relay": ("allowed-sender", "reply-to-ours", "allowed-sender", "postmaster"), "purge": ("blocked-sender", "listed-client")}


class Slice(NamedTuple):
    """Rows that are written together, by table."""

    messages: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    items: list[dict[str, Any]]


def fill_decided(engines: Sequence[Engine], count: int) -> None:
    """Add so many deliveries of the month that ends now, and the decisions about those that were held."""
    content: dict[str, Any] = {"id": ids.new_id(), "sha256": f"{count:064x}", "size": 0}
    for engine in engines:
        with db.transaction(engine) as session:
            session.connection().execute(insert(CONTENT), content)
    for some in make_slices(count, content["id"], random.Random(count)):
        for engine in engines:
            with db.transaction(engine) as session:
                for table, rows in zip((MESSAGE, DELIVERY, DECISION, ITEM), some, strict=True):
                    if rows:
                        session.connection().execute(insert(table), rows)
    for engine in engines:
        look_at_statistics(engine)


def make_slices(count: int, content: int, chance: random.Random) -> Iterator[Slice]:
    """The month in the order in which it came."""
    span = timedelta(days=DAYS) / count
    for first in range(0, count, GROUP):
        made = Slice([], [], [], [])
        held = []
        for number in range(first, min(first + GROUP, count)):
            at = arriving.NOW - timedelta(days=DAYS) + number * span
            delivery = make_delivery(made, number, at, content, chance)
            if delivery["verdict"] == "quarantine":
                held.append(delivery)
        chance.shuffle(held)
        while held:
            size = min(len(held), chance.randrange(1, 10))
            make_decision(made, [held.pop() for _ in range(size)], chance)
        made.decisions.sort(key=lambda one: one["id"])
        yield made


def make_delivery(made: Slice, number: int, at: datetime, content: int, chance: random.Random) -> dict[str, Any]:
    """Makes the rows of one delivery."""
    message, delivery = make_rows(content, "", chance)
    kind = chance.random()
    verdict = "quarantine" if kind < HELD else "purge" if kind < HELD + PURGED else "relay"
    if number % COPIES == 0:
        made.messages.append(message | {"id": ids.first_id_at(at) + number, "received_at": at})
    delivery |= {
        "id": ids.first_id_at(at) + number,
        "message_id": made.messages[-1]["id"],
        "recipient": f"{number}.{delivery['recipient']}",
        "received_at": at,
        "state": {"relay": State.DELIVERED, "purge": State.PURGED, "quarantine": State.HELD}[verdict],
        "verdict": verdict,
        "rule": chance.choice(RULES.get(verdict, ("first-contact",))),
        "campaign_id": chance.randrange(1, WAVES) if chance.random() < 0.4 else None,
        "decision_id": None,
        "signals": [],
        "why_here": [],
        "beside": [],
    }
    made.deliveries.append(delivery)
    return delivery


def make_decision(made: Slice, some: list[dict[str, Any]], chance: random.Random) -> None:
    """A decision about these."""
    at = max(one["received_at"] for one in some) + timedelta(seconds=chance.expovariate(1 / 3600))
    verb, by = "release" if chance.random() < RELEASED else "purge", f"staff{chance.randrange(STAFF)}"
    decision: dict[str, Any] = {
        "id": ids.first_id_at(at) + chance.randrange(1, 1 << 21),
        "at": at,
        "by": f"person:{by}",
        "by_shown": by,
        "verb": verb,
        "selection": {"ids": [ids.format_id(one["id"]) for one in some]},
        "reason": "",
        "count": len(some),
        "done": len(some),
        "order": {},
    }
    made.decisions.append(decision)
    for one in some:
        one |= {"state": State.DELIVERED if verb == "release" else State.PURGED, "decision_id": decision["id"]}
        made.items.append({"decision_id": decision["id"], "delivery_id": one["id"], "before": "held", "outcome": "done", "why": ""})
