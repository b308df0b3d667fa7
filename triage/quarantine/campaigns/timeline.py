"""Read-only: the timeline of a campaign, as far as the asker may see it: first copy, reports, decisions, mailboxes, late copies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.delivery import recalled_copies
from triage.errors import NotFound
from triage.ids import format_id
from triage.quarantine.campaigns.incident import REMOVING, copies_by_decision, list_reports
from triage.quarantine.campaigns.notified_recipients import list_notified
from triage.quarantine.delivery_history import named_act
from triage.say import say, say_count
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import Recalled

MOST = 200  # decisions and reports that are listed, the newest
COUNT, FIRST, LAST = func.count(), func.min(col(Delivery.received_at), type_=Instant), func.max(col(Delivery.received_at), type_=Instant)


@dataclass(frozen=True, slots=True)
class Moment:
    """Event in the life of a campaign."""

    at: datetime
    until: datetime | None  # of several copies: when the last one came
    kind: str  # first, copies, report, decision, undo, mailboxes, notified, late, missed
    sentence: str
    count: int  # copies that it is about; notified: people
    decision: int | None


def list_moments(session: Session, campaign_id: int, *, by: Actor) -> tuple[Moment, ...]:
    """Returns the timeline of a campaign, oldest first. NotFound unless some of its messages are in the actor's scope."""
    where = and_(col(Delivery.campaign_id) == campaign_id, access.visible_deliveries(by))
    decisions = list_decisions(session, where)
    removed_at = min((one.at for one, _ in decisions if one.verb in REMOVING and one.undone_by is None), default=None)
    found = [*arrivals(session, where, removed_at), *reports(session, where), *(of_decision(one, copies) for one, copies in decisions)]
    if not found:
        raise NotFound(say("there is no campaign {campaign_id}", campaign_id=format_id(campaign_id)))
    found += [*mailboxes(session, where), *notices(session, campaign_id, where)]
    return tuple(sorted(found, key=lambda one: one.at))


def arrivals(session: Session, where: ColumnElement[bool], removed_at: datetime | None) -> Iterator[Moment]:
    """The first copy; the others that came before the first removal; those after it, stopped on arrival and not."""
    first = session.scalars(select(Delivery).where(where).order_by(col(Delivery.received_at), col(Delivery.id)).limit(1)).first()
    if first is None:
        return
    yield Moment(first.received_at, None, "first", say("First copy, for {recipient}.", recipient=first.recipient), 1, None)
    others = and_(where, col(Delivery.id) != first.id)
    early = and_(others, col(Delivery.received_at) <= removed_at) if removed_at else others
    yield from span(session, early, "copies")
    if removed_at:
        late = and_(others, col(Delivery.received_at) > removed_at)
        yield from span(session, and_(late, is_stopped()), "late")
        yield from span(session, and_(late, not_(is_stopped())), "missed")


def is_stopped() -> ColumnElement[bool]:
    """Condition: deliveries that a block removed on arrival."""
    decided = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.delivery_id) == col(Delivery.id)).exists()
    return and_(col(Delivery.state) == State.PURGED, not_(decided))


def span(session: Session, where: ColumnElement[bool], kind: str) -> Iterator[Moment]:
    """Copies that came one after another, as one event; none where there is none."""
    number, at, until = session.execute(select(COUNT, FIRST, LAST).where(where)).one()
    if not number:
        return
    sentence = {
        "copies": say_count("Another copy.", "{count} more copies.", count=number),
        "late": say_count("A late copy, removed on arrival.", "{count} late copies, removed on arrival.", count=number),
        "missed": say_count(
            "A copy after the first removal, which no block removed on arrival.",
            "{count} copies after the first removal, which no block removed on arrival.",
            count=number,
        ),
    }[kind]
    yield Moment(at, until if until > at else None, kind, sentence, number, None)


def reports(session: Session, where: ColumnElement[bool]) -> Iterator[Moment]:
    """Reports of employees."""
    for one in list(list_reports(session, where))[-MOST:]:
        yield Moment(one.at, None, "report", say("{name} reported it as suspicious.", name=one.by), 1, None)


def list_decisions(session: Session, where: ColumnElement[bool]) -> list[tuple[Decision, int]]:
    """The newest decisions about these deliveries, each with their number."""
    mine = copies_by_decision(where).order_by(col(DecisionItem.decision_id).desc()).limit(MOST).subquery()
    rows = select(Decision, mine.c.copies).join(mine, mine.c.decision == col(Decision.id)).order_by(col(Decision.id))
    return [(decision, copies) for decision, copies in session.execute(rows)]


def of_decision(decision: Decision, copies: int) -> Moment:
    """A decision, or an undo, as an event."""
    said = say_count("{act} ({count} copy).", "{act} ({count} copies).", count=copies, act=named_act(decision))
    return Moment(decision.at, None, "undo" if decision.undoes is not None else "decision", said, copies, decision.id)


def notices(session: Session, campaign_id: int, where: ColumnElement[bool]) -> Iterator[Moment]:
    """Notices to those who had opened a copy."""
    notified = list_notified(session, campaign_id)
    seen = session.execute(
        select(col(Delivery.id), col(Delivery.mailbox)).where(where, is_among(session, col(Delivery.id), notified))
    ).all()
    for one in dict.fromkeys(notified[number] for number, _ in seen):
        people = len({mailbox for number, mailbox in seen if notified[number] == one})
        said = say_count(
            "{name} notified {count} person who had opened it.",
            "{name} notified {count} people who had opened it.",
            count=people,
            name=one.by,
        )
        yield Moment(one.at, None, "notified", said, people, None)


def mailboxes(session: Session, where: ColumnElement[bool]) -> Iterator[Moment]:
    """Copies that are out of their mailboxes: from the first to the last one."""
    theirs = and_(where, col(Delivery.state) == State.PURGED)
    found = func.min(col(Recalled.found_at), type_=Instant), func.max(col(Recalled.found_at), type_=Instant)
    rows = select(func.count(col(Delivery.id).distinct()), *found).join(Recalled, recalled_copies.is_taken())
    number, at, until = session.execute(rows.where(theirs)).one()
    if number:
        said = say_count("A copy removed from its mailbox.", "{count} copies removed from their mailboxes.", count=number)
        yield Moment(at, until if until > at else None, "mailboxes", said, number, None)
