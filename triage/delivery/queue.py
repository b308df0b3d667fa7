"""The queue of what is to be sent on: claim, settle, when again."""

import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, and_, bindparam, func, insert, literal_column, or_, select, true, update
from sqlmodel import Session, SQLModel, col

from triage.actor import Actor
from triage.addressing.envelope import Envelope, fold_text
from triage.addressing.subaddress import with_detail
from triage.addressing.verp import Tag
from triage.config.settings import Settings
from triage.delivery import bounces, groups, outbound_notices, recalled_copies, routes, sender_notices
from triage.delivery.journal import JOURNAL
from triage.delivery.recalled_copies import IN_MAILBOX
from triage.errors import NotAllowedNow, NotFound, Unreadable
from triage.ids import format_id, new_id
from triage.message.authentication import Authentication, Result
from triage.message.signals.severity import Severity
from triage.message.trace.mailroom_fields import NO_EVIDENCE, Evidence, explain_to_recipients
from triage.say import error_sentence, say
from triage.store import bodies, ledger, restore_pause
from triage.store.db import OneOf, is_among
from triage.store.delivery_state import Event, State
from triage.store.models.columns import sentence_columns
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Delivery, reply_columns
from triage.store.models.directory import KnownRecipient
from triage.store.models.messages import Content, Message
from triage.store.queue import grouping

RELAY = Actor.system("relay")
LEASE = timedelta(minutes=12)  # outlive the slowest final dot: 10 minutes (RFC 5321, 4.5.3.2.6)
SCHEDULE = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 64))  # the last one again and again
SOONER = 20  # times, where only the next hop's limit of speed is in the way: 15 seconds to 3 minutes
JITTER = 0.2
LANDED = say("It was delivered before the removal could stop it.")
IN_DOUBT = say("It may have been delivered.")
RETURNS_AT = 3  # the attempt that can at the earliest bring back what was taken out of a mailbox: it was delivered, then taken
MOST_RECIPIENTS = 100  # of one transaction: what every server takes (RFC 5321, 4.5.3.1.8)
MOST_BYTES = 64 * 1024 * 1024  # of messages that wait in memory for a worker
log = logging.getLogger(__name__)

DELIVERY, ATTEMPT = (SQLModel.metadata.tables[name] for name in ("delivery", "attempt"))

# made once: to make them took longer than to carry them out, where one delivery is due at a time
SIZES = (
    select(col(Message.id), col(Content.size))
    .join(Content, col(Content.id) == col(Message.content_id))
    .where(OneOf(col(Message.id), "ids", BigInteger))
)
MESSAGES = (
    select(col(Message.id), col(Message.record), col(Content.zstd), col(Content.size))
    .join(Content, col(Content.id) == col(Message.content_id))
    .where(OneOf(col(Message.id), "ids", BigInteger))
)
CLAIMED = select(
    *map(
        col,
        (
            Delivery.id,
            Delivery.message_id,
            Delivery.attempts,
            Delivery.department,
            Delivery.mailbox,
            Delivery.detail,
            Delivery.redirected,
            Delivery.rule,
            Delivery.campaign_id,
            Delivery.direction,
            Delivery.marks,
            Delivery.purge_wanted_by,
        ),
    ),
    grouping.severity_column().label("severity"),
).where(OneOf(col(Delivery.id), "ids", BigInteger))
STANDING = (
    select(*map(col, (Delivery.id, Delivery.attempts, Delivery.queued_at, Delivery.purge_wanted_by)))
    .where(OneOf(col(Delivery.id), "ids", BigInteger), col(Delivery.state) == State.RELAYING)
    .order_by(col(Delivery.id))
    .with_for_update()
)
REPLY = (
    update(DELIVERY)
    .where(DELIVERY.c.id == bindparam("delivery"))
    .values({name: bindparam(name) for name in ("due_at", "waits_for", "last_reply", "reply_form")})
)
ENDED_ATTEMPT = (
    update(ATTEMPT)
    .where(ATTEMPT.c.delivery_id == bindparam("delivery"), ATTEMPT.c.number == bindparam("attempt_number"))
    .values({name: bindparam(name) for name in ("ended_at", "outcome", "reply", "reply_form", "next_hop")})
)


