"""Harm to wanted messages by waiting and by decisions: counts of the report on harm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.message.signals.severity import Severity
from triage.reports.mail_metrics import TracedRelease, is_wanted, seconds_waited
from triage.reports.staff_metrics import RELEASE_VERBS
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.queue.open_reports import GOOD

LONG_WAIT = 30 * 60  # seconds
CHANGED_OUTCOMES = ("done", "recalling", "already gone", "in flight")  # outcomes of items that the decision changed, or will
REMOVED = (State.PURGED, State.REJECTED)


@dataclass(frozen=True, slots=True)
class Harm:
    """Number of messages that were harmed, of those that could have been; None where it would describe too few people."""

    count: int | None
    of: int


def count_long_waits(releases: Iterable[TracedRelease]) -> Harm:
    """Counts wanted messages (`is_wanted`) that waited more than 30 minutes from their arrival to their release, of all wanted ones."""
    waits = [seconds_waited(row) for row in releases if is_wanted(row)]
    return Harm(sum(seconds > LONG_WAIT for seconds in waits), len(waits))


def count_wrongly_held(releases: Iterable[TracedRelease]) -> Harm:
    """Counts wanted messages (`is_wanted`) that looked suspicious or dangerous while they were held, of all wanted ones."""
    wanted = {row.delivery: row.severity for row in releases if is_wanted(row)}
    return Harm(sum(severity >= Severity.SUSPICIOUS for severity in wanted.values()), len(wanted))


def count_expired_codes(session: Session, since: datetime, until: datetime, *, by: Actor, now: datetime) -> Harm:
    """Counts messages whose code or link stopped working while they were held, of the held ones whose code or link ended in the period.

    Messages that staff removed or rejected do not count.
    """
    ends = col(Delivery.time_limited_until)
    held = and_(col(Delivery.verdict) == "quarantine", col(Delivery.direction) == "in", col(Delivery.state).not_in(REMOVED))
    ended = and_(ends >= since, ends < min(until, now), held, access.real_deliveries(by))
    limits: dict[int, datetime] = dict(session.execute(select(col(Delivery.id), ends).where(ended)).all())
    released = first_releases(session, list(limits))
    return Harm(sum(one not in released or released[one] > limit for one, limit in limits.items()), len(limits))


def first_releases(session: Session, deliveries: Sequence[int]) -> dict[int, datetime]:
    """When each of these held messages was first released by a decision that stands."""
    first = func.min(col(Decision.at), type_=Instant)
    rows = select(col(DecisionItem.delivery_id), first).join(Decision, col(Decision.id) == col(DecisionItem.decision_id))
    stands = (col(Decision.verb).in_(RELEASE_VERBS), col(Decision.undone_by).is_(None), col(DecisionItem.outcome).in_(CHANGED_OUTCOMES))
    which = (*stands, col(DecisionItem.before) == State.HELD)
    among = db.is_among(session, col(DecisionItem.delivery_id), deliveries)
    return dict(session.execute(rows.where(among, *which).group_by(col(DecisionItem.delivery_id))).all())


def was_reported() -> ColumnElement[bool]:
    """Condition on Delivery and Decision: an employee reported the message after this decision, and no reviewer called it harmless."""
    theirs = (col(MailReport.delivery_id) == col(Delivery.id), col(MailReport.at) > col(Decision.at), col(MailReport.verdict) != GOOD)
    return exists().where(*theirs)


def was_restored() -> ColumnElement[bool]:
    """Condition on Delivery and Decision: the decision was undone, or the message restored by a later decision that stands."""
    item, later = aliased(DecisionItem), aliased(Decision)
    again = exists().where(
        col(item.delivery_id) == col(Delivery.id),
        col(item.decision_id) > col(Decision.id),
        col(later.id) == col(item.decision_id),
        col(later.verb) == "restore",
        col(later.undone_by).is_(None),
    )
    return or_(col(Decision.undone_by).is_not(None), again)
