"""Read-only: lists of deliveries, the queue's cards, folders with live counts, a delivery's history, a message."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, String, Subquery, and_, case, cast, func, literal, not_, or_, select
from sqlmodel import Session, col

from triage import access, contents, recalled, rules, sealed
from triage.actor import Actor
from triage.authentication import Authentication, Result
from triage.content import Summary
from triage.db import among
from triage.envelope import Envelope
from triage.errors import NotFound, ReasonNeeded, Refused
from triage.ids import show
from triage.models import (
    Attempt,
    AuditRecord,
    Content,
    Decision,
    DecisionItem,
    Delivery,
    Department,
    Instant,
    Message,
    Person,
    Rule,
    StaffMember,
)
from triage.selection import Selection, condition
from triage.states import Event, State

COUNTED = 100_000  # a list counts no further than this
CARD_IDS = 500  # ids that a card carries at most
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sorts what does not perish behind what does
UNDER_WAY = (State.QUEUED, State.RELAYING, State.BOUNCED, State.RECALLING, State.RESTORING)

Thing = TypeVar("Thing")


class Erased(Refused):
    """The record is there, but the content's retention time is over."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing]):
    """One page of a list. `following` is where the next one begins, None at the end; `total` counts up to COUNTED."""

    items: tuple[Thing, ...]
    following: tuple[Any, ...] | None
    total: int


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
class Why:
    """What the policy said about a delivery."""

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
    subject: str
    size: int  # bytes
    attachments: int
    proof: str
    weight: int
    perishable_until: datetime | None
    verdict: Why
    withheld: str
    signals: tuple[dict[str, Any], ...]
    due_at: datetime | None
    attempts: int
    last_reply: str
    decided: Decided | None
    sealed: bool  # only named staff sees it, and says why when they open it


@dataclass(frozen=True, slots=True)
class Past:
    """Something that happened to a delivery."""

    at: datetime
    by: str
    act: str
    detail: dict[str, Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt to send a delivery on."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str  # "" while under way, or when the worker died
    next_hop: str
    reply: str


@dataclass(frozen=True, slots=True)
class Detailed:
    """A delivery with everything that happened to it, oldest first."""

    listed: Listed
    history: tuple[Past, ...]
    attempts_made: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """Deliveries that are decided together."""

    key: str
    count: int
    people: int  # distinct
    departments: int  # distinct
    newest_at: datetime
    weight: int  # the greatest
    perishable_until: datetime | None  # the soonest that has not passed
    lead: Listed
    ids: tuple[int, ...]  # newest first, at most CARD_IDS


@dataclass(frozen=True, slots=True)
class Cards:
    """One page of cards. `cards` and `deliveries` count all pages."""

    items: tuple[Card, ...]
    following: tuple[Any, ...] | None
    deliveries: int
    cards: int


@dataclass(frozen=True, slots=True)
class PersonFolder:
    """A person's folder and how much is held in it."""

    uid: str
    name: str
    held: int
    sealed: bool = False  # to who asks: they see how much waits, not what


@dataclass(frozen=True, slots=True)
class Folder:
    """A department with the folders of its people; `shared_held` lies in its own folder."""

    code: str
    name: str
    held: int
    shared_held: int
    people: tuple[PersonFolder, ...]
    sealed: bool = False  # to who asks


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works here."""

    uid: str
    name: str
    department: str
    department_name: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with those of its deliveries that the actor may see."""

    id: int
    received_at: datetime
    size: int  # bytes as received
    erased: bool
    envelope: Envelope
    authentication: Authentication
    summary: Summary  # without its text
    signals: tuple[dict[str, Any], ...]
    deliveries: tuple[Listed, ...]

    @property
    def sealed(self) -> bool:
        """Does who opens it have to say why? Not where a copy of it lies in a folder that is open to them."""
        return all(one.sealed for one in self.deliveries)


def deliveries(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    rule_id: int | None = None,
    rule: str = "",
    limit: int = 50,
    after: tuple[datetime, int] | None = None,
) -> Page[Listed]:
    """Deliveries in the actor's scope, newest first. `wanted` may be empty: everything. `after`: the last one seen, (received_at, id)."""
    where = seen(wanted, by)
    if rule_id is not None:
        where = and_(where, col(Delivery.rule_id) == rule_id)
    if rule:
        where = and_(where, col(Delivery.rule) == rule)
    capped = select(literal(1)).select_from(Delivery).where(where).limit(COUNTED).subquery()
    total = session.scalar(select(func.count()).select_from(capped)) or 0
    if after is not None:
        at, last = after
        where = and_(where, or_(col(Delivery.received_at) < at, and_(col(Delivery.received_at) == at, col(Delivery.id) < last)))
    newest_first = (col(Delivery.received_at).desc(), col(Delivery.id).desc())
    rows = [listed(row) for row in session.execute(listing(where).order_by(*newest_first).limit(limit + 1))]
    following = (rows[limit - 1].received_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(tuple(rows[:limit]), following, total)


def seen(wanted: Selection, by: Actor) -> ColumnElement[bool]:
    """What the actor may see of a selection."""
    return access.visible(by) if wanted == Selection() else and_(condition(wanted), access.visible(by))


def listing(where: ColumnElement[bool]) -> Select[Any]:
    """Everything that a list shows of the deliveries that `where` names."""
    return (
        select(
            Delivery,
            col(Content.size),
            col(Message.summary),
            col(Message.signals),
            func.coalesce(col(Department.name), col(Delivery.department)),
            func.coalesce(col(Person.name), col(Delivery.person)),
            Decision,
            sealed.anyhow(),
        )
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Content, col(Content.id) == col(Message.content_id))
        .outerjoin(Department, col(Department.code) == col(Delivery.department))
        .outerjoin(Person, col(Person.uid) == col(Delivery.person))
        .outerjoin(Decision, col(Decision.id) == col(Delivery.decision_id))
        .where(where)
    )


def listed(row: Row[*tuple[Any, ...]]) -> Listed:
    """A row of `listing` as a value."""
    delivery, size, summary, signals, department_name, person_name, decision, under_seal = row
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
        mailbox=delivery.mailbox,
        note=delivery.note,
        author=delivery.author,
        author_name=delivery.author_name,
        author_domain=delivery.author_domain,
        subject=delivery.subject,
        size=size,
        attachments=len(summary["attachments"]),
        proof=delivery.proof,
        weight=delivery.weight,
        perishable_until=delivery.perishable_until,
        verdict=Why(delivery.verdict, delivery.rule, delivery.reason),
        withheld=delivery.withheld,
        signals=tuple(signals),
        due_at=delivery.due_at,
        attempts=delivery.attempts,
        last_reply=delivery.last_reply,
        decided=decided(decision) if decision else None,
        sealed=bool(under_seal),
    )


