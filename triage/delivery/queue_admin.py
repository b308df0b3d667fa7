"""Administration of the outgoing queue: retry, give up, defer while a next hop is down, resume when it is back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, not_, or_, select, true, update
from sqlmodel import Session, SQLModel, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import outbound_notices, sender_notices
from triage.delivery.journal import JOURNAL
from triage.delivery.routes import Destination, list_destinations
from triage.directory import reassigned_addresses
from triage.errors import NotAllowedNow, NotFound
from triage.ids import format_id
from triage.say import form_of, say, with_its_form
from triage.store import ledger, restore_pause
from triage.store.db import is_among
from triage.store.delivery_state import SHOWN, Event, State
from triage.store.models.deliveries import Delivery, reply_columns
from triage.times import from_micros, to_micros

DELIVERY = SQLModel.metadata.tables["delivery"]
UNSENT = (State.QUEUED, State.RELAYING, State.BOUNCED, State.RECALLING, State.RESTORING)
IN_HAND = (State.RELAYING, State.RECALLING, State.RESTORING)  # or it waits for a recaller, who has shorter leases than a relay
LONGEST_PAUSE = timedelta(hours=2)  # longer than any between two attempts


@dataclass(frozen=True, slots=True)
class Standing:
    """Numbers of deliveries for one next hop, with the last reply and the next attempt."""

    next_hop: str
    waiting: int  # queued, due or not
    under_way: int
    refused: int  # by the next hop for good, and nobody has looked after it yet
    unreachable: int  # of those waiting: deferred because the next hop is away
    last_reply: str  # of one that waits, the one that is tried next
    next_try: datetime | None


def retry_deliveries(session: Session, ids: Sequence[int], *, settings: Settings, by: Actor, now: datetime) -> int:
    """Try these at once, bounced ones again; how many. NotFound for one that is not there, NotAllowedNow for one that does not wait."""
    access.may_decide(by)
    states = find_states(session, ids, by)
    if wrong := next((one for one, state in states.items() if state not in (State.QUEUED, State.BOUNCED)), None):
        raise NotAllowedNow(
            say("delivery {wrong} is {state}: there is nothing to retry", wrong=format_id(wrong), state=SHOWN[states[wrong]])
        )
    queued = [one for one, state in states.items() if state == State.QUEUED]
    bounced = [one for one, state in states.items() if state == State.BOUNCED]
    if barred := reassigned_addresses.find_barred(session, bounced):
        raise NotAllowedNow(next(iter(barred.values())))
    if bounced:
        reassigned_addresses.readdress_deliveries(session, is_among(session, col(Delivery.id), bounced) & not_(col(Delivery.redirected)))
        anew = is_among(session, col(Delivery.id), bounced) & (col(Delivery.state) == State.BOUNCED)
        ledger.record_many(session, anew, Event.RELEASE, by=by, now=now, due_at=now, queued_at=now, waits_for="")
        sender_notices.follow_deliveries(session, bounced, settings=settings, now=now)
    return len(bounced) + make_due(session, is_among(session, col(Delivery.id), queued), by=by, now=now)


def retry_all(session: Session, destination: Destination, *, by: Actor, now: datetime) -> int:
    """Try everything that waits for a next hop, and that the actor may see, at once; how many."""
    access.may_decide(by)
    waiting = col(Delivery.due_at).is_not(None)  # else it waits for a person's word about it alone (reconciling)
    return make_due(session, and_(destination_deliveries(destination), access.sent_by(by), waiting), by=by, now=now)


def make_due(session: Session, where: ColumnElement[bool], *, by: Actor, now: datetime) -> int:
    """Make what is queued due now, in the audit log."""
    queued = lock_deliveries(session, and_(where, col(Delivery.state) == State.QUEUED))
    if queued:
        session.execute(update(Delivery).where(is_among(session, col(Delivery.id), queued)).values(due_at=now, waits_for=""))
        subject = f"delivery:{format_id(queued[0])}" if len(queued) == 1 else "deliveries"
        ledger.write_act(session, "retry", subject, by=by, now=now, items=len(queued))
    return len(queued)


def has_strayed(settings: Settings, now: datetime) -> ColumnElement[bool]:
    """Due so late that only a clock which was ahead can have said so."""
    latest = now + LONGEST_PAUSE + timedelta(seconds=settings.policy.undo_seconds + settings.notices.delay)
    return and_(col(Delivery.state).in_((State.QUEUED, *IN_HAND)), col(Delivery.due_at) > latest)


def any_strayed(session: Session, *, settings: Settings, now: datetime) -> bool:
    """Whether there is such a delivery."""
    return session.scalar(select(col(Delivery.id)).where(has_strayed(settings, now)).limit(1)) is not None


def set_right(session: Session, *, settings: Settings, lease: timedelta, by: Actor, now: datetime) -> int:
    """Mends the queue after a clock was ahead: queued deliveries are due now, those possibly being sent when a lease from now ends; returns
    how many.
    """
    in_hand = and_(has_strayed(settings, now), col(Delivery.state).in_(IN_HAND))
    leased = session.connection().execute(update(Delivery).where(in_hand).values(due_at=now + lease)).rowcount
    return leased + make_due(session, has_strayed(settings, now), by=by, now=now)


def give_up(session: Session, ids: Sequence[int], *, settings: Settings, by: Actor, now: datetime) -> int:
    """Try these no more: bounced; how many. NotFound for one that is not there, NotAllowedNow for one that does not wait."""
    access.may_decide(by)
    states = find_states(session, ids, by)
    if wrong := next((one for one, state in states.items() if state != State.QUEUED), None):
        raise NotAllowedNow(
            say(
                "delivery {wrong} is {state}: only a delivery that waits for the next hop can be given up",
                wrong=format_id(wrong),
                state=SHOWN[states[wrong]],
            )
        )
    return end_deliveries(
        session, is_among(session, col(Delivery.id), ids), say("given up by {by}", by=by.shown), settings=settings, by=by, now=now
    )


def give_up_all(session: Session, destination: Destination, *, settings: Settings, by: Actor, now: datetime) -> int:
    """Try nothing more of what waits for a next hop, and that the actor may see; how many."""
    access.may_decide(by)
    return end_deliveries(
        session,
        and_(destination_deliveries(destination), access.sent_by(by)),
        say("given up by {by}", by=by.shown),
        settings=settings,
        by=by,
        now=now,
    )


def end_deliveries(session: Session, where: ColumnElement[bool], reply: str, *, settings: Settings, by: Actor, now: datetime) -> int:
    """Queued becomes bounced, and senders who may be told are; the next hop's last reply stays readable behind why."""
    queued = and_(where, col(Delivery.state) == State.QUEUED)
    detail = {"reply": str(reply), "reply_form": form_of(reply)}
    ended = ledger.record_many(session, queued, Event.GIVE_UP, by=by, now=now, detail=detail, due_at=None, waits_for="")
    ids = [delivery_id for delivery_id, _ in ended]
    note_why_ended(session, ids, reply)
    sender_notices.notify_failed(session, ids, settings=settings, now=now)
    outbound_notices.note_bounced(session, ids, settings=settings, now=now)
    return len(ids)