MAY_LEAVE = col(Delivery.direction) != literal_column(f"'{grouping.KNOWN}'")  # known messages are for reviewers only


@dataclass(frozen=True, slots=True)
class Claim:
    """Delivery that a worker may send now, until its lease ends."""

    delivery_id: int
    number: int  # of the attempt; fences late answers of a dead worker
    message_id: int
    mailbox: str
    reverse_path: str  # to use at the next hop, "" is null
    rule: str
    envelope: Envelope
    authentication: Authentication
    raw: bytes
    direction: str = "in"
    evidence: Evidence = NO_EVIDENCE
    marks: str = ""  # names of rules on content, between spaces

    @property
    def together(self) -> tuple[object, ...]:
        """Claims with the same value may share a transaction: same bytes on the wire, same envelope sender, same needs (RFC 6531)."""
        return self.message_id, self.reverse_path, self.rule, self.evidence, self.marks, self.direction, self.mailbox.isascii()


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is kept, once for all of its deliveries."""

    envelope: Envelope
    authentication: Authentication
    raw: bytes
    signals: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Reply of the next hop, or that it could not be asked."""

    kind: str  # delivered, deferred, bounced; unanswered: it may have arrived; untried: nobody was asked about it, and it may go at once
    reply: str
    next_hop: str
    unreachable: bool = False  # the next hop was not there, or wanted no messages at all: nothing was said about this delivery
    too_fast: bool = False  # the next hop takes mail more slowly than we send it: this one comes again soon
    shut_out: bool = False  # it does not let us sign in: somebody has to mend that
    at: datetime | None = None  # when; None: as it is settled


EVENTS = {
    "delivered": Event.DELIVER,
    "deferred": Event.DEFER,
    recalled_copies.UNANSWERED: Event.DEFER,
    "untried": Event.DEFER,
    "bounced": Event.BOUNCE,
}


def claim_deliveries(
    session: Session,
    *,
    limit: int,
    settings: Settings,
    now: datetime,
    where: ColumnElement[bool] | None = None,
    most_bytes: int = MOST_BYTES,
) -> list[Claim]:
    """Take at most `limit` due deliveries, with the due siblings that can share a transaction with them (MOST_RECIPIENTS a message).

    Their messages have at most `most_bytes` together, or there is but one of them. The attempt is in the audit log before
    anybody dials. `where` narrows it to one destination. On PostgreSQL workers pass over each other's rows (SKIP LOCKED);
    SQLite has one writer anyway.
    """
    picked = pick_due(session, limit, now, true() if where is None else where, most_bytes)
    if not picked:
        return []
    taken = ledger.record_many(
        session,
        is_among(session, col(Delivery.id), picked),
        Event.CLAIM,
        by=RELAY,
        now=now,
        attempts=col(Delivery.attempts) + 1,
        due_at=now + LEASE,
    )
    claims = claims_of(session, [delivery_id for delivery_id, _ in taken], settings, now)
    order = {delivery_id: place for place, delivery_id in enumerate(picked)}
    claims.sort(key=lambda one: order[one.delivery_id])
    if claims:
        attempts = [{"id": new_id(), "delivery_id": one.delivery_id, "number": one.number, "started_at": now} for one in claims]
        session.connection().execute(insert(ATTEMPT).values(next_hop="", outcome="", reply=""), attempts)
    return claims