def decided(decision: Decision) -> Decided:
    """A decision as a list shows it."""
    return Decided(decision.id, decision.verb, decision.by, decision.by_shown, decision.at, decision.undone_by is not None)


def some(session: Session, ids: Sequence[int], *, by: Actor) -> tuple[Listed, ...]:
    """The deliveries with these ids that the actor may see, in the order of the ids."""
    where = and_(among(session, col(Delivery.id), ids), access.visible(by))
    found = {row[0].id: listed(row) for row in session.execute(listing(where))}
    return tuple(found[one] for one in ids if one in found)


def known(session: Session, ids: Iterable[int], *, by: Actor) -> frozenset[int]:
    """Those of the delivery ids that the actor may know of."""
    where = and_(among(session, col(Delivery.id), ids), access.visible(by))
    return frozenset(session.scalars(select(col(Delivery.id)).where(where)))


def delivery(session: Session, delivery_id: int, *, by: Actor) -> Detailed:
    """One delivery with its history. NotFound when there is none in the actor's scope."""
    found = some(session, [delivery_id], by=by)
    if not found:
        raise NotFound(f"there is no delivery {show(delivery_id)}")
    attempts = session.scalars(select(Attempt).where(col(Attempt.delivery_id) == delivery_id).order_by(col(Attempt.number)))
    tried = tuple(Tried(one.number, one.started_at, one.ended_at, one.outcome, one.next_hop, one.reply) for one in attempts)
    return Detailed(found[0], history(session, found[0], tried), tried)


