"""The only writer of Delivery.state: every change is legal, single and in the audit log."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, case, event as events, literal, select, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.errors import NotAllowedNow, NotFound
from triage.ids import format_id, new_id
from triage.say import say
from triage.store import db, pack_records
from triage.store.delivery_state import ENTRY, FINAL, FOR_ASSISTANT, SHOWN, SOURCES, TRANSITIONS, Event, State, next_state
from triage.store.message_record.record_parts import spread_message
from triage.store.models.audit import AuditRecord
from triage.store.models.columns import Instant
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.new_rows import Entry, NewDelivery, Row
from triage.store.provable_rows import row_digests, row_sums, rows_found
from triage.store.queue import dirty_counts
from triage.times import utcnow

FILED = "file-decision"  # the act: rows of decisions were written of which no other entry has the sum


def enter_message(
    session: Session, message: Message, content: Row | None, deliveries: Iterable[Delivery | NewDelivery], *, by: Actor, now: datetime
) -> None:
    """A message comes in: its content (None when it is stored already), itself and its deliveries, in the audit log."""
    rows = [one.as_row() if isinstance(one, NewDelivery) else db.columns_of(one) for one in deliveries]
    enter_all(session, [Entry(db.columns_of(message), content, rows)], by=by, now=now)


def enter_all(session: Session, entries: Sequence[Entry], *, by: Actor, now: datetime) -> None:
    """Messages come in, each in the audit log."""
    deliveries = [delivery for entry in entries for delivery in entry.deliveries]
    if any(State(delivery["state"]) not in ENTRY for delivery in deliveries):
        raise NotAllowedNow(say("a new delivery is held, queued, purged or recalling"))
    for delivery in deliveries:
        delivery["settled_at"] = now if State(delivery["state"]) in FINAL else None
    contents = sorted((entry.content for entry in entries if entry.content), key=itemgetter("sha256"))
    db.insert_all(session, Content, contents)  # in this order, so that two who get the same ones never wait for each other in a circle
    messages = [spread_message(entry.message) for entry in entries]
    db.insert_all(session, Message, messages)
    pack_records.enter_parts(session, messages)
    db.insert_all(session, Delivery, deliveries)
    dirty_counts.touch_entered(session, deliveries)
    db.insert_all(session, AuditRecord, [record_of_entry(entry, by=by, now=now) for entry in entries])


def record_of_entry(entry: Entry, *, by: Actor, now: datetime) -> Row:
    """Audit entry of a new message."""
    states = [(delivery["id"], State(delivery["state"])) for delivery in entry.deliveries]
    notes = {format_id(delivery["id"]): delivery["note"] for delivery in entry.deliveries if delivery["note"]}
    detail = {"notes": notes} if notes else None
    subject = f"message:{format_id(entry.message['id'])}"
    digest = row_sums.sum_states(states).format_digest()
    return record_of("receive", subject, by=by, now=now, detail=detail, items=len(states), digest=digest)


def branch_delivery(
    session: Session, parent_id: int, deliveries: list[Delivery], *, by: Actor, now: datetime, detail: Mapping[str, Any]
) -> None:
    """A delivery for a group becomes one for each member, in the audit log: queued, or held for the member's assistant."""
    if any(not may_branch(delivery) for delivery in deliveries):
        raise NotAllowedNow(say("a member's copy can only be queued"))
    session.add_all(deliveries)
    session.flush()
    states = [(delivery.id, State(delivery.state)) for delivery in deliveries]
    write_act(
        session,
        "expand",
        f"delivery:{format_id(parent_id)}",
        by=by,
        now=now,
        detail=detail,
        items=len(states),
        digest=row_sums.sum_states(states).format_digest(),
    )


def may_branch(delivery: Delivery) -> bool:
    """Whether a member's copy may begin in its state."""
    state = State(delivery.state)
    return state is State.QUEUED or (state is State.HELD and delivery.rule == FOR_ASSISTANT)


def record_event(
    session: Session,
    delivery_id: int,
    event: Event,
    *,
    by: Actor,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    decision_id: int | None = None,
    fence: int | None = None,
    **changes: Any,
) -> State:
    """Records an event for one delivery; returns its new state.

    NotAllowedNow when the table or somebody faster forbids it, NotFound when there is no such delivery.
    `fence` is the attempt that the caller made: a later attempt has taken over when it no longer fits.
    """
    where = col(Delivery.id) == delivery_id
    if fence is not None:
        where &= col(Delivery.attempts) == fence
    changed = record_many(session, where, event, by=by, now=now, detail=detail, decision_id=decision_id, **changes)
    if changed:
        return next_state(changed[0][1], event)
    present = session.scalar(select(col(Delivery.state)).where(col(Delivery.id) == delivery_id))
    if present is None:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    raise NotAllowedNow(say("a {state} delivery cannot be changed by {event}", state=SHOWN[present], event=event))