def pick_due(session: Session, limit: int, now: datetime, where: ColumnElement[bool], most_bytes: int) -> list[int]:
    """The deliveries to claim, locked: those due longest, whose worker died last, and their siblings."""
    found: dict[int, int] = {}
    for state in (State.QUEUED, State.RELAYING):  # apart, so that each walks the index in order and stops
        if len(found) < limit:
            due = and_(col(Delivery.state) == state, col(Delivery.due_at) <= now, MAY_LEAVE, where, restore_pause.is_running())
            rows = select(col(Delivery.id), col(Delivery.message_id)).where(due).order_by(col(Delivery.due_at))
            locked = rows.limit(limit - len(found)).with_for_update(skip_locked=True)
            for delivery_id, message_id in session.execute(locked):
                found[delivery_id] = message_id
    if not found:
        return []
    found = light_enough(session, found, most_bytes)
    due = and_(col(Delivery.state) == State.QUEUED, col(Delivery.due_at) <= now, MAY_LEAVE, where)
    siblings = (
        select(col(Delivery.id), col(Delivery.message_id))
        .where(is_among(session, col(Delivery.message_id), set(found.values())), due)
        .order_by(col(Delivery.message_id), col(Delivery.id))
        .limit(MOST_RECIPIENTS * len(set(found.values())))
        .with_for_update(skip_locked=True)
    )
    return with_siblings(found, ((row.id, row.message_id) for row in session.execute(siblings)))


def light_enough(session: Session, found: dict[int, int], most_bytes: int) -> dict[int, int]:
    """The first of these deliveries, whose messages are held in memory until they are sent; at least one of them."""
    left = dict(session.execute(SIZES, {"ids": set(found.values())}).all())
    kept: dict[int, int] = {}
    total = 0
    for delivery_id, message in found.items():
        total += left.pop(message, 0)  # once, however many it is for
        if kept and total > most_bytes:
            break
        kept[delivery_id] = message
    return kept


def with_siblings(found: dict[int, int], siblings: Iterable[tuple[int, int]]) -> list[int]:
    """Fills transactions with further deliveries of the same messages: up to MOST_RECIPIENTS a message, cut to a multiple of it."""
    together: dict[int, list[int]] = defaultdict(list)
    for delivery_id, message in found.items():
        together[message].append(delivery_id)
    for delivery_id, message in siblings:
        if delivery_id not in found and len(together[message]) < MOST_RECIPIENTS:
            together[message].append(delivery_id)
    return [one for ids in together.values() for one in (ids[: len(ids) - len(ids) % MOST_RECIPIENTS] or ids)]


def claims_of(session: Session, ids: Sequence[int], settings: Settings, now: datetime) -> list[Claim]:
    """Returns claims with all that a worker needs, without deliveries that must not or cannot be sent any more.

    A purge that met the attempt of a worker who died is carried out now. What has no content is shown as bounced. What has a
    record that cannot be read is deferred. What is for a group becomes a delivery for each member, due at once.
    """
    rows = session.execute(CLAIMED, {"ids": ids}).all()
    messages = load_messages(session, {row.message_id for row in rows})
    lists = groups.find_expanding(session, (row.mailbox for row in rows if row.direction in routes.RECEIVED))
    claims = []
    for row in rows:
        stored = messages[row.message_id]
        if row.purge_wanted_by is not None:
            purge_of_the_dead(session, row.id, row.purge_wanted_by, settings=settings, now=now)
        elif isinstance(stored, NotFound):
            ledger.record_event(session, row.id, Event.BOUNCE, by=RELAY, now=now, due_at=None, **reply_columns(error_sentence(stored)))
        elif isinstance(stored, Unreadable):
            defer_unreadable(session, row, stored, now)
        elif row.direction in routes.RECEIVED and row.mailbox in lists:
            groups.expand_list(session, row.id, lists[row.mailbox], settings.company, by=RELAY, now=now)
        else:
            path = reverse_path(session, stored.envelope, stored.authentication, Tag(row.id, row.attempts), settings, row.direction)
            address = address_at_next_hop(session, row, settings)
            claims.append(
                Claim(
                    *(row.id, row.attempts, row.message_id, address, path, row.rule),
                    *(stored.envelope, stored.authentication, stored.raw, row.direction),
                    evidence=Evidence(Severity(row.severity), explain_to_recipients(row.rule, stored.signals), row.campaign_id),
                    marks=row.marks,
                )
            )
    return claims