def history(session: Session, about: Listed, attempts: Iterable[Tried]) -> tuple[Past, ...]:
    """What happened to a delivery, oldest first: the acts on the record, the attempts, the decisions that it was part of."""
    subjects = [f"delivery:{show(about.id)}", f"message:{show(about.message_id)}"]
    on_record = and_(col(AuditRecord.subject).in_(subjects), col(AuditRecord.act) != Event.CLAIM)
    records = session.scalars(select(AuditRecord).where(on_record)).all()
    names = shown_names(session, {record.by for record in records})
    acts = [
        Past(one.at, one.by, one.act, one.detail, act_sentence(one, names.get(one.by, ""), about))
        for one in records
        if "attempt" not in one.detail
    ]
    rows = session.execute(
        select(DecisionItem, Decision)
        .join(Decision, col(Decision.id) == col(DecisionItem.decision_id))
        .where(col(DecisionItem.delivery_id) == about.id)
    )
    decisions = [
        Past(decision.at, decision.by, decision.verb, item_detail(item, decision), item_sentence(item, decision)) for item, decision in rows
    ]
    tried = [past for one in attempts if (past := attempted(one, about))]
    return tuple(sorted([*acts, *tried, *decisions, *expiry(session, about, acts)], key=lambda past: past.at))


ENDS = {"delivered": Event.DELIVER, "deferred": Event.DEFER, "untried": Event.DEFER, "bounced": Event.BOUNCE}


def attempted(tried: Tried, about: Listed) -> Past | None:
    """An attempt that has ended: its record may speak of many, its row speaks of this delivery."""
    if tried.ended_at is None or tried.outcome not in ENDS:
        return None
    act = ENDS[tried.outcome]
    detail = {"outcome": tried.outcome, "reply": tried.reply, "next_hop": tried.next_hop, "attempt": tried.number}
    return Past(tried.ended_at, "system:relay", act, detail, ACTS[act].format(mailbox=about.mailbox, reply=tried.reply))


def expiry(session: Session, about: Listed, acts: list[Past]) -> list[Past]:
    """An expiry that is on the record together with others."""
    if about.state != State.EXPIRED or any(past.act == Event.EXPIRE for past in acts):
        return []
    at = session.get_one(Delivery, about.id).settled_at or about.received_at
    return [Past(at, "system:retention", Event.EXPIRE, {}, ACTS[Event.EXPIRE])]


