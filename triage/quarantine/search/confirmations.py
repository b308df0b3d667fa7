"""Second looks of stored deliveries: the reasons that need one now, the forwarders confirmed before, and the check of a confirmation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, String, and_, case, cast, exists, func, literal, or_, select, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.access.confidential_folders import PEOPLE
from triage.actor import Actor
from triage.errors import SecondLookNeeded, Stale
from triage.message.authentication import Result
from triage.message.signals.second_look import (
    BANK_DETAILS,
    CARRIED,
    FORGED,
    LIST,
    REASONS,
    REMEMBERED,
    STRICT,
    Look,
    reason_names,
    reason_sentence,
)
from triage.message.signals.severity import DANGERS, Severity
from triage.say import say
from triage.store.db import is_among
from triage.store.message_columns import dmarc_policy, dmarc_result, has_signal
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.queue import grouping

CARRIED_NAMES = reason_names(CARRIED)
RELEASED_OUTCOMES = ("done", "restoring")  # of a decision's items


@dataclass(frozen=True, slots=True)
class Question:
    """Reason for a second look, and the newest message that it is about."""

    name: str
    sentence: str
    count: int  # deliveries
    example: int  # id of the newest
    author: str  # of the example
    subject: str


def stored_looks() -> ColumnElement[int]:
    """Reasons stored with a delivery (second_look.Look), confirmed or not. A delivery from before this column gets those of its message."""
    return func.coalesce(col(Delivery.second_look), second_looks_of_message())


def second_looks_of_message() -> ColumnElement[int]:
    """Reasons derived from the signals of the message. They cannot tell which of them forwarding explains (Look.FORWARDED)."""
    danger = or_(*map(has_signal, sorted(DANGERS - {FORGED})))
    bank = and_(has_signal(BANK_DETAILS), col(Delivery.proof) == "")
    bad = grouping.severity_column()
    marks = (
        (danger, Look.DANGER_FOUND),
        (has_signal(FORGED), Look.OWN_DOMAIN_FORGED),
        (and_(dmarc_result() == Result.FAIL, dmarc_policy().in_(STRICT)), Look.DMARC_FAILS),
        (bank, Look.NEW_BANK_DETAILS),
        (bad == int(Severity.DANGEROUS), Look.DANGEROUS),
        (bad == int(Severity.SUSPICIOUS), Look.SUSPICIOUS),
    )
    total: ColumnElement[int] = literal(0, Integer)
    for which, mark in marks:
        total = total + case((which, literal(int(mark), Integer)), else_=literal(0, Integer))
    mine = col(Message.id) == col(Delivery.message_id)
    return func.coalesce(select(total).select_from(Message).where(mine).correlate(Delivery).scalar_subquery(), 0)


def due_looks() -> ColumnElement[int]:
    """Reasons that need a second look now: those stored, less what forwarding explains once the forwarder or list is confirmed."""
    kept = stored_looks()
    by_carrier = and_(col(Delivery.passed_on_by) != "", has_look(kept, CARRIED), is_carrier_confirmed())
    suspicious = kept.bitwise_and(int(Look.SUSPICIOUS))
    explained = case((has_look(kept, Look.FORWARDED), suspicious), else_=literal(0, Integer))
    carried = kept.bitwise_and(int(CARRIED))
    return case((by_carrier, kept - carried - explained), else_=kept)


def has_look(found: ColumnElement[int], look: Look) -> ColumnElement[bool]:
    """Whether this is among the reasons."""
    return found.bitwise_and(int(look)) != 0


def is_carrier_confirmed() -> ColumnElement[bool]:
    """Condition: staff confirmed a message from the same forwarder or list, at the earliest 90 days before this one arrived.

    A confirmed forwarder counts in the same folder only, because it forwards for one person. A confirmed list counts for everybody.
    """
    earlier = aliased(Delivery)
    same_folder = and_(earlier.department == col(Delivery.department), earlier.person == col(Delivery.person))  # type: ignore[arg-type]
    since = type_coerce(col(Delivery.received_at), BigInteger) - REMEMBERED // REMEMBERED.resolution
    return (
        exists()
        .where(
            earlier.passed_on_by == col(Delivery.passed_on_by),  # type: ignore[arg-type]
            earlier.passed_on_by != "",  # type: ignore[arg-type]
            or_(col(Delivery.passed_on_by).startswith(LIST), same_folder),
            col(DecisionItem.delivery_id) == earlier.id,
            col(DecisionItem.outcome).in_(RELEASED_OUTCOMES),
            col(Decision.id) == col(DecisionItem.decision_id),
            col(Decision.undone_by).is_(None),
            or_(*(cast(col(Decision.confirmed), String).contains(f'"{one}"') for one in CARRIED_NAMES)),
            type_coerce(col(Decision.at), BigInteger) > since,
        )
        .correlate(Delivery)
    )


def list_questions(session: Session, where: ColumnElement[bool]) -> tuple[Question, ...]:
    """Lists the questions that staff have to confirm before these deliveries are released, the most severe reason first."""
    each = select(col(Delivery.id).label("id"), due_looks().label("looks")).where(where).subquery()
    rows = session.execute(select(each.c.looks, func.count(), func.max(each.c.id)).where(each.c.looks != 0).group_by(each.c.looks)).all()
    if not rows:
        return ()
    mine = {one.word: [row for row in rows if one in Look(row[0])] for one in REASONS}
    examples = {name: max(last for _, _, last in some) for name, some in mine.items() if some}
    columns = (col(Delivery.id), col(Delivery.author), col(Delivery.author_domain), col(Delivery.subject), col(Delivery.proof))
    about = {row[0]: row for row in session.execute(select(*columns).where(is_among(session, col(Delivery.id), set(examples.values()))))}
    return tuple(make_question(name, sum(count for _, count, _ in mine[name]), *about[one]) for name, one in examples.items())


def make_question(name: str, count: int, example: int, author: str, domain: str, subject: str, proof: str) -> Question:
    """Builds one question of the second look."""
    return Question(name, reason_sentence(name, domain, proven=bool(proof)), count, example, author, subject)


def check_confirmed(asked: Sequence[Question], confirm: Collection[str], *, by: Actor, fence: str | None, current: str) -> list[str]:
    """Returns the confirmed names. SecondLookNeeded unless they are exactly the asked ones.

    `fence`: the version of the selection that the person saw, `current`: its version now; Stale where they differ. Only people and their
    programs are asked, never Mailroom itself.
    """
    if by.kind not in PEOPLE:
        return []
    if confirm and fence is not None and fence != current:
        raise Stale(say("the messages have changed since you looked: review them, then decide again"))
    names = [one.name for one in asked]
    if set(confirm) != set(names) or (names and fence is None):
        raise SecondLookNeeded(tuple(asked), current)
    return names


def reasons_by_delivery(session: Session, delivery_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Returns the names of the reasons that each of these deliveries has now."""
    rows: Any = session.execute(select(col(Delivery.id), due_looks()).where(is_among(session, col(Delivery.id), delivery_ids)))
    return {one: reason_names(found) for one, found in rows}
