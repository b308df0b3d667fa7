"""Read-only: lists of deliveries as staff see them, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Row, Select, and_, func, literal, or_, select
from sqlalchemy.orm import Bundle
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.config.duties import Suggestion, known_title, suggest_duty
from triage.message.authentication import Authentication
from triage.message.signals.second_look import reason_names
from triage.message.signals.severity import Severity, of_row
from triage.quarantine.search import confirmations, expiry, legal_hold, search_sources, search_stream
from triage.quarantine.search.search_stream import TOP
from triage.quarantine.search.selection import Selection, selection_condition
from triage.quarantine.suggested_act import SuggestedAct, is_forged, is_passed_on, suggest_act
from triage.say import error_sentence, from_row, with_its_form
from triage.store import confidential_rows
from triage.store.db import OneOf, is_among
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.message_columns import count_attachments
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.assignments import Assignment, Comment, Escalated, Escalation
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.messages import Content, Message
from triage.store.models.staff import KnownMessage
from triage.store.queue import flood_names
from triage.store.queue.flood_names import FloodOf, flood_of
from triage.store.queue.grouping import proven_as

COUNTED = 100_000  # a list counts no further than this
UNDER_WAY = (State.QUEUED, State.RELAYING, State.BOUNCED, State.RECALLING, State.RESTORING)
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing]):
    """Page of a list. `following` is the start of the next page, None at the end; `total` counts up to COUNTED.

    A search counts no further than it looks (`is_at_least`). Where it has no time to fill the page, `looked_back_to` says how far it came:
    everything that came since then has been looked at, and the next page begins there.
    """

    items: tuple[Thing, ...]
    following: tuple[Any, ...] | None
    total: int
    is_at_least: bool = False
    looked_back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision about a delivery."""

    decision: int
    verb: str
    by: str
    by_shown: str
    at: datetime
    undone: bool


@dataclass(frozen=True, slots=True)
class AssignedTo:
    """Assignment of a delivery: to whom, by whom, and with which note."""

    to: str  # login
    to_shown: str
    by_shown: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class EscalatedTo:
    """Escalation of a delivery: to which duty, by whom, and who confirmed it."""

    decision: int
    duty: str
    title: str
    reason: str
    by_shown: str
    at: datetime
    confirmed_at: datetime | None
    confirmed_by_shown: str