def defer_unreadable(session: Session, row: Row[Any], fault: Unreadable, now: datetime) -> None:
    """Defer a delivery whose message has a record that cannot be read. It never bounces: a backup may have the record."""
    where = {"delivery": format_id(row.id), "message": format_id(row.message_id), "why": str(fault)}
    log.error("delivery %(delivery)s of message %(message)s waits: %(why)s", where)
    due = again_at(row.attempts, now)
    ledger.record_event(session, row.id, Event.DEFER, by=RELAY, now=now, due_at=due, **reply_columns(error_sentence(fault)))


def address_at_next_hop(session: Session, row: Row[Any], settings: Settings) -> str:
    """The mailbox with the detail of the sub-address, where the next hop understands such and nobody has that address."""
    if not row.detail or row.redirected or not settings.relay.keep_detail:
        return str(row.mailbox)
    hop = routes.next_hop_of(settings, department=row.department, mailbox=row.mailbox, direction=row.direction)
    if hop.startswith("maildir:"):
        return str(row.mailbox)
    detailed = with_detail(row.mailbox, row.detail, settings.company.delimiter)
    return str(row.mailbox) if session.get(KnownRecipient, fold_text(detailed)) else detailed


def load_messages(session: Session, ids: Iterable[int]) -> dict[int, StoredMessage | NotFound | Unreadable]:
    """The messages with their bytes, each once however many deliveries it has; why for one whose content or record is not there."""
    found: dict[int, StoredMessage | NotFound | Unreadable] = {}
    for message in session.execute(MESSAGES, {"ids": ids}):
        try:
            raw = bodies.unpack_body(message.zstd, message.size)
            record = message.record
            known = Envelope.from_json(record.envelope), Authentication.from_json(record.authentication)
            found[message.id] = StoredMessage(*known, raw, record.signals)
        except (NotFound, Unreadable) as fault:
            found[message.id] = fault
    return found


def reverse_path(
    session: Session, envelope: Envelope, authentication: Authentication, tag: Tag, settings: Settings, direction: str = "in"
) -> str:
    """The envelope sender at the next hop (mailflow.md 2): null stays null, what SPF proves goes on, the rest bounces to us.

    Mail of our own people goes on with theirs; a journal report is ours.
    """
    proven = any(spf.identity == "mailfrom" and spf.result is Result.PASS for spf in authentication.spf)
    if direction == JOURNAL:
        return bounces.address_for(session, tag, settings.company.domains[0])
    if not envelope.reverse_path or proven or settings.relay.original_reverse_path or direction == "outbound":
        return envelope.reverse_path
    return bounces.address_for(session, tag, settings.company.domains[0])


def settle_claim(session: Session, claim: Claim, outcome: Outcome, *, settings: Settings, now: datetime) -> None:
    """Write down how an attempt ended. NotAllowedNow when another worker has taken over since."""
    if settle_many(session, [(claim, outcome)], settings=settings, now=now):
        raise NotAllowedNow(
            say("another worker has taken over delivery {delivery_id}, or it no longer exists", delivery_id=format_id(claim.delivery_id))
        )


def settle_many(session: Session, ended: Sequence[tuple[Claim, Outcome]], *, settings: Settings, now: datetime) -> list[Claim]:
    """Write down how attempts ended, in a few statements however many. The claims that others have taken over come back unsettled."""
    standing = lock_claimed(session, [claim for claim, _ in ended])
    settled: list[dict[str, Any]] = []
    wanted: list[tuple[int, int, str]] = []
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for claim, outcome in ended:
        row = standing.get(claim.delivery_id)
        if row is None:
            continue
        kind = given_up(outcome, claim.direction, row.queued_at, settings, now)
        settled.append(values_of(claim, outcome, kind, now))
        by_kind[kind].append(settled[-1])
        if row.purge_wanted_by is not None:
            wanted.append((claim.delivery_id, row.purge_wanted_by, kind))
    if not settled:
        return [claim for claim, _ in ended]
    for kind, alike in by_kind.items():
        for decision, some in split_returned(session, kind, alike):
            ids = [one["delivery"] for one in some]
            detail = detail_of(kind, some[0], len(some)) | ({IN_MAILBOX: [format_id(one) for one in ids]} if decision else {})
            where = is_among(session, col(Delivery.id), ids)
            ledger.record_many(session, where, EVENTS[kind], by=RELAY, now=now, detail=detail, decision_id=decision)
    write_down(session, settled)
    purged = {delivery_id for delivery_id, _, _ in wanted}
    if refused := [one["delivery"] for one in by_kind["bounced"] if one["delivery"] not in purged]:
        sender_notices.notify_failed(session, refused, settings=settings, now=now)
        outbound_notices.note_bounced(session, refused, settings=settings, now=now)
    for delivery_id, decision_id, kind in wanted:
        purge_that_waited(session, delivery_id, decision_id, kind, settings=settings, now=now)
    return [claim for claim, _ in ended if claim.delivery_id not in standing]


