"""Read-only: what happened to a delivery, in words and oldest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, not_, select
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.delivery import recalled_copies
from triage.delivery.sender_notices import ABOUT
from triage.errors import NotFound
from triage.ids import format_id
from triage.quarantine import viewings
from triage.quarantine.search.listing import Listed, list_some
from triage.say import say
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Attempt, Delivery


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


def get_delivery(session: Session, delivery_id: int, *, by: Actor) -> Detailed:
    """One delivery with its history. NotFound when there is none in the actor's scope."""
    found = list_some(session, [delivery_id], by=by, seen=access.readable_deliveries(by))
    if not found:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    attempts = session.scalars(select(Attempt).where(col(Attempt.delivery_id) == delivery_id).order_by(col(Attempt.number)))
    tried = tuple(Tried(one.number, one.started_at, one.ended_at, one.outcome, one.next_hop, one.reply) for one in attempts)
    return Detailed(found[0], list_history(session, found[0], tried, by=by), tried)


def list_history(session: Session, about: Listed, attempts: Iterable[Tried], *, by: Actor) -> tuple[Past, ...]:
    """What happened to a delivery, oldest first: the acts on the record, the attempts, the decisions that it was part of.

    Who viewed the message is told to whom that concerns (`untold_looks`). What its sender was told is said of all copies that ended alike.
    """
    subjects = [f"delivery:{format_id(about.id)}", f"message:{format_id(about.message_id)}"]
    on_record = and_(col(AuditRecord.subject).in_(subjects), col(AuditRecord.act) != Event.CLAIM)
    beyond = goes_beyond(session, about.message_id, by)
    if untold := untold_looks(session, about, by, beyond=beyond):
        on_record &= col(AuditRecord.act).not_in(sorted(untold)) | (col(AuditRecord.by) == str(by))
    records = session.scalars(select(AuditRecord).where(on_record)).all()
    names = viewings.shown_names(session, {record.by for record in records})
    acts = [
        Past(one.at, one.by, one.act, detail_about(one, about, beyond=beyond), act_sentence(one, names.get(one.by, ""), about))
        for one in records
        if "attempt" not in one.detail and not (beyond and is_of_others(one, about))
    ]
    rows = session.execute(
        select(DecisionItem, Decision)
        .join(Decision, col(Decision.id) == col(DecisionItem.decision_id))
        .where(col(DecisionItem.delivery_id) == about.id)
    )
    decisions = [
        Past(decision.at, decision.by, decision.verb, item_detail(item, decision), item_sentence(item, decision)) for item, decision in rows
    ]
    tried = [past for one in attempts if (past := attempt_event(one, about))]
    return tuple(sorted([*acts, *tried, *decisions, *expiry_event(session, about, acts)], key=lambda past: past.at))


def untold_looks(session: Session, about: Listed, by: Actor, *, beyond: bool) -> frozenset[str]:
    """Which acts of others, who looked at the message, this history leaves out.

    Auditors, data protection officers and the person whose message it is are told who viewed it, colleagues are not. `beyond`: looks are
    about copies, too, that the actor may not see.
    """
    if viewings.is_owner(session, about.person, by) and viewings.told_to_owner(session, [about.message_id], about.person):
        return frozenset()
    if beyond:
        return viewings.LOOKS
    return frozenset() if access.may_see_viewers(by) else viewings.VIEWS


def goes_beyond(session: Session, message_id: int, by: Actor) -> bool:
    """Has the message copies that the actor may not see?"""
    copies = select(col(Delivery.id)).where(col(Delivery.message_id) == message_id, not_(access.within_scope(by))).limit(1)
    return session.scalar(copies) is not None


def is_of_others(record: AuditRecord, about: Listed) -> bool:
    """Does it say what the sender was told, and this delivery did not end so?"""
    if record.act not in ("notice", "not_told"):
        return False
    kind = record.detail.get("kind")
    return about.state != ABOUT[kind] if kind in ABOUT else about.state not in ABOUT.values()


def detail_about(record: AuditRecord, about: Listed, *, beyond: bool = False) -> dict[str, Any]:
    """What the record says of this delivery: neither how other copies were addressed, nor where staff sat.

    `beyond`: nor the words of a letter, which names other copies, and may be another's.
    """
    hidden = ("notes", "from", "said") if beyond else ("notes", "from")
    detail = {name: value for name, value in record.detail.items() if name not in hidden}
    note = record.detail.get("notes", {}).get(format_id(about.id))
    return detail | ({"notes": {format_id(about.id): note}} if note else {})


