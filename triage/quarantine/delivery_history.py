"""Read-only: what happened to a delivery, in words and oldest first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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
from triage.say import join_parts, load_sentence, mark, say
from triage.store.delivery_state import Event, State
from triage.store.models.assignments import Comment
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Attempt, Delivery

WHY_FORM, REPLY_FORM = "why_form", "reply_form"  # in an audit entry: the message ids and parameters of its `why` and `reply`


@dataclass(frozen=True, slots=True)
class Past:
    """Event in the history of a delivery."""

    at: datetime
    by: str
    act: str
    detail: dict[str, Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class Tried:
    """Attempt to deliver a message."""

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
    """Returns a delivery with its history. NotFound when there is none in the actor's scope."""
    found = list_some(session, [delivery_id], by=by, seen=access.readable_deliveries(by))
    if not found:
        raise NotFound(say("there is no delivery {delivery_id}", delivery_id=format_id(delivery_id)))
    attempts = session.scalars(select(Attempt).where(col(Attempt.delivery_id) == delivery_id).order_by(col(Attempt.number)))
    tried = tuple(
        Tried(one.number, one.started_at, one.ended_at, one.outcome, one.next_hop, load_sentence(one.reply, one.reply_form))
        for one in attempts
    )
    return Detailed(found[0], list_history(session, found[0], tried, by=by), tried)


def name_hops(found: Detailed, name: Callable[[str], str]) -> Detailed:
    """The delivery with its next hops as the reader may call them."""
    history = tuple(
        replace(one, detail=one.detail | {"next_hop": name(one.detail["next_hop"])}) if "next_hop" in one.detail else one
        for one in found.history
    )
    return replace(found, history=history, attempts_made=tuple(replace(one, next_hop=name(one.next_hop)) for one in found.attempts_made))


def list_history(session: Session, about: Listed, attempts: Iterable[Tried], *, by: Actor) -> tuple[Past, ...]:
    """Lists the history of a delivery, oldest first: entries of the audit log, attempts, and decisions that it was part of.

    Who viewed the message is told to whom that concerns (`hidden_viewings`). What its sender was told is said of all copies that ended
    alike.
    """
    subjects = [f"delivery:{format_id(about.id)}", f"message:{format_id(about.message_id)}"]
    on_record = and_(col(AuditRecord.subject).in_(subjects), col(AuditRecord.act) != Event.CLAIM)
    beyond = goes_beyond(session, about.message_id, by)
    if untold := hidden_viewings(session, about, by, beyond=beyond):
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
    said = comments_said(session, about)
    acts = [replace(one, sentence=said.get(str(one.detail.get("comment")), one.sentence)) for one in acts]
    decisions = [
        Past(decision.at, decision.by, decision.verb, item_detail(item, decision), item_sentence(item, decision)) for item, decision in rows
    ]
    tried = [past for one in attempts if (past := attempt_event(one, about))]
    found = [*acts, *tried, *decisions, *assignment_event(about), *expiry_event(session, about, acts)]
    return tuple(sorted(found, key=lambda past: past.at))


def comments_said(session: Session, about: Listed) -> dict[str, str]:
    """Returns the comments about a delivery in words, by their ids; of a confidential one without their texts, which need a reason."""
    words = mark("Comment by {name}. Reading it needs a reason.") if about.sealed else mark("Comment by {name}: {text}")
    rows = session.scalars(select(Comment).where(col(Comment.delivery_id) == about.id))
    return {format_id(one.id): say(words, name=one.by_shown, text=one.text) for one in rows}


def assignment_event(about: Listed) -> list[Past]:
    """To whom the delivery is assigned, while it is held."""
    if not (assigned := about.assigned):
        return []
    names = {"to": assigned.to_shown, "name": assigned.by_shown}
    said = say("Assigned to {to} by {name}.", **names)
    noted = say("Assigned to {to} by {name}: {note}", **names, note=assigned.note) if assigned.note else said
    return [Past(assigned.at, "", "assign", {}, noted)]


