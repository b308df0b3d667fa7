"""Carries a decision out on deliveries: changes what can be changed, and says what became of each."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, not_, select, true, update
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import groups, recalled_copies, rejections, sender_notices
from triage.directory import reassigned_addresses, recipients
from triage.policy import copies
from triage.policy.contacts.sender_history import NOT_SWEPT
from triage.policy.known_senders import domain_proofs
from triage.policy.rules import store as rules
from triage.quarantine.decisions.decision_plan import Meant
from triage.quarantine.decisions.decision_request import AIMS, DELIVERED, IN_FLIGHT, Aim, DecisionRequest, Verb, aim_of
from triage.quarantine.decisions.outcome_text import OUT_OF_REACH, earlier_decision_sentence
from triage.quarantine.decisions.outcomes import LATEST, Item
from triage.quarantine.known_messages import answers
from triage.say import say
from triage.store import ledger
from triage.store.db import is_among
from triage.store.delivery_state import Event, State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.provable_rows import row_sums
from triage.store.queue.grouping import in_states

FLYING = {State.RELAYING: say("It is being delivered right now."), State.RESTORING: say("It is being put back right now.")}
IN_MAILBOXES = {
    (Event.PURGE, State.DELIVERED): "recalling",
    (Event.PUT_BACK, State.DELIVERED): "restoring",
}  # the recaller has the last word
AGAIN = frozenset({Event.REDELIVER, Event.PUT_BACK})  # of what was delivered
SAYS_WANTED = frozenset({"release", "redirect", "undo"})  # verbs after which other senders are wanted
NEEDS_CONTENT = frozenset({Event.RESTORE, Event.RELEASE, Event.REDIRECT, Event.REDELIVER, Event.PUT_BACK})


def carry_out(
    session: Session, decision: Decision, meant: Meant, request: DecisionRequest, *, by: Actor, now: datetime, settings: Settings
) -> list[Item]:
    """Carries out the request for these deliveries; returns the outcome of each. For known messages it is an answer."""
    row_sums.promise_rows(session, decision, meant)
    real = answers.without_known(session, meant)
    if len(real) == len(meant):
        return carry_out_real(session, decision, meant, request, by=by, now=now, settings=settings)
    alone = decision.last is None and answers.is_answer(session, meant)
    outcomes = answers.answer_known(session, decision, [one for one in meant if one not in set(real)], by=by)
    told = [Item(*one) for one in (*outcomes, *(answers.leave_others(real) if alone else ()))]
    if alone:
        return told
    return told + (carry_out_real(session, decision, real, request, by=by, now=now, settings=settings) if real else [])


def carry_out_real(
    session: Session, decision: Decision, meant: Meant, request: DecisionRequest, *, by: Actor, now: datetime, settings: Settings
) -> list[Item]:
    """Carries out the request for deliveries of which none is a known message."""
    aim = aim_of(request, settings)
    changes = row_changes(session, aim.event, request.to, now, settings)
    barred = barred_from(session, request.verb, [one for one, _ in meant], settings)
    items = change_deliveries(session, decision, meant, aim, changes, barred, by=by)
    if request.verb is Verb.REJECT and any(one.outcome == "done" for one in items):
        said = rejections.text_of(settings, template=request.template, text=request.text)
        rejections.queue_rejections(session, [one.delivery_id for one in items if one.outcome == "done"], said, settings=settings, now=now)
    if request.verb in (Verb.PURGE, Verb.REJECT):
        domain_proofs.refuse_ways(session, [one.delivery_id for one in items if one.outcome != "refused"], now)
    if ended := [one.delivery_id for one in items if one.before in sender_notices.ENDS]:
        sender_notices.follow_deliveries(session, ended, settings=settings, now=now)
    return items


def checked_target(session: Session, request: DecisionRequest, *, settings: Settings, now: datetime) -> str:
    """Returns the mailbox of a redirect, "" for other verbs. BadInput when it cannot be used, or the text for rejected senders cannot."""
    if request.verb is Verb.REJECT:
        rejections.text_of(settings, template=request.template, text=request.text)
    return str(row_changes(session, AIMS[request.verb].event, request.to, now, settings).get("mailbox", ""))


def barred_from(session: Session, verb: Verb, ids: list[int], settings: Settings) -> dict[int, str]:
    """Returns deliveries that the verb must leave alone whatever their state, with the reason."""
    if verb is Verb.REJECT:
        return rejections.refuse_rejections(session, ids, settings)
    if verb in (Verb.RELEASE, Verb.REDELIVER):
        return reassigned_addresses.find_barred(session, ids)
    return rejections.refuse_rejected(session, ids) if verb is Verb.RESTORE else {}


def row_changes(session: Session, event: Event, to: str, now: datetime, settings: Settings) -> dict[str, Any]:
    """Changes of the row besides its state."""
    leaves = now + timedelta(seconds=settings.policy.undo_seconds)
    if event in (Event.RELEASE, Event.REDELIVER):
        return {"due_at": leaves, "queued_at": leaves, "waits_for": ""}
    if event is Event.REDIRECT:
        return {"due_at": leaves, "queued_at": leaves, "waits_for": ""} | redirect_changes(session, to, settings)
    if event is Event.PUT_BACK:
        return {"due_at": now, "queued_at": now, "last_reply": ""}
    if event is Event.RESTORE:
        return {"due_at": None, "expanded": False}
    return recalled_copies.due_values(now) if event is Event.PURGE else {"due_at": None}


def redirect_changes(session: Session, to: str, settings: Settings) -> dict[str, Any]:
    """Changes of the row by a redirect."""
    return {"mailbox": recipients.resolve_destination(session, to, settings.company), "redirected": True}


def change_deliveries(
    session: Session, decision: Decision, meant: Meant, aim: Aim, changes: dict[str, Any], barred: dict[int, str], *, by: Actor
) -> list[Item]:
    """Change what can be changed and is not barred; the outcome of each item."""
    event, now = aim.event, decision.at
    ids = [delivery_id for delivery_id, _ in meant if delivery_id not in barred]
    where = is_among(session, col(Delivery.id), ids) & in_states(aim.changes)
    said = {"reason": decision.reason, "to": decision.target, "second_key": decision.second_by}
    detail: dict[str, Any] = {name: text for name, text in said.items() if text}
    detail |= {"confirmed": decision.confirmed} if decision.confirmed else {}
    may_close = event is Event.PURGE and any(state is State.DELIVERED for _, state in meant)
    closed = groups.delivered_parents(session, is_among(session, col(Delivery.id), ids)) if may_close else set()
    if closed:
        groups.close_parents(session, closed, by=by, now=now, decision_id=decision.id, detail=detail)
    back = put_back_copies(session, where, ids, decision, detail, by=by) if event is Event.RESTORE else set()
    where &= can_change(event)
    sought = seek_copies(session, where, decision, detail, by=by) if event is Event.PURGE and aim.changes >= DELIVERED else {}
    changed = dict(ledger.record_many(session, where, event, by=by, now=now, decision_id=decision.id, detail=detail, **changes))
    finish_changes(session, event, changed, now)
    in_flight = request_purge(session, meant, decision) if event is Event.PURGE else set()
    settled = changed.keys() | sought.keys() | in_flight | back | closed
    left = {delivery_id: state for delivery_id, state in meant if delivery_id not in settled}
    why = explain_unchanged(session, list(left), aim, now) | {one: ("refused", reason) for one, reason in barred.items()}
    return (
        [Item(one, state, IN_MAILBOXES.get((event, state), "done")) for one, state in changed.items()]
        + [Item(one, state, "recalling", say("It may have been delivered.")) for one, state in sought.items()]
        + [Item(one, state, "done", say("Together with the members' copies.")) for one, state in meant if one in closed]
        + [Item(one, state, "restoring") for one, state in meant if one in back]
        + [Item(one, state, "in flight", FLYING[state]) for one, state in meant if one in in_flight]
        + [Item(one, state, *why[one]) for one, state in left.items()]
    )


def can_change(event: Event) -> ColumnElement[bool]:
    """Condition for this event besides the state: not erased. What is delivered again is no list whose members have got copies, and
    nothing that a sweep found in a mailbox.
    """
    unerased = col(Delivery.erased_at).is_(None) if event in NEEDS_CONTENT else true()
    return unerased & not_(col(Delivery.expanded)) & NOT_SWEPT if event in AGAIN else unerased


def finish_changes(session: Session, event: Event, changed: dict[int, State], now: datetime) -> None:
    """Finishes the changes of deliveries besides their state."""
    if event is Event.RESTORE:
        recalled_copies.end_copies(session, changed, now=now)
    if event in (Event.RELEASE, Event.REDELIVER):  # a redirect that was taken back and a mailbox that moved are forgotten
        held = [one for one, state in changed.items() if state is State.HELD]
        again = is_among(session, col(Delivery.id), changed) & not_(col(Delivery.redirected))
        meant_for = is_among(session, col(Delivery.id), held) | again
        reassigned_addresses.readdress_deliveries(session, meant_for)


def seek_copies(session: Session, where: ColumnElement[bool], decision: Decision, detail: dict[str, Any], *, by: Actor) -> dict[int, State]:
    """Looks in the mailbox for copies that a next hop may have got without an answer, before they are purged; returns these deliveries."""
    in_doubt, changes = where & recalled_copies.may_have_arrived(), recalled_copies.to_seek(decision.at)
    return dict(
        ledger.record_many(session, in_doubt, Event.SEEK, by=by, now=decision.at, decision_id=decision.id, detail=detail, **changes)
    )


def put_back_copies(
    session: Session, where: ColumnElement[bool], ids: list[int], decision: Decision, detail: dict[str, Any], *, by: Actor
) -> set[int]:
    """Starts restoring purged copies into their mailboxes, never into a stranger's; returns these deliveries."""
    now = decision.at
    taken = (
        where & recalled_copies.is_restorable() & not_(is_among(session, col(Delivery.id), reassigned_addresses.find_barred(session, ids)))
    )
    changed = ledger.record_many(
        session, taken, Event.PUT_BACK, by=by, now=now, decision_id=decision.id, detail=detail, due_at=now, queued_at=now
    )
    return {delivery_id for delivery_id, _ in changed}