def split_returned(session: Session, kind: str, alike: list[dict[str, Any]]) -> list[tuple[int | None, list[dict[str, Any]]]]:
    """Outcomes by the decision that brings a message back which was taken out of its mailbox; None: all others."""
    again = [one["delivery"] for one in alike if one["attempt_number"] >= RETURNS_AT] if kind == "delivered" else []
    returned = recalled_copies.find_taken(session, again) if again else {}
    parts: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for one in alike:
        parts[returned.get(one["delivery"])].append(one)
    return list(parts.items())


def lock_claimed(session: Session, claims: Sequence[Claim]) -> dict[int, Row[Any]]:
    """The deliveries that are still in these hands, locked by id."""
    number = {claim.delivery_id: claim.number for claim in claims}
    rows = session.execute(STANDING, {"ids": number})
    return {row.id: row for row in rows if row.attempts == number[row.id]}


def given_up(outcome: Outcome, direction: str, queued_at: datetime | None, settings: Settings, now: datetime) -> str:
    """Returns the kind of an outcome: bounced where a delivery was deferred for too long; only a person gives up deliveries to the archive,
    whatever it replied.

    Not after an attempt that reached nobody, or none: `queue_admin.defer_deliveries` gives up deliveries for a next hop that is away.
    """
    if direction == JOURNAL:
        return "deferred" if outcome.kind == "bounced" else outcome.kind
    overdue = now - (queued_at or now) >= timedelta(hours=settings.relay.give_up_after)
    deferred = outcome.kind in ("deferred", recalled_copies.UNANSWERED) and not outcome.unreachable
    return "bounced" if deferred and overdue else outcome.kind


def values_of(claim: Claim, outcome: Outcome, kind: str, now: datetime) -> dict[str, Any]:
    """Values of the delivery and attempt rows afterwards."""
    later = again_at(claim.number, now, sooner=SOONER if outcome.too_fast else 1)
    due = {"deferred": later, recalled_copies.UNANSWERED: later, "untried": now}.get(kind)
    waits_for = outcome.next_hop if outcome.unreachable and due else ""
    return {
        "delivery": claim.delivery_id,
        "attempt_number": claim.number,
        "due_at": due,
        "waits_for": waits_for,
        **reply_columns(outcome.reply),
        "outcome": outcome.kind if outcome.kind == recalled_copies.UNANSWERED else kind,  # it may have arrived also when it is given up
        "reply": str(outcome.reply),
        "next_hop": outcome.next_hop,
        "ended_at": outcome.at or now,
    }


def detail_of(kind: str, settled: dict[str, Any], count: int) -> dict[str, Any]:
    """Details for the audit log: all of a single attempt; of many, what they have in common."""
    detail = {"outcome": kind, "next_hop": settled["next_hop"]}
    return detail | {"reply": settled["reply"], "attempt": settled["attempt_number"]} if count == 1 else detail


def write_down(session: Session, settled: list[dict[str, Any]]) -> None:
    """Replies and times of each. The states are the ledger's."""
    connection = session.connection()
    connection.execute(REPLY, settled)
    connection.execute(ENDED_ATTEMPT, settled)