def hidden_viewings(session: Session, about: Listed, by: Actor, *, beyond: bool) -> frozenset[str]:
    """Returns the viewings by others that the history of this message leaves out.

    Auditors, data protection officers and the person whose message it is are told who viewed it, colleagues are not. `beyond`: looks are
    about copies, too, that the actor may not see.
    """
    if viewings.is_owner(session, about.person, by) and viewings.viewers_known_to_owner(session, [about.message_id], about.person):
        return frozenset()
    if beyond:
        return viewings.LOOKS
    return frozenset() if access.may_see_viewers(by) else viewings.VIEWS


def goes_beyond(session: Session, message_id: int, by: Actor) -> bool:
    """Whether the message has copies that the actor may not see."""
    copies = select(col(Delivery.id)).where(col(Delivery.message_id) == message_id, not_(access.within_scope(by))).limit(1)
    return session.scalar(copies) is not None


def is_of_others(record: AuditRecord, about: Listed) -> bool:
    """Whether it says what the sender was told, and this delivery did not end so."""
    if record.act not in ("notice", "not_told"):
        return False
    kind = record.detail.get("kind")
    return about.state != ABOUT[kind] if kind in ABOUT else about.state not in ABOUT.values()


def detail_about(record: AuditRecord, about: Listed, *, beyond: bool = False) -> dict[str, Any]:
    """Returns the details of an audit entry for this delivery: neither how other copies were addressed, nor where staff sat.

    `beyond`: nor the words of a letter, which names other copies, and may be another's.
    """
    hidden = ("notes", "from", WHY_FORM, REPLY_FORM, *(("said",) if beyond else ()))
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
    detail = {"outcome": tried.outcome, "reply": str(tried.reply), "next_hop": tried.next_hop, "attempt": tried.number}
    return Past(tried.ended_at, "system:relay", act, detail, say(ACTS[act], mailbox=about.mailbox, reply=tried.reply))


def expiry_event(session: Session, about: Listed, acts: list[Past]) -> list[Past]:
    """An expiry that is in the audit log together with others."""
    if about.state != State.EXPIRED or any(past.act == Event.EXPIRE for past in acts):
        return []
    at = session.get_one(Delivery, about.id).settled_at or about.received_at
    return [Past(at, "system:retention", Event.EXPIRE, {}, say(ACTS[Event.EXPIRE]))]


ACTS = {
    "deliver": mark("Delivered to {mailbox}: {reply}"),
    "recall": mark("Removed from the mailbox {mailbox}. {why}"),
    "miss": mark("Not in the mailbox {mailbox} any more. {why}"),
    "seek": mark("It may have reached the mailbox {mailbox}, so Mailroom looks for it there."),
    "give_up": mark("Given up by {by}."),
    "defer": mark("Deferred by the next hop: {reply}"),
    "bounce": mark("Refused by the next hop: {reply}"),
    "come_back": mark("Bounced by a server after the next hop: {reply}"),
    "not_told": mark("No notice to the sender: {why}."),
    "notice": mark("Notice to the sender queued ({kind})."),
    "report": mark("A server after the next hop reports: {reply}"),
    "late_bounce": mark("A bounce arrived too late to change anything: {reply}"),
    "release": mark("Retried by {by}."),
    "retry": mark("Retried at once by {by}."),
    "answer": mark("It was a known message, and is answered."),
    "expire": mark("Expired: nobody decided in time."),
    "ask": mark("{for} requested its release: {words}"),
    "decline-request": mark("{by} declined the request: {reason}"),
    "suspect": mark("{for} reported it as suspicious."),
    "report-simulation": mark("{for} reported it as suspicious. It is a phishing simulation."),
    "partner-report": mark("Your partner {for} reported it as suspicious."),
    "answer-report": mark("{by} answered the report: {verdict}."),
    "comment": mark("Comment by {by}, deleted since."),
    "viewed": mark("Viewed by {by}."),
    "fetch": mark("Fetched by {by}."),
    "view": mark("Fetched by {by}."),
    "fetch-ahead": mark("Fetched in advance by the console of {by}, and not shown."),
    "open": mark("Opened by {by}: {reason}"),
    "source": mark("Source downloaded by {by}."),
    "attachment": mark("Attachment {number} downloaded by {by}."),
    "pages": mark("Attachment {number} viewed as images by {by}."),
    "page": mark("Page {page} of attachment {number} fetched as an image by {by}."),
}
OF_THE_MESSAGE = frozenset({"viewed", "fetch", "view", "fetch-ahead", "open", "source", "attachment", "pages", "page"})
"""Acts about a whole message: every delivery of it tells them."""
RECALLERS_ACTS = {
    "deliver": mark("Put back into the mailbox {mailbox}. {why}"),
    "give_up": mark("Recall given up: {why}"),
}
KINDS = {"failure": say("not delivered"), "rejection": say("rejected"), "expiry": say("expired"), "delay": say("delayed")}
VERDICTS = {"good": say("harmless"), "bad": say("not harmless")}