def note_why_ended(session: Session, ids: Sequence[int], why: str) -> None:
    """Saves why these locked deliveries are not tried any more, followed by the last reply of each."""
    columns = (col(Delivery.id), col(Delivery.last_reply), col(Delivery.reply_form))
    rows = session.execute(select(*columns).where(is_among(session, col(Delivery.id), ids))).all()
    changed = [{"delivery": number} | reply_columns(add_last_reply(why, with_its_form(last, form))) for number, last, form in rows]
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in ("last_reply", "reply_form")}
        session.connection().execute(update(DELIVERY).where(DELIVERY.c.id == bindparam("delivery")).values(values), changed)


def add_last_reply(why: str, last: str) -> str:
    """Appends the last SMTP reply to the reason, if there was a reply."""
    return say("{why}; last: {reply}", why=why, reply=last) if last else why


def defer_deliveries(
    session: Session, destination: Destination, until: datetime, reply: str, *, give_up: bool, settings: Settings, by: Actor, now: datetime
) -> int:
    """The next hop is away: what is due there waits until it is asked again, without an attempt. How many.

    With `give_up` what has waited too long (relay.give_up_after) is given up, but never what is for the archive: also what waits for this
    next hop since an attempt of its own, which is due when somebody is to find out whether it is back.
    """
    here = and_(destination_deliveries(destination), col(Delivery.state) == State.QUEUED, restore_pause.is_running())
    due = and_(here, col(Delivery.due_at) <= now)
    if give_up:
        overdue = col(Delivery.queued_at) <= now - timedelta(hours=settings.relay.give_up_after)
        theirs = or_(col(Delivery.due_at) <= now, col(Delivery.waits_for) == destination.next_hop)
        end_deliveries(session, and_(here, theirs, overdue, col(Delivery.direction) != JOURNAL), reply, settings=settings, by=by, now=now)
    rows = lock_deliveries(session, due, skip_locked=True)
    if rows:
        values = {"due_at": until, "waits_for": destination.next_hop} | reply_columns(reply)
        session.execute(update(Delivery).where(is_among(session, col(Delivery.id), rows)).values(**values))
    return len(rows)


