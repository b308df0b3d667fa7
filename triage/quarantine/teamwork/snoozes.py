"""Snoozed rows of the queue: out of the way of one member of staff until a time, in everybody else's view as before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access, substitutes
from triage.actor import Actor
from triage.config.alert_types import HARDLY_WANTED
from triage.config.settings import Settings
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.quarantine import assignment
from triage.quarantine.search import expiry, legal_hold
from triage.quarantine.search.selection import Selection, selection_condition
from triage.say import Said, format_minute, say
from triage.store import db, ledger
from triage.store.db import is_among
from triage.store.models.assignments import Snooze
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffMember, StaffSession, Substitution
from triage.store.queue.waiting_targets import Targets

MOST = 1_000  # messages that one person has snoozed at a time


@dataclass(frozen=True, slots=True)
class SnoozedBy:
    """Member of staff who has snoozed a row."""

    login: str
    name: str
    until: datetime  # when the first of its messages is back


@dataclass(frozen=True, slots=True)
class Limit:
    """Moment until when messages can be snoozed at the latest."""

    at: datetime
    why: Said
    over: Said  # said where it is over already


def snooze_messages(session: Session, selected: Selection, until: datetime, *, by: Actor, settings: Settings, now: datetime) -> int:
    """Puts the held messages of this selection out of the actor's way until a time; of how many deliveries.

    NotFound when nothing of it is held; NotAllowedNow for time-limited messages and for too many; BadInput for a time that is over, or
    past the first limit: the department's target, the expiry of a message, the end of the actor's session.
    """
    access.may_decide(by)
    if until <= now:
        raise BadInput(say("name a time in the future"), field="until")
    ends = session_limit(session, by, settings)
    ids = assignment.assignable_deliveries(session, selected, by)
    refuse_time_limited(session, ids, now)
    refuse_late_end(until, [ends, *target_limits(session, ids, settings), *expiry_limits(session, ids, settings, now)], settings, now)
    session.execute(delete(Snooze).where(or_(col(Snooze.until) <= now, and_(theirs(by), is_among(session, col(Snooze.delivery_id), ids)))))
    if (session.scalar(select(func.count()).select_from(Snooze).where(theirs(by))) or 0) + len(ids) > MOST:
        raise NotAllowedNow(say("snooze at most {most} messages at a time", most=MOST))
    same = {"login": by.name, "by_shown": by.shown, "until": until}
    db.insert_all(session, Snooze, [same | {"delivery_id": one} for one in ids])
    detail = {"until": until.isoformat()} | confidential_folders.scopes_of(session, ids)
    ledger.write_act(session, "snooze", f"staff:{by.name}", by=by, now=now, detail=detail, items=len(ids))
    return len(ids)


def wake_messages(session: Session, selected: Selection, *, by: Actor, now: datetime) -> int:
    """Puts snoozed messages of this selection back into the actor's queue; how many. NotFound when the actor has snoozed none of it."""
    access.may_decide(by)
    these = select(col(Delivery.id)).where(selection_condition(selected), access.visible_deliveries(by), snoozed_by(by))
    ids = list(session.scalars(these))
    if not ids:
        raise NotFound(say("you have snoozed none of these messages"))
    session.execute(delete(Snooze).where(theirs(by), is_among(session, col(Snooze.delivery_id), ids)))
    detail = confidential_folders.scopes_of(session, ids)
    ledger.write_act(session, "end-snooze", f"staff:{by.name}", by=by, now=now, detail=detail, items=len(ids))
    return len(ids)


def end_snoozes(session: Session, *, by: Actor) -> None:
    """Puts all that the actor has snoozed back into the queue: they go home."""
    session.execute(delete(Snooze).where(theirs(by)))


def theirs(by: Actor) -> ColumnElement[bool]:
    """Condition: snoozes of the actor."""
    return col(Snooze.login) == by.name


def snoozed_by(by: Actor) -> ColumnElement[bool]:
    """Condition: deliveries that the actor has snoozed."""
    return col(Delivery.id).in_(select(col(Snooze.delivery_id)).where(theirs(by)))


def is_in_force(now: datetime) -> ColumnElement[bool]:
    """Condition: snoozes whose time is not over, of somebody who is signed in and not away."""
    login = col(Snooze.login)
    signed_in = exists().where(col(StaffSession.login) == login)
    present = or_(col(StaffMember.away_until).is_(None), col(StaffMember.away_until) <= now)
    works = exists().where(col(StaffMember.login) == login, col(StaffMember.active), present)
    absent = exists().where(col(Substitution.absent) == login, substitutes.in_force(now))
    return and_(col(Snooze.until) > now, *(one.correlate(Snooze) for one in (signed_in, works)), not_(absent.correlate(Snooze)))