def act_sentence(record: AuditRecord, name: str, about: Listed) -> str:
    """An act of the audit log in words."""
    if record.act == "receive":
        arrived = say("Arrived for {recipient}: {reason}.", recipient=about.recipient, reason=about.verdict.reason)
        return join_parts(" ", [arrived, about.note])
    said = ACTS | RECALLERS_ACTS if record.by == str(recalled_copies.BY) else ACTS
    act = "fetch-ahead" if viewings.is_ahead(record) else record.act
    if act not in said:
        return say("{act} by {by}.", act=act, by=name or record.by)
    return say(said[act], **values_of(record, name, about))


def values_of(record: AuditRecord, name: str, about: Listed) -> dict[str, Any]:
    """Returns the values for the placeholders of an act's sentence."""
    detail = record.detail
    ours = {
        "kind": KINDS.get(detail.get("kind", ""), detail.get("kind", "")),
        "verdict": VERDICTS.get(detail.get("verdict", ""), detail.get("verdict", "")),
        "why": load_sentence(detail.get("why", ""), detail.get(WHY_FORM)),
        "reply": load_sentence(detail.get("reply", ""), detail.get(REPLY_FORM)),
    }
    return dict.fromkeys(("number", "page", "reason"), "") | {"mailbox": about.mailbox, "by": name or record.by} | detail | ours


def item_detail(item: DecisionItem, decision: Decision) -> dict[str, Any]:
    """Returns the details of what a decision did to one delivery."""
    said = {"decision": format_id(decision.id), "before": item.before, "outcome": item.outcome, "why": item.why, "reason": decision.reason}
    return said | ({"confirmed": decision.confirmed} if decision.confirmed else {})


def item_sentence(item: DecisionItem, decision: Decision) -> str:
    """Says what a decision did to one delivery."""
    if decision.verb == "deliver" and item.outcome == "done":
        return load_sentence(item.why, item.why_form)  # it says who and why
    done = named_act(decision)
    if item.outcome != "done":
        done = say("{act}, {outcome}", act=done, outcome=OUTCOMES.get(item.outcome, item.outcome))
    if decision.reason and item.outcome == "done":
        done = say("{act}: {reason}", act=done, reason=decision.reason.rstrip(".") if item.why else decision.reason)
    ends = decision.reason and item.outcome == "done" and not item.why
    return join_parts(" ", [done if ends else say("{clause}.", clause=done), load_sentence(item.why, item.why_form)])


OUTCOMES = {
    "recalling": say("being removed from the mailbox"),
    "restoring": say("being put back into the mailbox"),
    "in flight": say("being delivered right now"),
    "out of reach": say("out of reach"),
    "refused": say("not done"),
    "already gone": say("not there any more"),
    "still there": say("still there"),
    "answered": say("answered"),
}
VERBS = {
    "release": mark("{name}: release"),
    "redirect": mark("{name}: redirect"),
    "purge": mark("{name}: remove"),
    "reject": mark("{name}: reject"),
    "restore": mark("{name}: restore"),
    "hold": mark("{name}: hold"),
    "redeliver": mark("{name}: deliver again"),
    "deliver": mark("{name}: deliver without a decision"),
    "sweep": mark("{name}: remove by a sweep"),
    "take": mark("{name}: remove related messages"),
    "join": mark("{name}: merge campaigns"),
    "split": mark("{name}: split off a campaign"),
    "escalate": mark("{name}: escalate"),
    "undo": mark("{name}: undo"),
}


def named_act(decision: Decision) -> str:
    """Says who decided what."""
    act = say(VERBS[decision.verb], name=decision.by_shown)
    return say("{what} to {target}", what=act, target=decision.target) if decision.target else act