def shown_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The full names of the staff among these actors."""
    logins = [actor.removeprefix("person:") for actor in actors if actor.startswith("person:")]
    rows = session.execute(select(col(StaffMember.login), col(StaffMember.name)).where(col(StaffMember.login).in_(logins)))
    return {f"person:{login}": name for login, name in rows}


ACTS = {
    "deliver": "Delivered to {mailbox}: {reply}",
    "recall": "Taken out of the mailbox {mailbox}. {why}",
    "give_up": "Given up by {by}.",
    "defer": "Put off by the next hop: {reply}",
    "bounce": "Refused by the next hop: {reply}",
    "come_back": "Came back from behind the next hop: {reply}",
    "not_told": "The sender is not told of it: {why}.",
    "notice": "A notice to the sender is written ({kind}).",
    "report": "The server behind the next hop reports: {reply}",
    "late_bounce": "A bounce came back too late to change anything: {reply}",
    "release": "Tried anew by {by}.",
    "retry": "Tried again at once by {by}.",
    "expire": "Expired: nobody decided in time.",
    "source": "The source was downloaded by {by}.",
    "attachment": "Attachment {number} was downloaded by {by}.",
}
RECALLERS_ACTS = {"deliver": "Put back into the mailbox {mailbox}. {why}", "give_up": "The recaller gave up: {why}"}


def act_sentence(record: AuditRecord, name: str, about: Listed) -> str:
    """An act on the record in words."""
    if record.act == "receive":
        return f"Arrived for {about.recipient}. {about.note} {about.verdict.reason}".replace("  ", " ")
    words = {"mailbox": about.mailbox, "by": name or record.by, "reply": "", "number": "", "why": ""} | record.detail
    said = ACTS | RECALLERS_ACTS if record.by == str(recalled.BY) else ACTS
    return said.get(record.act, f"{record.act} by {{by}}.").format(**words)


def item_detail(item: DecisionItem, decision: Decision) -> dict[str, Any]:
    """What a decision did to one delivery."""
    return {"decision": show(decision.id), "before": item.before, "outcome": item.outcome, "why": item.why, "reason": decision.reason}


def item_sentence(item: DecisionItem, decision: Decision) -> str:
    """What a decision did to one delivery, in words."""
    to = f" to {decision.target}" if decision.target else ""
    tail = f": {decision.reason}" if decision.reason else "."
    if item.outcome == "done":
        done = f"{decision.by_shown}: {decision.verb}{to}{tail}"
        return f"{done.rstrip('.')}. {item.why}" if item.why else done
    return f"{decision.by_shown}: {decision.verb}{to}, {item.outcome}. {item.why}"


def queue(session: Session, *, by: Actor, limit: int = 200) -> tuple[Listed, ...]:
    """What is to be sent on, taken back or put back, is under way or was refused by the next hop, newest first."""
    return deliveries(session, Selection(states=UNDER_WAY), by=by, limit=limit).items


def cards(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    now: datetime,
    by_sender: bool = True,
    limit: int = 50,
    after: tuple[Any, ...] | None = None,
) -> Cards:
    """Deliveries in the actor's scope as cards: perishable ones first, then by weight, then the newest.

    `after` is the place of the last card seen: (perishable_until or NEVER, weight, newest_at, key).
    """
    rows = keyed(seen(wanted, by), by_sender, now)
    piles = counted(by_key(rows) if by_sender else one_by_one(rows))
    page = select(piles).order_by(piles.c.perishable, piles.c.weight.desc(), piles.c.newest.desc(), piles.c.key)
    found = session.execute((page if after is None else page.where(behind(piles, after))).limit(limit + 1)).all()
    numbers = found[0] if found else session.execute(select(piles).limit(1)).first()
    ids = ids_of(session, rows, [pile.key for pile in found[:limit]])
    leads = {lead.id: lead for lead in some(session, [pile.lead for pile in found[:limit]], by=by)}
    items = tuple(card(pile, leads[pile.lead], ids[pile.key]) for pile in found[:limit] if pile.lead in leads)
    following = tuple(found[limit - 1][:4]) if len(found) > limit else None
    return Cards(items, following, int(numbers.deliveries) if numbers else 0, numbers.cards if numbers else 0)


def counted(piles: Select[Any]) -> Subquery:
    """The cards with how many cards and deliveries there are in all: counted in the one pass that finds them."""
    inside = piles.subquery()
    return select(inside, func.count().over().label("cards"), func.sum(inside.c.number).over().label("deliveries")).subquery()


def keyed(where: ColumnElement[bool], by_sender: bool, now: datetime) -> Subquery:
    """The deliveries with the key of the card they belong to. Mail without a readable author makes a card of its own."""
    alone = literal("#", String) + cast(col(Delivery.id), String)
    perishable = case((col(Delivery.perishable_until) > now, col(Delivery.perishable_until)), else_=literal(NEVER, Instant))
    return (
        select(
            (case((col(Delivery.author) != "", col(Delivery.author)), else_=alone) if by_sender else alone).label("key"),
            col(Delivery.id),
            col(Delivery.department),
            col(Delivery.person),
            col(Delivery.received_at),
            col(Delivery.weight),
            perishable.label("perishable"),
        )
        .where(where)
        .subquery()
    )


def by_key(rows: Subquery) -> Select[Any]:
    """One row a card."""
    folder = rows.c.department + literal("+", String) + rows.c.person
    return select(
        func.min(rows.c.perishable, type_=Instant).label("perishable"),
        func.max(rows.c.weight).label("weight"),
        func.max(rows.c.received_at, type_=Instant).label("newest"),
        rows.c.key,
        func.count().label("number"),
        func.count(folder.distinct()).label("people"),
        func.count(rows.c.department.distinct()).label("departments"),
        func.max(rows.c.id).label("lead"),
    ).group_by(rows.c.key)


def one_by_one(rows: Subquery) -> Select[Any]:
    """Each delivery as a card of its own, in the columns of `by_key`."""
    one = literal(1)
    return select(
        rows.c.perishable,
        rows.c.weight,
        rows.c.received_at.label("newest"),
        rows.c.key,
        one.label("number"),
        one.label("people"),
        one.label("departments"),
        rows.c.id.label("lead"),
    )


def behind(piles: Subquery, after: tuple[Any, ...]) -> ColumnElement[bool]:
    """The cards that come after this place in the order of `cards`."""
    perishable, weight, newest, key = after
    return or_(
        piles.c.perishable > perishable,
        and_(
            piles.c.perishable == perishable,
            or_(
                piles.c.weight < weight,
                and_(piles.c.weight == weight, or_(piles.c.newest < newest, and_(piles.c.newest == newest, piles.c.key > key))),
            ),
        ),
    )


def ids_of(session: Session, rows: Subquery, keys: list[str]) -> dict[str, list[int]]:
    """The newest ids of each of these cards."""
    found: dict[str, list[int]] = {key: [] for key in keys}
    place = func.row_number().over(partition_by=rows.c.key, order_by=rows.c.id.desc()).label("place")
    placed = select(rows.c.key, rows.c.id, place).where(rows.c.key.in_(keys)).subquery()
    for key, one in session.execute(select(placed.c.key, placed.c.id).where(placed.c.place <= CARD_IDS).order_by(placed.c.id.desc())):
        found[key].append(one)
    return found


def card(pile: Row[Any], lead: Listed, ids: list[int]) -> Card:
    """A card as a value."""
    perishable = None if pile.perishable == NEVER else pile.perishable
    return Card(pile.key, pile.number, pile.people, pile.departments, pile.newest, pile.weight, perishable, lead, tuple(ids))


def folders(session: Session, *, by: Actor) -> tuple[Folder, ...]:
    """The departments and people in the actor's scope with how much is held for each; who has left stays while mail is held."""
    held = held_by_folder(session, by)
    active = session.scalars(select(Person).where(col(Person.active)))
    people = {(one.department, one.uid): one.name for one in active if in_scope(by, one.department, one.uid)}
    people |= {place: place[1] for place in held if place[1] and place not in people}
    names = {one.code: one.name for one in session.scalars(select(Department))}
    codes = {code for code in names if in_scope(by, code, "")} | {code for code, _ in [*people, *held] if code}
    closed = sealed.closed(session, by)
    found = [folder(code, names.get(code) or code, held, people, closed) for code in codes]
    return tuple(sorted(found, key=lambda one: one.name.casefold()))