def snoozed_messages(session: Session, *, by: Actor, now: datetime) -> dict[int, datetime]:
    """Returns the deliveries that the actor has snoozed, each with its end."""
    if by.kind != "person":
        return {}
    rows = select(col(Snooze.delivery_id), col(Snooze.until)).where(theirs(by), is_in_force(now))
    return dict(session.execute(rows).all())


def who_snoozed(session: Session, rows: Mapping[str, Sequence[int]], now: datetime) -> dict[str, tuple[SnoozedBy, ...]]:
    """Returns who has snoozed all these deliveries of a row, by the row's key, the soonest end first."""
    every = {one for ids in rows.values() for one in ids}
    found = session.scalars(select(Snooze).where(is_among(session, col(Snooze.delivery_id), every), is_in_force(now))).all()
    names, ends = {one.login: one.by_shown for one in found}, {(one.login, one.delivery_id): one.until for one in found}
    return {
        key: tuple(sorted((one for one in (snooze_of(login, name, ids, ends) for login, name in names.items()) if one), key=soonest))
        for key, ids in (rows.items() if found else ())
    }


def snooze_of(login: str, name: str, ids: Sequence[int], ends: Mapping[tuple[str, int], datetime]) -> SnoozedBy | None:
    """Returns somebody's snooze of a row; None unless they have snoozed all these deliveries of it."""
    own = [ends.get((login, one)) for one in ids]
    times = [one for one in own if one is not None]
    return SnoozedBy(login, name, min(times)) if times and len(times) == len(own) else None


def soonest(one: SnoozedBy) -> tuple[datetime, str]:
    """Sort key of snoozes."""
    return one.until, one.login


def refuse_time_limited(session: Session, ids: Sequence[int], now: datetime) -> None:
    """NotAllowedNow when a code or link of one of these deliveries still works."""
    limited = and_(is_among(session, col(Delivery.id), ids), col(Delivery.time_limited_until) > now)
    if session.scalar(select(col(Delivery.id)).where(limited).limit(1)) is not None:
        raise NotAllowedNow(say("a code or link in these messages stops working soon; time-limited messages cannot be snoozed"))


def refuse_late_end(until: datetime, limits: Sequence[Limit], settings: Settings, now: datetime) -> None:
    """BadInput when the time is past the first of these limits, NotAllowedNow when that one is over already."""
    first = min(limits, key=lambda one: one.at)
    if first.at <= now:
        raise NotAllowedNow(first.over)
    if until > first.at:
        zone = settings.coverage.time_zone
        latest = format_minute(first.at.astimezone(ZoneInfo(zone)))
        said = say("snooze at the latest until {latest} ({zone}): {why}", latest=latest, zone=zone, why=first.why)
        raise BadInput(said, field="until")


def session_limit(session: Session, by: Actor, settings: Settings) -> Limit:
    """The end of the actor's last session. NotAllowed for who has none, such as a token: it has no queue of its own."""
    started = session.scalar(select(func.max(col(StaffSession.started_at), type_=Instant)).where(col(StaffSession.login) == by.name))
    if by.kind != "person" or started is None:
        raise NotAllowed(say("snoozing is for people at a console: only somebody who is signed in has a queue of their own"))
    why, over = say("then your session ends"), say("your session has ended; sign in again")
    return Limit(started + timedelta(hours=settings.api.session_hours), why, over)


def target_limits(session: Session, ids: Sequence[int], settings: Settings) -> list[Limit]:
    """When these messages will have waited as long as the targets of their folders let a possibly wanted message wait."""
    targets, limits = Targets.of_settings(settings), []
    wanted = and_(is_among(session, col(Delivery.id), ids), col(Delivery.urgency) >= HARDLY_WANTED, targets.scope)
    first = func.min(col(Delivery.received_at), type_=Instant)
    why = say("then the first of these messages has waited as long as its target allows")
    over = say("one of these messages has waited longer than its target allows; decide it, or assign it")
    place = (col(Delivery.department), targets.owner)
    for code, person, came in session.execute(select(*place, first).where(wanted).group_by(*place)):
        if end := targets.end_of(code, person, came, HARDLY_WANTED):
            limits.append(Limit(end, why, over))
    return limits


def expiry_limits(session: Session, ids: Sequence[int], settings: Settings, now: datetime) -> list[Limit]:
    """When the first of these messages expires; none where none does. One that may not expire yet, and should have, does not count."""
    terms, begun = expiry.expiry_terms(settings), expiry.time_start()
    lasts = timedelta(days=terms.days)
    expires = or_(begun > now - lasts, expiry.expired_condition(now, terms))
    these = and_(is_among(session, col(Delivery.id), ids), expires, not_(legal_hold.marked_condition()))
    rows = select(func.min(begun, type_=Instant)).select_from(Delivery).outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
    first = session.scalar(rows.where(these))
    over = say("one of these messages expires; decide it now")
    return [Limit(first + lasts, say("then the first of these messages expires"), over)] if first else []