ENDS = {
    "delivered": Event.DELIVER,
    "deferred": Event.DEFER,
    "unanswered": Event.DEFER,
    "untried": Event.DEFER,
    "bounced": Event.BOUNCE,
}


def attempt_event(tried: Tried, about: Listed) -> Past | None:
    """An attempt that has ended: its record may speak of many, its row speaks of this delivery."""
    if tried.ended_at is None or tried.outcome not in ENDS:
        return None
    act = ENDS[tried.outcome]
    detail = {"outcome": tried.outcome, "reply": tried.reply, "next_hop": tried.next_hop, "attempt": tried.number}
    return Past(tried.ended_at, "system:relay", act, detail, ACTS[act].format(mailbox=about.mailbox, reply=tried.reply))


def expiry_event(session: Session, about: Listed, acts: list[Past]) -> list[Past]:
    """An expiry that is on the record together with others."""
    if about.state != State.EXPIRED or any(past.act == Event.EXPIRE for past in acts):
        return []
    at = session.get_one(Delivery, about.id).settled_at or about.received_at
    return [Past(at, "system:retention", Event.EXPIRE, {}, ACTS[Event.EXPIRE])]


ACTS = {
    "deliver": "Delivered to {mailbox}: {reply}",
    "recall": "Taken out of the mailbox {mailbox}. {why}",
    "seek": "It may have reached the mailbox {mailbox}, so it is looked for there.",
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
    "ask": "{for} asked for it: {words}",
    "decline-request": "{by} said no to the request: {reason}",
    "suspect": "{for} finds it odd and reported it.",
    "answer-report": "{by} said to who reported it: {verdict}.",
    "viewed": "Looked at by {by}.",
    "fetch": "Fetched by {by}.",
    "view": "Fetched by {by}.",
    "fetch-ahead": "Fetched ahead by the console of {by}, and not shown.",
    "open": "Opened by {by}: {reason}",
    "source": "The source was downloaded by {by}.",
    "attachment": "Attachment {number} was downloaded by {by}.",
    "pages": "Attachment {number} was looked at as pictures by {by}.",
    "page": "Page {page} of attachment {number} was fetched as a picture by {by}.",
}
OF_THE_MESSAGE = frozenset({"viewed", "fetch", "view", "fetch-ahead", "open", "source", "attachment", "pages", "page"})
"""Acts about a whole message: every delivery of it tells them."""
RECALLERS_ACTS = {"deliver": "Put back into the mailbox {mailbox}. {why}", "give_up": "The recaller gave up: {why}"}


def act_sentence(record: AuditRecord, name: str, about: Listed) -> str:
    """An act on the record in words."""
    if record.act == "receive":
        return " ".join(filter(None, (f"Arrived for {about.recipient}: {about.verdict.reason}.", about.note)))
    blank = dict.fromkeys(("reply", "number", "page", "reason", "why"), "")
    words = blank | {"mailbox": about.mailbox, "by": name or record.by} | record.detail
    said = ACTS | RECALLERS_ACTS if record.by == str(recalled_copies.BY) else ACTS
    act = "fetch-ahead" if viewings.is_ahead(record) else record.act
    return said.get(act, f"{act} by {{by}}.").format(**words)


def item_detail(item: DecisionItem, decision: Decision) -> dict[str, Any]:
    """What a decision did to one delivery."""
    said = {"decision": format_id(decision.id), "before": item.before, "outcome": item.outcome, "why": item.why, "reason": decision.reason}
    return said | ({"confirmed": decision.confirmed} if decision.confirmed else {})


def item_sentence(item: DecisionItem, decision: Decision) -> str:
    """What a decision did to one delivery, in words."""
    to = f" to {decision.target}" if decision.target else ""
    tail = f": {decision.reason}" if decision.reason else "."
    if item.outcome == "done":
        done = f"{decision.by_shown}: {decision.verb}{to}{tail}"
        return f"{done.rstrip('.')}. {item.why}" if item.why else done
    return f"{decision.by_shown}: {decision.verb}{to}, {item.outcome}. {item.why}"