def held_by_folder(session: Session, by: Actor) -> dict[tuple[str, str], int]:
    """How much is held for each (department, person) in the actor's scope, also where it is sealed."""
    where = and_(access.waiting(by), col(Delivery.state) == State.HELD)
    rows = session.execute(
        select(col(Delivery.department), col(Delivery.person), func.count())
        .where(where)
        .group_by(col(Delivery.department), col(Delivery.person))
    )
    return {(department, person): number for department, person, number in rows}


def in_scope(by: Actor, department: str, person: str) -> bool:
    """Is this folder one that the actor sees?"""
    return by.scope.company or department in by.scope.departments or (person != "" and person in by.scope.persons)


def folder(code: str, name: str, held: dict[tuple[str, str], int], people: dict[tuple[str, str], str], closed: frozenset[str]) -> Folder:
    """One department's folders, its people by name; `closed`: what is sealed to who asks."""
    whole, shared = f"department:{code}" in closed, held.get((code, ""), 0)
    inside = [
        PersonFolder(uid, full_name, held.get((home, uid), 0), whole or f"person:{uid}" in closed)
        for (home, uid), full_name in people.items()
        if home == code
    ]
    inside.sort(key=lambda person: person.name.casefold())
    return Folder(code, name, shared + sum(person.held for person in inside), shared, tuple(inside), whole)


def people(session: Session, q: str = "", *, limit: int = 50) -> tuple[Colleague, ...]:
    """Who works here, by name: a redirect may go to anybody. Every word of `q` occurs in uid, name, department or mailbox."""
    rows = session.execute(
        select(Person, func.coalesce(col(Department.name), col(Person.department)))
        .outerjoin(Department, col(Department.code) == col(Person.department))
        .where(col(Person.active))
    )
    everybody = (Colleague(person.uid, person.name, person.department, name, person.mailbox) for person, name in rows)
    words = q.casefold().split()
    fitting = [one for one in everybody if all(word in " ".join(asdict(one).values()).casefold() for word in words)]
    return tuple(sorted(fitting, key=lambda one: (one.name.casefold(), one.uid))[:limit])


