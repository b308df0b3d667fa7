"""The brake on an employee's account: which recipients of a message get it now, a little later, or when staff has looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sqlalchemy import and_, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Outbound, Settings
from triage.ids import format_id, new_id
from triage.policy.contacts.store import distrust_lately
from triage.policy.outbound_brakes.announced_runs import use_run
from triage.policy.outbound_brakes.new_recipients import HOUR, find_new, is_to_new, written_lately
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import OutboundBrake
from triage.store.models.markers import Marker
from triage.times import from_micros, to_micros

OPEN, REPORTED, RELEASED, REMOVED = "open", "reported", "released", "removed"  # states of a brake
TRIAL = "outbound-brakes"  # the marker: when the brakes began to report
BRIEFLY = timedelta(minutes=5)  # how long the messages after the first ones wait for the brake
EXCUSED = timedelta(hours=24)  # after a release
BY = Actor.system("outbound-brake")


@dataclass(frozen=True, slots=True)
class Braking:
    """Result of the brake for the recipients (folded) of one message."""

    new: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()  # of these: those that wait for `BRIEFLY`, in case more follow
    held: frozenset[str] = frozenset()  # of these: those that wait until staff decides
    brake: OutboundBrake | None = None  # that the message tripped, or came to
    is_first: bool = False  # it tripped it

    @property
    def teaches(self) -> bool:
        """Whether a message may teach whom the company knows. Nothing does that an account sends which may be stolen."""
        return self.brake is None


FREE = Braking()


def brake_message(session: Session, sender: Person | None, recipients: Sequence[str], *, settings: Settings, now: datetime) -> Braking:
    """Decides which recipients (folded) of an employee's message are delivered now, wait briefly, or are held.

    Only persons have a brake: role addresses, hosts and whoever `outbound.brake_exempt` names write to as many as they like.
    """
    outbound = settings.outbound
    if sender is None or not outbound.brake_recipients or is_exempt(sender, outbound):
        return FREE
    new = find_new(session, recipients, settings.own_domains, now)
    if not new or is_excused(session, sender.uid, now) or use_run(session, sender.uid, len(new), now):
        return FREE
    if (brake := open_brake(session, sender.uid)) is not None:
        return Braking(new, held=new, brake=brake)
    before = written_lately(session, sender.uid, now)
    in_order = [one for one in dict.fromkeys(recipients) if one in new - before]
    rest = frozenset(in_order[max(outbound.brake_first - len(before), 0) :])
    on_trial = is_on_trial(session, outbound, now)
    if len(before | new) <= outbound.brake_recipients:
        return Braking(new, later=frozenset() if on_trial else rest)
    if on_trial:
        brake, is_first = report_brake(session, sender, len(before | new), now)
        return Braking(new, brake=brake, is_first=is_first)
    brake = trip_brake(session, sender, OPEN, len(before | new), now)
    return Braking(new, held=rest, brake=brake, is_first=True)


def is_exempt(sender: Person, outbound: Outbound) -> bool:
    """Whether the settings name this person as a service account."""
    names = (sender.uid, sender.mailbox.casefold(), sender.mailbox.casefold().partition("@")[0])
    return any(fnmatchcase(name, pattern.casefold()) for pattern in outbound.brake_exempt for name in names)


def is_excused(session: Session, uid: str, now: datetime) -> bool:
    """Whether staff has released this account's messages within the last day."""
    lately = (col(OutboundBrake.state) == RELEASED, col(OutboundBrake.decided_at) > now - EXCUSED)
    return session.scalar(select(col(OutboundBrake.id)).where(col(OutboundBrake.person) == uid, *lately).limit(1)) is not None


def open_brake(session: Session, uid: str) -> OutboundBrake | None:
    """The brake that holds this account's messages; held until the transaction ends, so that no decision passes by."""
    rows = select(OutboundBrake).where(col(OutboundBrake.person) == uid, col(OutboundBrake.state) == OPEN)
    return session.scalars(rows.with_for_update().execution_options(populate_existing=True)).first()


def begin_trial(session: Session, now: datetime) -> None:
    """The brakes report from now on, unless they do already."""
    db.insert_if_missing(session, Marker, name=TRIAL, number=to_micros(now), text="")


def trial_end(session: Session, outbound: Outbound) -> datetime | None:
    """Until when the brakes only report; None: upkeep has not begun it yet."""
    begun = session.scalar(select(col(Marker.number)).where(col(Marker.name) == TRIAL))
    return from_micros(begun) + timedelta(days=outbound.brake_trial_days) if begun else None


def is_on_trial(session: Session, outbound: Outbound, now: datetime) -> bool:
    """Whether the brakes only report."""
    if not outbound.brake_trial_days:
        return False
    until = trial_end(session, outbound)
    return until is None or now < until


def report_brake(session: Session, sender: Person, number: int, now: datetime) -> tuple[OutboundBrake, bool]:
    """The report about an account that writes to too many, and whether it is a new one: one an hour."""
    lately = (col(OutboundBrake.state) == REPORTED, col(OutboundBrake.at) > now - HOUR)
    brake = session.scalars(select(OutboundBrake).where(col(OutboundBrake.person) == sender.uid, *lately)).first()
    if brake is None:
        return trip_brake(session, sender, REPORTED, number, now), True
    brake.recipients = max(brake.recipients, number)
    session.flush()
    return brake, False


def trip_brake(session: Session, sender: Person, state: str, number: int, now: datetime) -> OutboundBrake:
    """An account writes to too many new recipients: a row about it, in the audit log. What its earlier messages wait with is held, and what
    they taught is trusted no more.
    """
    brake = OutboundBrake(id=new_id(), person=sender.uid, department=sender.department, state=state, recipients=number, at=now)
    session.add(brake)
    session.flush()
    detail = {"brake": format_id(brake.id), "recipients": number, "state": state}
    ledger.write_act(session, "trip-brake", f"person:{sender.uid}", by=BY, now=now, detail=detail)
    distrust_lately(session, sender.uid, now - HOUR)
    if state == OPEN:
        waits = and_(is_to_new(), col(Delivery.person) == sender.uid, col(Delivery.received_at) > now - HOUR)
        unsent = and_(waits, col(Delivery.state) == State.QUEUED, col(Delivery.due_at) > now, col(Delivery.attempts) == 0)
        ledger.record_many(session, unsent, Event.HOLD, by=BY, now=now, due_at=None, queued_at=None, verdict="quarantine")
    return brake