def purge_that_waited(session: Session, delivery_id: int, decision_id: int, kind: str, *, settings: Settings, now: datetime) -> None:
    """A purge met this delivery under way: what became of the attempt decides."""
    if kind == "delivered":
        purge_landed_delivery(session, delivery_id, decision_id, settings=settings, now=now)
    else:
        fire_purge(session, delivery_id, decision_id, settings=settings, now=now)


def purge_of_the_dead(session: Session, delivery_id: int, decision_id: int, *, settings: Settings, now: datetime) -> None:
    """A purge met the attempt of a worker who died: nobody knows whether it was delivered, the recaller finds out where there is one."""
    ledger.record_event(session, delivery_id, Event.DEFER, by=RELAY, now=now, due_at=None)
    fire_purge(
        session, delivery_id, decision_id, settings=settings, now=now, why=say("The delivery was interrupted: it may have been delivered.")
    )


def purge_landed_delivery(session: Session, delivery_id: int, decision_id: int, *, settings: Settings, now: datetime) -> None:
    """A purge met this delivery while it was under way, and it has landed: take it out of the mailbox, where there is a way in."""
    if not settings.reaches_mailboxes:
        end_purge(session, delivery_id, decision_id, "out of reach", LANDED)
        session.execute(update(Delivery).where(col(Delivery.id) == delivery_id).values(back_wanted_by=None, back_to=""))
        return
    ledger.record_event(session, delivery_id, Event.PURGE, by=RELAY, now=now, decision_id=decision_id, **recalled_copies.due_values(now))
    end_purge(session, delivery_id, decision_id, "recalling", LANDED)


def fire_purge(session: Session, delivery_id: int, decision_id: int, *, settings: Settings, now: datetime, why: str = "") -> None:
    """A purge met this delivery while it was under way: carry it out now that the attempt has failed.

    Where it may have arrived all the same, and there is a way into the mailboxes, somebody looks for it there first.
    """
    in_doubt = (col(Delivery.id) == delivery_id) & recalled_copies.may_have_arrived()
    changes = recalled_copies.to_seek(now)
    if settings.reaches_mailboxes and ledger.record_many(
        session, in_doubt, Event.SEEK, by=RELAY, now=now, decision_id=decision_id, **changes
    ):
        end_purge(session, delivery_id, decision_id, "recalling", why or IN_DOUBT)
        return
    ledger.record_event(session, delivery_id, Event.PURGE, by=RELAY, now=now, decision_id=decision_id, due_at=None)
    end_purge(session, delivery_id, decision_id, "done", why)
    recalled_copies.bring_back(session, delivery_id, now=now)


def end_purge(session: Session, delivery_id: int, decision_id: int, outcome: str, why: str) -> None:
    """Write down what became of a purge that was in flight."""
    session.execute(
        update(DecisionItem)
        .where(col(DecisionItem.decision_id) == decision_id, col(DecisionItem.delivery_id) == delivery_id)
        .values(outcome=outcome, **sentence_columns("why", why))
    )
    session.execute(update(Delivery).where(col(Delivery.id) == delivery_id).values(purge_wanted_by=None))


def again_at(attempts: int, now: datetime, *, sooner: int = 1) -> datetime:
    """Returns when a deferred delivery is tried again (backoff with jitter); so many times `sooner` where that is enough."""
    return now + SCHEDULE[min(attempts, len(SCHEDULE)) - 1] / sooner * random.uniform(1 - JITTER, 1 + JITTER)


def next_due(session: Session, where: ColumnElement[bool] | None = None) -> datetime | None:
    """Returns when the next delivery is due, or a dead worker's lease ends; None when nothing waits or all is paused. `where`: a
    destination.
    """
    waiting = or_(col(Delivery.state) == State.QUEUED, col(Delivery.state) == State.RELAYING)
    mine = (waiting, col(Delivery.due_at).is_not(None), restore_pause.is_running(), true() if where is None else where)
    found: datetime | None = session.scalar(select(func.min(col(Delivery.due_at))).where(*mine))
    return found