def message(session: Session, message_id: int, *, by: Actor) -> Opened:
    """A message. NotFound unless one of its deliveries is in the actor's scope."""
    where = and_(col(Delivery.message_id) == message_id, access.readable(by))
    own = tuple(listed(row) for row in session.execute(listing(where).order_by(col(Delivery.id))))
    if not own:
        raise NotFound(f"there is no message {show(message_id)}")
    found = session.get_one(Message, message_id)
    content = session.get_one(Content, found.content_id)
    return Opened(
        id=found.id,
        received_at=found.received_at,
        size=content.size,
        erased=content.zstd is None,
        envelope=Envelope.from_json(found.envelope),
        authentication=Authentication.from_json(found.authentication),
        summary=Summary.from_json(found.summary),
        signals=tuple(found.signals),
        deliveries=own,
    )


def proof_sentence(found: Authentication) -> str:
    """What the authentication results prove, for a person to read."""
    dmarc = found.dmarc
    if not found.author:
        return "It does not name exactly one author, so nothing can prove who sent it."
    domain = dmarc.domain or found.author.rpartition("@")[2]
    ways = " and ".join(way.upper() for way in dmarc.aligned)
    if found.proof == "dmarc" and dmarc.origin:
        return f"{domain} proves that it sent this, as our edge {dmarc.origin} found: DMARC passes."
    if found.proof == "dmarc":
        return f"{domain} proves that it sent this: DMARC passes{f' by {ways}' if ways else ''}."
    if found.proof == "aligned":
        return f"{domain} has no DMARC record, but {ways} proves that it sent this."
    if found.sealed_by(found.arc.sealer):
        return f"Nothing proves that {domain} sent this, but {found.arc.sealer}, which passed it on, says that it had proven itself there."
    if found.unknown:
        return f"DNS did not answer, so it is not known whether {domain} sent this."
    if dmarc.result is Result.FAIL and dmarc.origin:
        return f"{domain} says that this is not from there, as our edge {dmarc.origin} found: DMARC fails."
    if dmarc.result is Result.FAIL:
        return f"{domain} says that this is not from there: DMARC fails{f', and its policy is {dmarc.policy}' if dmarc.policy else ''}."
    if found.publishes_nothing:
        return f"{domain} publishes nothing by which its mail could prove itself."
    return f"Nothing proves that {domain} sent this."


def raw(session: Session, message_id: int, *, by: Actor, reason: str = "") -> bytes:
    """The bytes of a message as received. NotFound as for `message`, Erased when its retention time is over.

    ReasonNeeded when it is sealed and no reason is given; the reason belongs on the record (`breaks_seal`).
    """
    where = and_(col(Delivery.message_id) == message_id, access.readable(by))
    content_id = session.scalar(
        select(col(Message.content_id)).join(Delivery, col(Delivery.message_id) == col(Message.id)).where(where).limit(1)
    )
    if content_id is None:
        raise NotFound(f"there is no message {show(message_id)}")
    breaks_seal(session, message_id, by=by, reason=reason)
    try:
        return contents.load(session, content_id)
    except NotFound as gone:
        raise Erased(str(gone)) from gone


def breaks_seal(session: Session, message_id: int, *, by: Actor, reason: str) -> bool:
    """Must it go on the record that the actor opens this message: is every copy in their scope sealed? ReasonNeeded without a reason."""
    mine = and_(col(Delivery.message_id) == message_id, access.within(by))
    if session.scalar(select(literal(1)).where(mine, not_(sealed.anyhow())).limit(1)):
        return False
    if not reason.strip():
        raise ReasonNeeded("this mail is sealed: say why you open it, and the reason goes on the record")
    return True


def rules_with(session: Session, rule_ids: Sequence[int], *, by: Actor) -> tuple[Rule, ...]:
    """The rules with these ids that reach into the actor's scope, newest first."""
    found = session.scalars(select(Rule).where(among(session, col(Rule.id), rule_ids)).order_by(col(Rule.id).desc()))
    closed = sealed.closed(session, by)
    return tuple(rules.as_seen(rule, by) for rule in found if access.knows_rule(by, rule.scope, closed))


def number_of_acts(session: Session) -> int:
    """How many acts have been committed: it grows with each, in whatever order their ids were made."""
    sealed = select(func.coalesce(func.max(col(AuditRecord.sequence)), 0)).scalar_subquery()
    unsealed = select(func.count()).where(col(AuditRecord.sequence).is_(None)).select_from(AuditRecord).scalar_subquery()
    return session.scalar(select(sealed + unsealed)) or 0