def record_many(
    session: Session,
    where: ColumnElement[bool],
    event: Event,
    *,
    by: Actor,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    decision_id: int | None = None,
    **changes: Any,
) -> list[tuple[int, State]]:
    """Records an event for all deliveries that `where` names and the table allows: (id, state before), with one audit entry for all.

    Rows are locked in the order of their ids, so that two such acts never wait for each other in a circle.
    """
    possible = SOURCES[event]
    changeable = where & db.correlate_condition(session, col(Delivery.state).in_(possible))
    before = [(delivery_id, state) for delivery_id, state, _ in lock_deliveries(session, changeable)]
    if not before:
        return []
    values: dict[str, Any] = dict(changes)
    if decision_id is not None:
        values["decision_id"] = decision_id
    after = {state: TRANSITIONS[state, event] for state in possible}
    values["state"] = case({state.value: target.value for state, target in after.items()}, value=col(Delivery.state))
    values["settled_at"] = case(
        {state.value: literal(now if target in FINAL else None, Instant) for state, target in after.items()}, value=col(Delivery.state)
    )
    changed = db.is_among(session, col(Delivery.id), (delivery_id for delivery_id, _ in before))
    session.execute(update(Delivery).where(changed).values(**values), execution_options=db.UNSEEN)
    if State.HELD in possible or State.HELD in after.values():
        dirty_counts.touch_where(session, changed)
    touch_related(session, [delivery_id for delivery_id, _ in before], possible, set(after.values()))
    sums = row_sums.sum_changes((delivery_id, state, after[state]) for delivery_id, state in before if after[state] is not state)
    subject = (
        f"decision:{format_id(decision_id)}" if decision_id else f"delivery:{format_id(before[0][0])}" if len(before) == 1 else "deliveries"
    )
    write_act(session, event, subject, by=by, now=now, detail=detail, items=len(before), digest=sums.format_digest())
    return before


def touch_related(session: Session, ids: Sequence[int], before: Collection[State], after: Collection[State]) -> None:
    """Note what stands elsewhere in the queue now, because of copies in mailboxes or of reports that have their answer."""
    arrive, leave = State.DELIVERED in after, State.DELIVERED in before
    if arrive or leave or State.HELD in before or State.HELD in after:
        dirty_counts.touch_related(session, ids, arrive=arrive, leave=leave)


def lock_deliveries(session: Session, where: ColumnElement[bool]) -> list[tuple[int, State, datetime]]:
    """Hold the deliveries until the transaction ends: (id, state, received at), by id. SQLite's writer holds everything anyway."""
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.received_at)).where(where).order_by(col(Delivery.id)).with_for_update()
    )
    return [(delivery_id, State(state), received_at) for delivery_id, state, received_at in rows]


def move_held_deliveries(session: Session, where: ColumnElement[bool], **values: Any) -> int:
    """Held messages lie in another folder from now on, in the state that it is in: counted in both; how many deliveries."""
    moving = db.is_among(session, col(Delivery.id), [delivery_id for delivery_id, *_ in lock_deliveries(session, where)])
    dirty_counts.touch_where(session, moving)
    changed: Any = session.execute(update(Delivery).where(moving).values(**values))
    dirty_counts.touch_where(session, moving)
    return int(changed.rowcount)


def write_act(
    session: Session,
    act: str,
    subject: str,
    *,
    by: Actor,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    items: int = 0,
    digest: str = "",
) -> None:
    """Put an act in the audit log, in the transaction of the act itself; also from where, and for whom a substitute stands in.

    An act about a rule, token, staff account or mode is written after the change: its entry has a digest of the row as it is now. Other
    entries have the sums of rows that were written or are promised about their subject.
    """
    if not digest:
        digest = rows_found.digest_subjects(session, [(str(act), subject)]).get((str(act), subject), "")
    if str(act) not in row_digests.KIND_OF:
        digest = f"{digest} {row_sums.take_digest(session, subject)}".strip()
    db.insert_all(session, AuditRecord, [record_of(act, subject, by=by, now=now, detail=detail, items=items, digest=digest)])


def seal_rest(session: Session) -> None:
    """Writes an entry for each subject whose rows no entry of this transaction covers: before the commit."""
    if session.in_nested_transaction():
        return
    if rest := row_sums.take_rest(session):
        write_digests(session, [(FILED, *one) for one in rest], by=Actor.system("ledger"), now=utcnow())


events.listen(Session, "before_commit", seal_rest)


def write_all(session: Session, acts: Iterable[tuple[str, str, Mapping[str, Any]]], *, by: Actor, now: datetime) -> None:
    """Put several acts in the audit log, each with its subject and its details, after the changes."""
    said = list(acts)
    digests = rows_found.digest_subjects(session, [(act, subject) for act, subject, _ in said])
    rows = [record_of(act, subject, by=by, now=now, detail=detail, digest=digests.get((act, subject), "")) for act, subject, detail in said]
    db.insert_all(session, AuditRecord, rows)


def write_digests(
    session: Session, acts: Iterable[tuple[str, str, str]], *, by: Actor, now: datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """Put acts in the audit log whose digests are known, as (act, subject, digest)."""
    db.insert_all(
        session, AuditRecord, [record_of(act, subject, by=by, now=now, detail=detail, digest=digest) for act, subject, digest in acts]
    )


def record_of(
    act: str, subject: str, *, by: Actor, now: datetime, detail: Mapping[str, Any] | None = None, items: int = 0, digest: str = ""
) -> Row:
    """An act as a row of the record."""
    said = dict(detail or {}) | ({"from": by.place} if by.place else {})
    said |= {"stands_in_for": list(by.stands_in_for)} if by.stands_in_for else {}
    words = {"by": str(by), "act": str(act), "subject": subject, "detail": said, "digest": digest, "previous": "", "sealed": ""}
    return words | {"id": new_id(), "at": now, "items": items}
