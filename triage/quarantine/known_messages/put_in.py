"""Puts known messages into the queue, a few for each reviewer and day, and withdraws those that nobody answered."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.errors import NotFound
from triage.ids import new_id
from triage.message.summary import Summary
from triage.policy.rules import matching_rules
from triage.quarantine.known_messages.answers import GIVEN
from triage.quarantine.known_messages.defuse import Copy, Disguise, Unfit, copy_message
from triage.quarantine.search import message_words
from triage.quarantine.training import TAUGHT
from triage.store import bodies, confidential_rows, ledger
from triage.store.db import is_among
from triage.store.delivery_state import FOR_ASSISTANT, Event, State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.messages import Content, Message
from triage.store.models.rules import Rule
from triage.store.models.staff import KnownMessage
from triage.store.new_rows import COLUMNS, Entry, NewDelivery
from triage.store.queue.grouping import KNOWN

JUDGE = Actor.system("judge")  # as of every message that comes in
UPKEEP = Actor.system("upkeep")
DUTY = "known-messages"
DAY, LATELY = timedelta(days=1), timedelta(hours=1)
FORGOTTEN, LONGEST_AGO = timedelta(days=7), timedelta(days=400)  # how long ago the real one was decided
LOOKED_THROUGH = 200  # of the newest that fit
LARGEST = 1024 * 1024  # bytes
LOOKS = 48  # of upkeep on a working day: a message comes with none of them for sure
UNFIT_RULES = (FOR_ASSISTANT, "sweep", "take")


class Source(NamedTuple):
    """A decided message that could come again."""

    delivery: Delivery
    message: Message
    verb: str


def put_in(session: Session, *, settings: Settings, now: datetime, chance: random.Random | None = None) -> int | None:
    """Puts a known message into the queue, if the rate leaves room for one and it is its turn; its delivery."""
    drawn = chance or random.Random()
    room = count_room(session, settings, now)
    if room <= 0 or drawn.random() * LOOKS > room or not exists_decision(session, now - LATELY, now):
        return None
    found = find_sources(session, now)
    drawn.shuffle(found)
    expected = drawn.choice(sorted(TAUGHT))
    for source, message, verb in sorted(found, key=lambda one: one.verb != expected):
        made = make_copy(session, source, message, now)
        if made is not None:
            return enter_copy(session, source, made, TAUGHT[verb], now=now)
    return None


def count_room(session: Session, settings: Settings, now: datetime) -> int:
    """Counts the known messages that may still come today: some for each reviewer who decided lately."""
    if not settings.training.known_messages:
        return 0
    lately = (col(Decision.at) >= now - DAY, col(Decision.by).startswith("person:"), col(Decision.verb).in_(list(GIVEN)))
    reviewers = session.scalar(select(func.count(col(Decision.by).distinct())).where(*lately)) or 0
    there = session.scalar(select(func.count()).select_from(KnownMessage).where(col(KnownMessage.put_at) >= now - DAY)) or 0
    return reviewers * settings.training.known_messages - there


def exists_decision(session: Session, since: datetime, until: datetime) -> bool:
    """Whether a person decided in this time: a message comes while somebody works."""
    mine = (col(Decision.at) >= since, col(Decision.at) <= until, col(Decision.by).startswith("person:"))
    return session.scalar(select(col(Decision.id)).where(*mine).limit(1)) is not None


def find_sources(session: Session, now: datetime) -> list[Source]:
    """Messages that a person decided some time ago and that could come again, with what became of them; the newest first.

    None that a rule would decide about today, none whose sender has something in the queue, and nothing with an attachment.
    """
    rows = session.execute(
        select(Delivery, Message, col(Decision.verb))
        .join(Decision, col(Decision.id) == col(Delivery.decision_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .where(is_decided(now), is_plain(), not_(is_again()), col(Content.zstd).is_not(None), col(Content.size) <= LARGEST)
        .order_by(col(Decision.id).desc())
        .limit(LOOKED_THROUGH)
    ).all()
    found = [Source(*row) for row in rows]
    return [one for one in found if not one.message.record.fault and not is_ruled(session, one.delivery, one.message, now)]


def is_decided(now: datetime) -> ColumnElement[bool]:
    """Condition: a person decided about it, and it stayed so."""
    became = or_(
        and_(col(Decision.verb) == "release", col(Delivery.state) == State.DELIVERED),
        and_(col(Decision.verb) == "purge", col(Delivery.state) == State.PURGED),
    )
    reported = exists().where(col(MailReport.delivery_id) == col(Delivery.id)).correlate(Delivery)
    ruled = exists().where(col(Rule.decision_id) == col(Decision.id)).correlate(Decision)
    return and_(
        became,
        col(Decision.at) < now - FORGOTTEN,
        col(Decision.at) >= now - LONGEST_AGO,
        col(Decision.by).startswith("person:"),
        col(Decision.undone_by).is_(None),
        not_(reported),
        not_(ruled),
    )


def is_plain() -> ColumnElement[bool]:
    """Condition: it was held for staff, for one person, and holds nothing that could still do harm or that is of use for a time only."""
    return and_(
        col(Delivery.direction) == "in",
        col(Delivery.verdict) == "quarantine",
        col(Delivery.rule).not_in(UNFIT_RULES),
        col(Delivery.rule_id).is_(None),
        col(Delivery.parent_id).is_(None),
        col(Delivery.expanded).is_(False),
        col(Delivery.redirected).is_(False),
        col(Delivery.flood).is_(False),
        col(Delivery.author) != "",
        col(Delivery.has_attachments).is_(False),
        col(Delivery.time_limited_until).is_(None),
        col(Delivery.erased_at).is_(None),
        not_(confidential_rows.is_confidential()),
    )


def is_again() -> ColumnElement[bool]:
    """Condition: it was put in before, or its sender has something in the queue, with which it would be one row."""
    other = aliased(Delivery)
    before = exists().where(col(KnownMessage.source_id) == col(Delivery.id)).correlate(Delivery)
    waits = exists().where(col(other.author) == col(Delivery.author), col(other.state) == State.HELD).correlate(Delivery)
    return or_(before, waits)


def is_ruled(session: Session, source: Delivery, message: Message, now: datetime) -> bool:
    """Whether a rule would decide about it today."""
    summary = Summary.from_json(message.summary)
    campaigns = () if source.campaign_id is None else (source.campaign_id,)
    carrier = Envelope.from_json(message.envelope).reverse_path.casefold()
    return bool(matching_rules.rules_naming(session, matching_rules.values_of(summary, carrier, campaigns), now))


def make_copy(session: Session, source: Delivery, message: Message, now: datetime) -> Copy | None:
    """A harmless copy of a message as if it came now; None where there is none."""
    envelope = Envelope.from_json(message.envelope)
    try:
        raw = bodies.load_body(session, message.content_id)
        made = copy_message(raw, message.record, message.text, Disguise(source.id, now - envelope.received_at))
    except (Unfit, NotFound):
        return None
    arrived = replace(envelope, spool_id=new_id(), received_at=now, recipients=(source.recipient,))
    record = MessageRecord(arrived.as_json(), made.record.authentication, made.record.summary, made.record.signals)
    return made._replace(record=record)


def enter_copy(session: Session, source: Delivery, made: Copy, expected: str, *, now: datetime) -> int:
    """Writes a known message down as every message that is held, and that it is one; its delivery."""
    content_id, content = bodies.keep_body(session, made.raw)
    message_id = int(made.record.envelope["spool_id"])
    row: dict[str, Any] = {"id": message_id, "spool_id": message_id, "content_id": content_id, "received_at": now, "text": made.text}
    delivery = copy_delivery(source, message_id, now)
    ledger.enter_all(session, [Entry(row | {"record": made.record}, content, [delivery])], by=JUDGE, now=now)
    said = {"delivery_id": delivery["id"], "source_id": source.id, "expected": expected, "mailbox": source.mailbox}
    session.add(KnownMessage(put_at=now, **said))
    summary = replace(Summary.from_json(made.record.summary), text=made.text)
    message_words.index_words(session, [(message_id, message_words.words_of_message(summary))])
    return int(delivery["id"])


def copy_delivery(source: Delivery, message_id: int, now: datetime) -> dict[str, Any]:
    """The row of a known message: what people see of the real one when it came, and no mailbox."""
    seen = {name: getattr(source, name) for name in COLUMNS}
    own = {"id": new_id(), "message_id": message_id, "state": State.HELD, "received_at": now, "direction": KNOWN, "mailbox": ""}
    apart = {"campaign_id": None, "wave_id": None, "is_copy": False, "due_at": None, "queued_at": None}
    return NewDelivery(**seen | own | apart).as_row() | {"forms": source.forms}


def withdraw(session: Session, *, settings: Settings, now: datetime) -> int:
    """Takes known messages out of the queue that nobody answered in time, or all where the company wants none any more; how many."""
    old = now - timedelta(hours=settings.training.known_message_hours) if settings.training.known_messages else now
    late = select(col(KnownMessage.delivery_id)).where(col(KnownMessage.answered_at).is_(None), col(KnownMessage.put_at) <= old)
    where = and_(is_among(session, col(Delivery.id), session.scalars(late).all()), col(Delivery.state) == State.HELD)
    return len(ledger.record_many(session, where, Event.EXPIRE, by=UPKEEP, now=now, claimed=True))


def is_due(session: Session, settings: Settings) -> bool:
    """Whether there is anything to do: the company wants known messages, or one is left from when it did."""
    if settings.training.known_messages:
        return True
    waits = and_(col(KnownMessage.answered_at).is_(None), col(Delivery.state) == State.HELD)
    left = select(col(Delivery.id)).join(KnownMessage, col(KnownMessage.delivery_id) == col(Delivery.id)).where(waits)
    return session.scalar(left.limit(1)) is not None
