"""Hunts: a search through all mailboxes that only counts, until a second person agrees that what it found is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, not_, select, update
from sqlmodel import Session, col

from triage.access import dual_control, scope as access
from triage.actor import Actor, Grant, Right
from triage.config.settings import Settings
from triage.delivery.recall import hunted_messages
from triage.delivery.recall.hunt_criteria import HUNT, Criteria
from triage.errors import ApprovalNeeded, BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.ids import format_id, parse_id
from triage.quarantine.decisions.mailbox_sweep import OFF
from triage.quarantine.decisions.outcome_text import hunt_sentence
from triage.quarantine.decisions.outcomes import decision_of
from triage.say import load_sentence, say
from triage.store import ledger
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.directory import KnownRecipient
from triage.store.models.mailboxes import HuntedMessage, SweptMailbox
from triage.store.provable_rows import row_sums

MISSED = 100  # mailboxes that could not be searched, as they are listed


@dataclass(frozen=True, slots=True)
class Hunt:
    """A hunt and how far it is."""

    id: int
    at: datetime
    by: str
    by_shown: str
    reason: str
    criteria: dict[str, Any]
    state: str  # counting, counted, waiting, listing, listed, closed
    found: int  # messages
    mailboxes: int
    mailboxes_left: int
    mailboxes_hit: int
    second_by_shown: str  # who agreed that its messages are shown
    missed: tuple[tuple[str, str], ...]  # mailboxes that could not be searched to the end, and why
    sentence: str


def require_hunter(by: Actor, settings: Settings) -> None:
    """NotAllowed without the right `hunt` for the whole company, NotAllowedNow where hunting is off or there is no way into mailboxes."""
    access.may_decide(by)
    access.require_grant(by, Grant.ADMIN)
    if not settings.recall.hunting or not settings.reaches_mailboxes:
        raise NotAllowedNow(OFF)
    if Right.HUNT not in by.rights or not by.scope.company:
        raise NotAllowed(say("this needs the right {right} and the scope company", right=Right.HUNT))


def begin_hunt(session: Session, criteria: Criteria, *, by: Actor, reason: str, now: datetime, settings: Settings) -> Hunt:
    """Begin to count, in every mailbox but those of confidential folders. BadInput without a reason."""
    require_hunter(by, settings)
    if not (reason := " ".join(reason.split())):
        raise BadInput(say("say why: the audit log keeps it, and auditors read it"), field="reason")
    decision = decision_of(by, HUNT, criteria.as_json(), reason, now, count=0)
    session.add(decision)
    session.flush()
    known = and_(col(KnownRecipient.kind) != "group", not_(hunted_messages.closed_mailboxes()))
    mailboxes = session.scalars(select(col(KnownRecipient.mailbox)).where(known).distinct())
    session.add_all(SweptMailbox(decision_id=decision.id, mailbox=one, due_at=now, begun_at=now) for one in sorted(mailboxes))
    session.flush()
    write_hunt(session, HUNT, decision, by=by, now=now, detail={"criteria": decision.selection, "reason": decision.reason})
    return hunt_of(session, decision)


def write_hunt(session: Session, act: str, hunt: Decision, *, by: Actor, now: datetime, detail: dict[str, Any], items: int = 0) -> None:
    """Puts an act about a hunt in the audit log."""
    ledger.write_act(session, act, f"decision:{format_id(hunt.id)}", by=by, now=now, detail=detail, items=items)


def get_hunt(session: Session, hunt_id: int, *, by: Actor) -> Hunt:
    """Returns a hunt. NotFound for people who may not know of it."""
    return hunt_of(session, find_hunt(session, hunt_id, by=by))


def find_hunt(session: Session, hunt_id: int, *, by: Actor) -> Decision:
    """The decision to hunt. NotFound for those who may not know of it."""
    found = session.get(Decision, hunt_id) if access.may_see_hunts(by) else None
    if found is None or found.verb != HUNT:
        raise NotFound(say("there is no hunt {hunt_id}", hunt_id=format_id(hunt_id)))
    return found


def list_hunts(session: Session, *, by: Actor, limit: int = 50, before: int | None = None) -> list[Hunt]:
    """Hunts, newest first; none for those who may not know of them."""
    if not access.may_see_hunts(by):
        return []
    rows = select(Decision).where(col(Decision.verb) == HUNT).order_by(col(Decision.id).desc()).limit(limit)
    return [hunt_of(session, one) for one in session.scalars(rows if before is None else rows.where(col(Decision.id) < before))]


def hunt_of(session: Session, decision: Decision) -> Hunt:
    """A hunt as a value: numbers, and no word of any message."""
    mine = col(SweptMailbox.decision_id) == decision.id
    hit = func.count().filter(col(SweptMailbox.found) > 0)
    counted = select(func.count(), func.count(col(SweptMailbox.due_at)), hit, func.coalesce(func.sum(col(SweptMailbox.found)), 0))
    total, left, hits, found = session.execute(counted.where(mine)).one()
    missed = select(SweptMailbox).where(mine, col(SweptMailbox.why) != "").order_by(col(SweptMailbox.mailbox)).limit(MISSED)
    state = state_of(session, decision, left)
    return Hunt(
        id=decision.id,
        at=decision.at,
        by=decision.by,
        by_shown=decision.by_shown,
        reason=decision.reason,
        criteria=decision.selection,
        state=state,
        found=found,
        mailboxes=total,
        mailboxes_left=left,
        mailboxes_hit=hits,
        second_by_shown=decision.second_by_shown,
        missed=tuple((one.mailbox, load_sentence(one.why, one.why_form)) for one in session.scalars(missed)),
        sentence=hunt_sentence(decision, total, left, found),
    )


def state_of(session: Session, decision: Decision, left: int) -> str:
    """Returns the state of a hunt."""
    if decision.order.get("closed"):
        return "closed"
    if decision.second_by:
        return "listing" if left else "listed"
    if left:
        return "counting"
    return "waiting" if find_request(session, decision.id) else "counted"


def find_request(session: Session, hunt_id: int) -> PendingAct | None:
    """The request to show what a hunt found, while it waits for a second person."""
    waiting = (col(PendingAct.kind) == dual_control.HUNT, col(PendingAct.state) == dual_control.WAITING)
    rows = session.scalars(select(PendingAct).where(*waiting))
    return next((one for one in rows if one.order["hunt"] == format_id(hunt_id)), None)


def ask_to_show(session: Session, hunt_id: int, *, by: Actor, reason: str, now: datetime, settings: Settings) -> PendingAct:
    """Ask a second person that what a hunt found is shown. NotAllowedNow before it has counted, or where there is nothing to show."""
    require_hunter(by, settings)
    hunt = get_hunt(session, hunt_id, by=by)
    if hunt.state != "counted":
        raise NotAllowedNow(say("this hunt is {state}: only what was counted can be shown, once", state=STATES[hunt.state]))
    if not hunt.found:
        raise NotAllowedNow(say("this hunt found nothing to show"))
    order = {"hunt": format_id(hunt_id), "found": hunt.found, "mailboxes": hunt.mailboxes_hit, "criteria": hunt.criteria}
    need = ApprovalNeeded((dual_control.HUNT,))
    return dual_control.ask_second_person(session, dual_control.HUNT, order, need, by=by, reason=reason or hunt.reason, key=None, now=now)


STATES = {
    "counting": say("still counting"),
    "counted": say("counted"),
    "waiting": say("waiting for a second person"),
    "listing": say("still listing"),
    "listed": say("listed"),
    "closed": say("closed"),
}


def show_hunt(session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings) -> int:
    """A second person agreed: the mailboxes with something in them are searched again, and what is found is written down."""
    for one in (first, by):
        require_hunter(one, settings)
    hunt = find_hunt(session, parse_id(asked.order["hunt"]), by=by)
    if hunt.second_by or hunt.order.get("closed"):
        raise NotAllowedNow(say("this hunt is {state}: only what was counted can be shown, once", state=STATES["closed"]))
    before = row_sums.row_of(hunt)
    hunt.second_by, hunt.second_by_shown = str(by), by.shown
    row_sums.note_change(session, hunt, before)
    session.flush()
    again = (col(SweptMailbox.decision_id) == hunt.id, col(SweptMailbox.found) > 0)
    session.execute(update(SweptMailbox).where(*again).values(due_at=now, begun_at=now, why="", why_form=None))
    write_hunt(session, "hunt-show", hunt, by=first, now=now, detail={"reason": asked.reason, "second_key": str(by)})
    return hunt.id


def close_hunt(session: Session, hunt_id: int, *, by: Actor, now: datetime, settings: Settings) -> Hunt:
    """End a hunt: it searches no more, and what it found is forgotten. Removals stay."""
    require_hunter(by, settings)
    hunt = find_hunt(session, hunt_id, by=by)
    if not hunt.order.get("closed"):
        hunt.order = hunt.order | {"closed": True}
        session.execute(update(SweptMailbox).where(col(SweptMailbox.decision_id) == hunt_id).values(due_at=None))
        hunted_messages.forget_hunt(session, hunt_id)
        if asked := find_request(session, hunt_id):
            dual_control.settle_approval(session, asked, dual_control.WITHDRAWN, by=by, reason="", now=now)
        session.flush()
        write_hunt(session, "hunt-close", hunt, by=by, now=now, detail={})
    return hunt_of(session, hunt)


def shown_messages(session: Session, hunt_id: int, *, by: Actor, chosen: Sequence[int] | None = None) -> list[HuntedMessage]:
    """Lists the messages that a hunt found. NotAllowed for auditors, NotAllowedNow until it is listed."""
    hunt = get_hunt(session, hunt_id, by=by)
    if Right.HUNT not in by.rights:
        raise NotAllowed(say("this needs the right {right} and the scope company", right=Right.HUNT))
    if hunt.state != "listed":
        raise NotAllowedNow(say("this hunt is {state}: its messages are shown once a second person agrees", state=STATES[hunt.state]))
    return hunted_messages.list_hunted(session, hunt_id, chosen)