def request_purge(session: Session, meant: Meant, decision: Decision) -> set[int]:
    """Mark what is under way this moment: relay and recaller purge it when it has landed, or the attempt fails.

    An undo that wanted it back gives way; a purge that somebody else has wanted before stands.
    """
    in_flight = [delivery_id for delivery_id, state in meant if state in IN_FLIGHT]
    if not in_flight:
        return set()
    flying = is_among(session, col(Delivery.id), in_flight)
    free = col(Delivery.purge_wanted_by).is_(None) | col(Delivery.back_wanted_by).is_not(None)
    marked = dict(session.execute(select(col(Delivery.id), col(Delivery.back_wanted_by)).where(flying, free)).all())
    for delivery_id, undone_by in marked.items():
        recalled_copies.record_outcome(session, undone_by, delivery_id, "refused", say("It was removed in the meantime."))
    if marked:
        values = {"purge_wanted_by": decision.id, "back_wanted_by": None, "back_to": ""}
        session.execute(update(Delivery).where(is_among(session, col(Delivery.id), marked)).values(**values))
        recalled_copies.expedite_recall(session, marked, now=decision.at)
    return set(marked)


def explain_unchanged(session: Session, ids: list[int], aim: Aim, now: datetime) -> dict[int, tuple[str, str]]:
    """Returns for each unchanged delivery the outcome, and in words who was faster or what is in the way."""
    if not ids:
        return {}
    found: dict[int, tuple[str, str]] = {}
    blocked = exists().where(col(Rule.decision_id) == col(Decision.id), col(Rule.effect) == "block", col(Rule.origin) != rules.STANDING)
    rows = session.execute(
        select(col(Delivery.id), col(Delivery.state), col(Delivery.erased_at), col(Delivery.expanded), not_(NOT_SWEPT), Decision, blocked)
        .outerjoin(Decision, col(Decision.id) == LATEST)
        .where(is_among(session, col(Delivery.id), ids))
    )
    for delivery_id, state, erased_at, expanded, swept, decision, with_block in rows:
        if aim.event in AGAIN and state == State.DELIVERED and expanded:
            found[delivery_id] = ("refused", say("Each member has a copy of their own: deliver those again."))
        elif aim.event in AGAIN and state == State.DELIVERED and swept:
            found[delivery_id] = ("refused", say("It was found in the mailbox: Mailroom did not deliver it."))
        elif aim.event is Event.PURGE and state == State.DELIVERED:
            found[delivery_id] = ("out of reach", OUT_OF_REACH)
        elif aim.event in NEEDS_CONTENT and erased_at is not None:
            found[delivery_id] = ("refused", say("Its content was erased: the retention period is over."))
        else:
            found[delivery_id] = ("refused", earlier_decision_sentence(state, decision, now, blocked=with_block))
    return found


def sort_copies(session: Session, decision: Decision, ids: Iterable[int], *, settings: Settings) -> None:
    """Updates the rows of senders whose messages became wanted, or no longer are. `ids`: the decision's deliveries."""
    if decision.verb in SAYS_WANTED:
        copies.sort_senders_of(session, ids, settings=settings, now=decision.at)
