"""Brakes on employees' outgoing messages as staff decides about them: what waits, releasing and removing it, and telling the author."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import internal_mail
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.errors import NotAllowedNow, NotFound
from triage.ids import format_id
from triage.message.summary import make_summary
from triage.policy.outbound_brakes.brake_outgoing import OPEN, RELEASED, REMOVED, REPORTED
from triage.policy.outbound_brakes.new_recipients import HOUR, is_to_new
from triage.say import Said, format_minute, format_span, join_parts, say, say_count
from triage.store import bodies, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import OutboundBrake, OutboundRun
from triage.store.models.messages import Message

BY = Actor.system("outbound-brake")
RULE = "outbound-brake"  # of what an author is told
REASON = say("it tells an employee that their messages are held")
RECENT = timedelta(days=7)  # how long a brake that is decided or only reported is listed
KEPT = timedelta(days=90)
MOST_NAMED = 20  # messages that a notice or a list names
MOST_LOOKED_AT = 5_000  # deliveries of which the messages are named


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of an account that the brake is about, as its author wrote it."""

    id: int
    subject: str
    at: datetime
    recipients: int  # new ones


@dataclass(frozen=True, slots=True)
class Brake:
    """An account that wrote to too many new recipients, and what waits."""

    id: int
    person: str
    name: str
    state: str  # open, reported, released, removed
    at: datetime
    recipients: int  # new ones within an hour
    waiting: int  # deliveries
    messages: tuple[SentMessage, ...]  # some of those that wait; where none do, of those that were sent
    decided_at: datetime | None
    by_shown: str
    reason: str


def list_brakes(session: Session, *, by: Actor, now: datetime) -> list[Brake]:
    """The brakes that wait for a decision, and those of the last seven days; the newest first. For the duty that looks after them."""
    access.may_see_outgoing(by)
    lately = or_(col(OutboundBrake.state) == OPEN, col(OutboundBrake.at) > now - RECENT)
    rows = select(OutboundBrake).where(lately, access.within_scope(by, OutboundBrake)).order_by(col(OutboundBrake.id).desc())
    return [describe_brake(session, row) for row in session.scalars(rows)]


def describe_brake(session: Session, row: OutboundBrake) -> Brake:
    """A brake with what it is about."""
    person = session.get(Person, row.person)
    waiting = session.scalar(select(func.count()).select_from(Delivery).where(is_waiting(row))) or 0 if row.state == OPEN else 0
    return Brake(
        row.id,
        row.person,
        person.name if person else row.person,
        row.state,
        row.at,
        row.recipients,
        waiting,
        name_messages(session, concerned(row)),
        row.decided_at,
        row.by_shown,
        row.reason,
    )


def is_waiting(row: OutboundBrake) -> ColumnElement[bool]:
    """Condition: deliveries that wait because of a brake."""
    return and_(col(Delivery.person) == row.person, col(Delivery.state) == State.HELD, is_to_new())


def concerned(row: OutboundBrake) -> ColumnElement[bool]:
    """Condition: deliveries that a brake is about: those that wait, or those that its account sent within the hour."""
    if row.state == OPEN:
        return is_waiting(row)
    within = (col(Delivery.received_at) > row.at - HOUR, col(Delivery.received_at) < row.at + HOUR)
    return and_(col(Delivery.person) == row.person, is_to_new(), *within)


def name_messages(session: Session, which: ColumnElement[bool]) -> tuple[SentMessage, ...]:
    """The messages of these deliveries, those to most recipients first. Subjects are read from their bytes: nothing else keeps them."""
    some = select(col(Delivery.message_id)).where(which).limit(MOST_LOOKED_AT).subquery()
    number = func.count()
    counted = select(some.c.message_id, number).group_by(some.c.message_id).order_by(number.desc(), some.c.message_id).limit(MOST_NAMED)
    found = dict(session.execute(counted).all())
    messages = session.scalars(select(Message).where(col(Message.id).in_(list(found)))).all() if found else ()
    named = (SentMessage(one.id, subject_of(session, one), one.received_at, found[one.id]) for one in messages)
    return tuple(sorted(named, key=lambda one: (-one.recipients, one.id)))