@dataclass(frozen=True, slots=True)
class Why:
    """Verdict of the policy about a delivery."""

    disposition: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A delivery as staff see it in a list."""

    id: int
    message_id: int
    state: str
    received_at: datetime
    recipient: str
    department: str
    department_name: str
    person: str
    person_name: str
    mailbox: str
    note: str  # how it was addressed, where that is worth a sentence
    author: str
    author_name: str
    author_domain: str
    claimed: bool  # it has no clear author and only claims to be from this one
    subject: str
    size: int  # bytes
    attachments: int
    proof: str
    proven_as: str  # who proves to have sent it: a domain, an address at a free-mail provider, "" nobody
    weight: int
    severity: Severity
    second_look: tuple[str, ...]  # why releasing it has to be confirmed: names of second_look.NAMES
    is_copy: bool
    urgency: int
    why_here: tuple[dict[str, Any], ...]  # what makes the urgency, in words
    time_limited_until: datetime | None  # when its code or link expires, where that counts
    lifetime_assumed: bool  # the message does not say so: it is what is usual
    verdict: Why
    also_matched: tuple[str, ...]  # names of the policy's rules beside the one that decided
    withheld: str
    campaign: int | None
    flood: FloodOf
    signals: tuple[dict[str, Any], ...]
    due_at: datetime | None
    attempts: int
    last_reply: str
    decided: Decided | None
    sealed: bool  # only named staff sees it, and says why when they open it
    legal_hold: bool  # it is neither expired nor erased
    expires_at: datetime | None  # None where it does not
    assigned: AssignedTo | None  # while it is held
    escalated: EscalatedTo | None
    escalation: Suggestion | None  # the act that its signals suggest, until it is done
    comments: int  # of staff
    passed_on: bool  # nothing proves its author, and a list, a forwarder or another signer may have handled it

    @property
    def is_forged(self) -> bool:
        """Whether it uses a known sender's address, and that sender's domain refutes it; copies of a campaign are removed as one."""
        is_single = not (self.claimed or self.is_copy or self.flood)
        rules = {self.verdict.rule, *self.also_matched}
        return is_single and is_forged(self.signals, rules, proven=bool(self.proof), passed_on=self.passed_on)

    @property
    def suggested_act(self) -> SuggestedAct:
        """The act that is offered first while it is held."""
        if self.state != State.HELD:
            return SuggestedAct.NONE
        return suggest_act(
            self.severity,
            {one["name"] for one in self.signals},
            proven=bool(self.proof),
            second_look=bool(self.second_look),
            for_duty=bool(self.escalation or self.escalated),
            time_limited=self.time_limited_until is not None,
            forged=self.is_forged,
            for_assistant=self.verdict.rule == FOR_ASSISTANT,
        )


def list_deliveries(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    rule_id: int | None = None,
    rule: str = "",
    expiring_by: datetime | None = None,
    decision_id: int | None = None,
    limit: int = 50,
    after: tuple[Any, ...] | None = None,
) -> Page[Listed]:
    """Deliveries in the actor's scope, newest first. `wanted` may be empty: everything. `after`: `following` of the page before.

    `expiring_by`: only held messages that expires until then.
    """
    where = [selection_condition(wanted), access.visible_deliveries(by)]
    if rule_id is not None:
        where.append(col(Delivery.rule_id) == rule_id)
    if rule:
        where.append(col(Delivery.rule) == rule)
    if expiring_by is not None:
        where.append(legal_hold.expiring_condition(session, expiring_by))
    if decision_id is not None:
        items = select(col(DecisionItem.delivery_id)).where(col(DecisionItem.decision_id) == decision_id)
        where.append(col(Delivery.id).in_(items))
    if wanted.reads_content:
        return search_deliveries(session, wanted, where[1:], limit, after)
    apart = wanted.states if by.scope.company and wanted == Selection(states=wanted.states) and len(where) == 2 else ()
    places, total = walk_places(session, and_(*where), limit, after, apart=apart)
    following = places[limit - 1] if len(places) > limit else None
    return Page(in_order(session, [one for _, one in places[:limit]]), following, total)


def place_kinds(wanted: Selection) -> tuple[type, type]:
    """Returns the types of the two parts of a place in this list, because a cursor may come from another list."""
    return (int if wanted.reads_content else datetime, int)


def search_deliveries(
    session: Session, wanted: Selection, where: Sequence[ColumnElement[bool]], limit: int, after: search_stream.Place | None
) -> Page[Listed]:
    """A page of what a search finds."""
    sources = search_sources.open_sources(session, wanted, *where, after=after or TOP)
    found = search_stream.find_places(session, sources, limit, after or TOP)
    places = found.places[:limit]
    following = found.reached or (places[-1] if len(found.places) > limit else None)
    looked_back_to = sources[0].moment(found.reached) if found.reached else None
    is_at_least = not found.is_all or after is not None
    return Page(in_order(session, [one for _, one in places]), following, len(found.places), is_at_least, looked_back_to)


Place = tuple[datetime, int]  # of a delivery in a list: when it came, and its id


def walk_places(
    session: Session, where: ColumnElement[bool], limit: int, after: Place | None, *, apart: Sequence[str] = ()
) -> tuple[list[Place], int]:
    """The next places of a list and one more, from the newest on by the order of an index; and how many there are.

    `apart`: states that are walked each by itself, so that what is in others, and may be nearly all messages, is not walked through.
    """
    wanted = where
    if after is not None:
        at, last = after
        wanted = and_(where, or_(col(Delivery.received_at) < at, and_(col(Delivery.received_at) == at, col(Delivery.id) < last)))
    newest_first = (col(Delivery.received_at).desc(), col(Delivery.id).desc())
    newest = select(col(Delivery.received_at), col(Delivery.id)).where(wanted).order_by(*newest_first).limit(limit + 1)
    ways = [newest.where(col(Delivery.state) == state) for state in apart] if 0 < len(apart) < len(State) else [newest]
    places = sorted(((at, one) for way in ways for at, one in session.execute(way)), reverse=True)[: limit + 1]
    capped = select(literal(1)).select_from(Delivery).where(where).limit(COUNTED).subquery()
    return places, session.scalar(select(func.count()).select_from(capped)) or 0


def in_order(session: Session, ids: Sequence[int], *also: ColumnElement[bool]) -> tuple[Listed, ...]:
    """Lists these deliveries in this order, without those for which another condition does not hold."""
    return put_in_order(session.execute(listing_statement(and_(is_among(session, col(Delivery.id), ids), *also))), ids) if ids else ()


def put_in_order(rows: Iterable[Row[*tuple[Any, ...]]], ids: Sequence[int]) -> tuple[Listed, ...]:
    """Rows of `listing_statement` as values, as the ids stand."""
    found = {row[0].id: delivery_of_row(row) for row in rows}
    return tuple(found[one] for one in ids if one in found)


def visible_selection(wanted: Selection, by: Actor) -> ColumnElement[bool]:
    """Condition: deliveries of a selection that the actor may see."""
    return access.visible_deliveries(by) if wanted == Selection() else and_(selection_condition(wanted), access.visible_deliveries(by))


def some_of(table: Any, *names: str) -> Bundle[Any]:
    """Some columns of a table, as a row has them: objects would take twice the time."""
    return Bundle(table.__tablename__, *(getattr(table, name) for name in names))


DELIVERY = some_of(
    Delivery,
    *("id", "message_id", "state", "received_at", "recipient", "department", "person", "mailbox", "note"),
    *("author", "author_name", "author_domain", "claimed", "subject", "proof"),
    *("weight", "severity", "is_copy", "urgency", "why_here", "time_limited_until", "lifetime_assumed"),
    *(
        "verdict",
        "rule",
        "reason",
        "forms",
        "withheld",
        "beside",
        "campaign_id",
        "flood",
        "signals",
        "due_at",
        "attempts",
        "last_reply",
        "reply_form",
    ),
)
DECISION = some_of(Decision, "id", "verb", "by", "by_shown", "at", "undone_by")
ESCALATION = some_of(Escalation, "decision_id", "duty", "title", "reason", "by_shown", "at", "confirmed_at", "confirmed_by_shown")
NUMBER_OF_COMMENTS = select(func.count()).select_from(Comment).where(col(Comment.delivery_id) == col(Delivery.id)).scalar_subquery()
KNOWN_MAILBOX = select(col(KnownMessage.mailbox)).where(col(KnownMessage.delivery_id) == col(Delivery.id)).scalar_subquery()
HANDED = some_of(Assignment, "to", "to_shown", "by_shown", "at", "note")


def listing_statement(where: ColumnElement[bool]) -> Select[Any]:
    """Selects all columns that a list shows of the deliveries that `where` matches."""
    return (
        select(
            DELIVERY,
            col(Content.size),
            col(Message.record),
            count_attachments(),
            func.coalesce(col(Department.name), col(Delivery.department)),
            func.coalesce(col(Person.name), col(Delivery.person)),
            DECISION,
            confidential_rows.is_confidential(),
            legal_hold.marked_condition(),
            expiry.known_days(),
            expiry.may_expire(),
            proven_as(),
            flood_names.named_flood(),
            confirmations.due_looks(),
            HANDED,
            ESCALATION,
            NUMBER_OF_COMMENTS,
            KNOWN_MAILBOX,
        )
        .select_from(Delivery)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .outerjoin(Department, col(Department.code) == col(Delivery.department))
        .outerjoin(Person, col(Person.uid) == col(Delivery.person))
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .outerjoin(Assignment, col(Assignment.delivery_id) == col(Delivery.id))
        .outerjoin(Escalated, col(Escalated.delivery_id) == col(Delivery.id))
        .outerjoin(Escalation, col(Escalation.decision_id) == col(Escalated.decision_id))
        .where(where)
    )


def delivery_of_row(row: Row[*tuple[Any, ...]]) -> Listed:
    """A row of `listing_statement` as a value."""
    delivery, size, record, attachments, department_name, person_name, decision, under_seal, held, days, expires, proven, *later = row
    flood_name, looks, assigned, escalation, comments, known_mailbox = later
    signals = [] if record.fault else record.signals
    escalated = escalated_to(escalation) if escalation.decision_id else None
    return Listed(
        id=delivery.id,
        message_id=delivery.message_id,
        state=delivery.state,
        received_at=delivery.received_at,
        recipient=delivery.recipient,
        department=delivery.department,
        department_name=department_name,
        person=delivery.person,
        person_name=person_name,
        mailbox=known_mailbox or delivery.mailbox,
        note=error_sentence(record.fault) if record.fault else from_row(delivery, "note"),
        author=delivery.author,
        author_name=delivery.author_name,
        author_domain=delivery.author_domain,
        claimed=delivery.claimed,
        subject=delivery.subject,
        size=size,
        attachments=attachments or 0,
        proof=delivery.proof,
        proven_as=proven,
        weight=delivery.weight,
        severity=severity_of(delivery, signals),
        second_look=reason_names(looks),
        is_copy=delivery.is_copy,
        urgency=delivery.urgency,
        why_here=tuple(delivery.why_here),
        time_limited_until=delivery.time_limited_until,
        lifetime_assumed=delivery.lifetime_assumed,
        also_matched=tuple(one["rule"] for one in delivery.beside),
        verdict=Why(delivery.verdict, delivery.rule, from_row(delivery, "reason")),
        withheld=delivery.withheld,
        campaign=delivery.campaign_id,
        flood=flood_of(delivery, flood_name),
        signals=(*signals, *delivery.signals),
        due_at=delivery.due_at,
        attempts=delivery.attempts,
        last_reply=with_its_form(delivery.last_reply, delivery.reply_form),
        decided=decision_value(decision) if decision.id else None,
        sealed=bool(under_seal),
        legal_hold=bool(held),
        expires_at=None
        if held or not expires
        else expiry.expiry_moment(delivery.state, delivery.id, delivery.received_at, decision.at, days),
        assigned=assigned_to(assigned) if assigned.to and delivery.state == State.HELD else None,
        escalated=escalated,
        escalation=None if escalated else suggest_duty({one["name"] for one in signals}),
        comments=comments,
        passed_on=not (delivery.proof or record.fault) and may_be_passed_on(record),
    )


def may_be_passed_on(record: MessageRecord) -> bool:
    """Whether somebody between its author and us may have changed a message."""
    return is_passed_on(record.summary.get("list_id", ""), Authentication.from_json(record.authentication))


def escalated_to(columns: Row[*tuple[Any, ...]]) -> EscalatedTo:
    """The columns of an escalation as a value."""
    stored = EscalatedTo(*columns)
    return replace(stored, title=known_title(stored.title))


def severity_of(delivery: Any, signals: Sequence[dict[str, Any]]) -> Severity:
    """Returns the severity of a delivery; of one from before severities were saved, by its risk and its signals."""
    return of_row(delivery.severity, delivery.weight, (one["name"] for one in (*signals, *delivery.signals)))


def assigned_to(row: Any) -> AssignedTo:
    """A handing over as a list shows it."""
    return AssignedTo(row.to, row.to_shown, row.by_shown, row.at, row.note)


def decision_value(decision: Any) -> Decided:
    """A decision as a list shows it."""
    return Decided(decision.id, decision.verb, decision.by, decision.by_shown, decision.at, decision.undone_by is not None)


def list_some(session: Session, ids: Sequence[int], *, by: Actor, seen: ColumnElement[bool] | None = None) -> tuple[Listed, ...]:
    """The deliveries with these ids that the actor may see, in the order of the ids. `visible_selection`: else what they decide about."""
    if seen is not None:
        return in_order(session, ids, seen)
    return put_in_order(session.execute(to_decide(by), {"ids": ids}), ids) if ids else ()


@lru_cache(access.REMEMBERED)
def to_decide(by: Actor) -> Select[Any]:
    """Builds the statement that lists the deliveries `ids` that the actor may decide about."""
    return listing_statement(and_(OneOf(col(Delivery.id), "ids", BigInteger), access.visible_deliveries(by)))


def list_queue(session: Session, *, by: Actor, limit: int = 200, after: tuple[datetime, int] | None = None) -> Page[Listed]:
    """Lists deliveries to be sent, recalled or put back, being delivered, or refused by the next hop; newest first."""
    return list_deliveries(session, Selection(states=UNDER_WAY), by=by, limit=limit, after=after)