def bring_forward(session: Session, destination: Destination, *, now: datetime) -> int:
    """The next hop is back: whatever was deferred because it was away is due now. How many."""
    away = and_(col(Delivery.state) == State.QUEUED, col(Delivery.waits_for) == destination.next_hop)
    rows = lock_deliveries(session, away, skip_locked=True)
    if rows:
        session.execute(update(Delivery).where(is_among(session, col(Delivery.id), rows)).values(due_at=now, waits_for=""))
    return len(rows)


def list_standings(session: Session, *, by: Actor, settings: Settings) -> list[Standing]:
    """Lists the queue of each next hop, of deliveries that the actor may see."""
    return [get_standing(session, one, access.sent_by(by)) for one in list_destinations(settings)]


def get_standing(session: Session, destination: Destination, visible: ColumnElement[bool]) -> Standing:
    """Returns the queue of one next hop: numbers, last reply and next attempt."""
    unsent = and_(destination_deliveries(destination), visible, col(Delivery.state).in_([State.QUEUED, State.RELAYING, State.BOUNCED]))
    rows = session.execute(select(col(Delivery.state), func.count()).where(unsent).group_by(col(Delivery.state)))
    counts: dict[str, int] = {str(state): count for state, count in rows}
    queued = and_(destination_deliveries(destination), visible, col(Delivery.state) == State.QUEUED)
    away = session.scalar(select(func.count()).where(queued, col(Delivery.waits_for) == destination.next_hop)) or 0
    first: Any = session.execute(
        select(col(Delivery.last_reply), col(Delivery.reply_form), col(Delivery.due_at))
        .where(queued)
        .order_by(col(Delivery.last_reply) == "", col(Delivery.due_at))
        .limit(1)
    ).first()
    next_try = session.scalar(select(func.min(col(Delivery.due_at))).where(queued, col(Delivery.due_at).is_not(None)))
    return Standing(
        destination.next_hop,
        counts.get(State.QUEUED, 0),
        counts.get(State.RELAYING, 0),
        counts.get(State.BOUNCED, 0),
        away,
        with_its_form(first.last_reply, first.reply_form) if first else "",
        next_try,
    )


def list_outgoing(
    session: Session, *, by: Actor, only: Destination | None = None, limit: int = 50, after: tuple[int, int] | None = None
) -> list[Delivery]:
    """Lists deliveries that wait, are being sent or were refused, and that the actor may see; those due first, those never tried again
    last.

    `after`: the place of the last one seen (`place_of`).
    """
    where = and_(col(Delivery.state).in_(UNSENT), access.sent_by(by), destination_deliveries(only) if only else true())
    if after is not None:
        due, last = after
        at = from_micros(due) if due >= 0 else None
        later = col(Delivery.due_at).is_(None) | (col(Delivery.due_at) > at) | (col(Delivery.due_at) == at) & (col(Delivery.id) > last)
        where = and_(where, later if at else col(Delivery.due_at).is_(None) & (col(Delivery.id) > last))
    first = (col(Delivery.due_at).is_(None), col(Delivery.due_at), col(Delivery.id))
    return list(session.scalars(select(Delivery).where(where).order_by(*first).limit(limit)))


def place_of(one: Delivery) -> tuple[int, int]:
    """Sort key of a delivery in that list."""
    return to_micros(one.due_at) if one.due_at else -1, one.id


def waiting_for(session: Session, destination: Destination, *, by: Actor, limit: int) -> list[int]:
    """The ids of what waits for a next hop and the actor may see, those due first."""
    queued = and_(destination_deliveries(destination), access.visible_deliveries(by), col(Delivery.state) == State.QUEUED)
    return list(session.scalars(select(col(Delivery.id)).where(queued).order_by(col(Delivery.due_at)).limit(limit)))


def destination_deliveries(destination: Destination) -> ColumnElement[bool]:
    """The condition on a destination's deliveries."""
    return true() if destination.condition is None else destination.condition


def find_states(session: Session, ids: Sequence[int], by: Actor) -> dict[int, str]:
    """The states of these deliveries; NotFound for one that the actor may not see or whose content is gone."""
    where = and_(is_among(session, col(Delivery.id), ids), access.sent_by(by), col(Delivery.erased_at).is_(None))
    states: dict[int, str] = dict(session.execute(select(col(Delivery.id), col(Delivery.state)).where(where)).all())
    for one in ids:
        if one not in states:
            raise NotFound(say("there is no delivery {one}", one=format_id(one)))
    return states


def lock_deliveries(session: Session, where: ColumnElement[bool], *, skip_locked: bool = False) -> list[int]:
    """The deliveries, held until the transaction ends, in the order of their ids as the ledger holds them."""
    rows = select(col(Delivery.id)).where(where).order_by(col(Delivery.id)).with_for_update(skip_locked=skip_locked)
    return list(session.scalars(rows))