def subject_of(session: Session, message: Message) -> str:
    """Returns the subject of a message, "" where its content is erased."""
    raw = bodies.find_body(session, message.content_id)
    return make_summary(raw, headers_only=True).subject if raw else ""


def release_brake(session: Session, brake_id: int, *, by: Actor, reason: str, now: datetime) -> Brake:
    """Send all that waits because of a brake. For a day the account may write to as many as it likes. NotFound, or NotAllowedNow
    where somebody has decided."""
    row = take_brake(session, brake_id, (OPEN,), by, now)
    sent = ledger.record_many(
        session, is_waiting(row), Event.RELEASE, by=by, now=now, due_at=now, queued_at=now, verdict="relay", detail=about(row, reason)
    )
    return settle_brake(session, row, RELEASED, len(sent), by=by, reason=reason, now=now)


def remove_brake(session: Session, brake_id: int, *, by: Actor, reason: str, settings: Settings, now: datetime) -> Brake:
    """Remove all that waits because of a brake; its author is told. `restore_brake` undoes it. Errors as of `release_brake`."""
    row = take_brake(session, brake_id, (OPEN,), by, now)
    messages = name_messages(session, is_waiting(row))
    removed = ledger.record_many(session, is_waiting(row), Event.PURGE, by=by, now=now, detail=about(row, reason))
    found = settle_brake(session, row, REMOVED, len(removed), by=by, reason=reason, now=now)
    opening = say("{name} removed some of your messages. They were not sent to the new recipients.", name=by.shown)
    notify_author(session, row, messages, say("Some of your messages were not sent"), opening, settings=settings, now=now)
    return found


def restore_brake(session: Session, brake_id: int, *, by: Actor, reason: str, now: datetime) -> Brake:
    """Undo a removal: its messages wait again, as far as they are still there. Errors as of `release_brake`."""
    row = take_brake(session, brake_id, (REMOVED,), by, now)
    removed = and_(col(Delivery.person) == row.person, is_to_new(), col(Delivery.state) == State.PURGED)
    these = and_(removed, col(Delivery.settled_at) == row.decided_at, col(Delivery.erased_at).is_(None))
    back = ledger.record_many(session, these, Event.RESTORE, by=by, now=now, detail=about(row, reason))
    if not back:
        raise NotAllowedNow(say("there is nothing left to restore: the content is erased"))
    return settle_brake(session, row, OPEN, len(back), by=by, reason=reason, now=now)


def take_brake(session: Session, brake_id: int, states: Sequence[str], by: Actor, now: datetime) -> OutboundBrake:
    """The brake, held until the transaction ends."""
    access.may_decide_outgoing(by)
    rows = select(OutboundBrake).where(col(OutboundBrake.id) == brake_id, access.within_scope(by, OutboundBrake))
    row = session.scalars(rows.with_for_update().execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound(say("there is no brake {number}", number=format_id(brake_id)))
    if row.state not in states:
        raise NotAllowedNow(why_not_now(row, now))
    return row


def why_not_now(row: OutboundBrake, now: datetime) -> Said:
    """Says who decided first, or that no message is held."""
    if row.state in (RELEASED, REMOVED) and row.decided_at is not None:
        given = {"name": row.by_shown, "ago": format_span(now - row.decided_at)}
        return say("Released by {name} {ago}.", **given) if row.state == RELEASED else say("Removed by {name} {ago}.", **given)
    return say("nothing was removed") if row.state == OPEN else say("none of its messages are held")


def settle_brake(session: Session, row: OutboundBrake, state: str, number: int, *, by: Actor, reason: str, now: datetime) -> Brake:
    """Write down what was decided."""
    row.state, row.reason = state, reason
    row.decided_at, row.by_shown = (None, "") if state == OPEN else (now, by.shown)
    session.flush()
    act = {RELEASED: "release-brake", REMOVED: "remove-brake", OPEN: "restore-brake"}[state]
    ledger.write_act(session, act, f"person:{row.person}", by=by, now=now, items=number, detail=about(row, reason))
    return describe_brake(session, row)


def about(row: OutboundBrake, reason: str) -> dict[str, str]:
    """Returns the details of a brake for the audit log."""
    return {"brake": format_id(row.id)} | ({"reason": reason} if reason else {})


def note_tripped(session: Session, row: OutboundBrake, *, settings: Settings, now: datetime) -> None:
    """Tells an author that messages are held. Nobody gets a notice while the brakes only report."""
    if row.state != OPEN:
        return
    opening = say(
        "Your account wrote to {count} new recipients within an hour. Messages to further new recipients are held until staff "
        "review them. If you wrote them, tell your administrator. If not, somebody else is using your account: change your "
        "password and tell your administrator at once.",
        count=row.recipients,
    )
    messages = name_messages(session, is_waiting(row))
    notify_author(session, row, messages, say("Some of your messages are held"), opening, settings=settings, now=now)


def notify_author(
    session: Session, row: OutboundBrake, messages: Iterable[SentMessage], subject: str, opening: str, *, settings: Settings, now: datetime
) -> None:
    """A notice to whose account it is, with the messages that it is about."""
    person = session.get(Person, row.person)
    if person is None or internal_mail.is_outside(person.mailbox, settings):
        return
    notice = EmployeeNotice(
        to=person.mailbox,
        subject=subject,
        sections=(Section(say("Messages"), tuple(map(message_line, messages))),),
        footer=say("The mail system of {company} generated this message.", company=settings.company.domains[0]),
        opening=opening,
    )
    folder = person.department, person.uid
    internal_mail.send_notice(session, notice, folder=folder, rule=RULE, reason=REASON, settings=settings, by=BY, now=now)


def message_line(one: SentMessage) -> Line:
    """A message, as its author knows it."""
    number = say_count("{count} new recipient", "{count} new recipients", count=one.recipients)
    return Line(one.subject or say("(no subject)"), (number, join_parts(" ", (format_minute(one.at), "UTC"))))


def forget_brakes(session: Session, *, now: datetime) -> int:
    """Forget brakes and announced runs that were over 90 days ago; how many. What waits stays."""
    over = and_(col(OutboundBrake.state) != OPEN, col(OutboundBrake.at) < now - KEPT)
    runs = delete(OutboundRun).where(col(OutboundRun.until) < now - KEPT).returning(col(OutboundRun.id))
    brakes = delete(OutboundBrake).where(over).returning(col(OutboundBrake.id))
    return len(session.scalars(brakes).all()) + len(session.scalars(runs).all())


def list_waiting_brakes(session: Session, now: datetime) -> list[OutboundBrake]:
    """Lists the brakes for the alert to staff: those with held messages, and those that only reported within the last day."""
    lately = and_(col(OutboundBrake.state) == REPORTED, col(OutboundBrake.at) > now - timedelta(days=1))
    return list(session.scalars(select(OutboundBrake).where(or_(col(OutboundBrake.state) == OPEN, lately)).order_by(col(OutboundBrake.id))))


def name_brakes(session: Session, now: datetime) -> tuple[Line, ...]:
    """Lists the braked accounts and their messages, for the notice to staff. Names none of confidential folders."""
    shut = confidential_folders.list_confidential(session)
    rows = (one for one in list_waiting_brakes(session, now) if not confidential_folders.is_hidden(shut, one.department, one.person))
    return tuple(line for row in rows for line in brake_lines(describe_brake(session, row)))


def brake_lines(one: Brake) -> list[Line]:
    """An account and its messages."""
    waits = (
        say_count("{count} delivery is held", "{count} deliveries are held", count=one.waiting)
        if one.state == OPEN
        else say("no delivery is held")
    )
    number = say_count("{count} new recipient", "{count} new recipients", count=one.recipients)
    return [Line(one.name, (number, waits)), *map(message_line, one.messages)]
