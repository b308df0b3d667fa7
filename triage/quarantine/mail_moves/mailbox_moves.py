"""A person moved a copy of a held message into a folder that means an act: that is their decision, once, or the reason why not."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access.dual_control import ANSWERED, WAITING
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotFound, Refused, SecondLookNeeded
from triage.ids import format_id
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions.decide import decide_or_ask
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb, own_key
from triage.quarantine.decisions.outcome_text import who_was_faster
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.say import say
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import MirrorCopy

RELEASE, APPROVE, PURGE, BLOCK = "Release", "Approve sender", "Purge", "Purge and block"
ACTS = {RELEASE: Verb.RELEASE, APPROVE: Verb.RELEASE, PURGE: Verb.PURGE, BLOCK: Verb.PURGE}
RULES = {APPROVE: "allow", BLOCK: "block"}
DONE, ALREADY, REFUSED = "done", "already", "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a move, and the note for the person who moved it; "" where there is nothing to say."""

    kind: str
    why: str = ""


def act_on_move(
    session: Session, copy_id: int, folder: str, *, occasion: str, by: Actor, account: str, settings: Settings, now: datetime
) -> Outcome:
    """Decide as the folder says, if this copy's mail is held. A copy decides once: moved again, copied or replayed it does no more.

    `occasion`: the same when the same move is met again.
    """
    row = session.get(MirrorCopy, copy_id, with_for_update=True, populate_existing=True)
    delivery = session.get(Delivery, row.delivery_id) if row else None
    if row is None or delivery is None:
        return Outcome(ALREADY, say("It was decided long ago."))
    if row.ended_at is not None:
        mine = row.decision_id is not None and row.act == folder
        return Outcome(DONE) if mine else Outcome(ALREADY, what_became_of_it(session, delivery, now))
    try:
        with session.begin_nested():
            made = decide_move(session, row, delivery, folder, occasion, by, f"moved into {folder} at {account}", settings, now)
    except SecondLookNeeded as fault:
        return Outcome(
            REFUSED, say("It needs a second look: {sentence} Release it in the console, or remove it.", sentence=fault.asked[0].sentence)
        )
    except Refused as fault:
        session.refresh(delivery)
        if delivery.state != State.HELD:
            return Outcome(ALREADY, what_became_of_it(session, delivery, now))
        return Outcome(
            REFUSED,
            say("{shown} may not decide about it.", shown=by.shown) if isinstance(fault, NotFound) else say("{clause}.", clause=fault),
        )
    if isinstance(made, PendingAct):
        waits = made.state == WAITING
        return Outcome(
            REFUSED,
            say("It waits for approval by a second person.")
            if waits
            else say("A second person had to approve it: {state}.", state=ANSWERED[made.state]),
        )
    row.ended_at, row.act, row.decision_id = now, folder, made.id
    session.flush()
    return Outcome(DONE)


def decide_move(
    session: Session,
    row: MirrorCopy,
    delivery: Delivery,
    folder: str,
    occasion: str,
    by: Actor,
    reason: str,
    settings: Settings,
    now: datetime,
) -> DecisionReport | PendingAct:
    """The decision about this one message, as long as it is held; or what an earlier move of it asked for, as long as that waits."""
    key = f"mirror {format_id(row.id)} {folder} "
    held = Selection(ids=(delivery.id,), states=(State.HELD,))
    request = DecisionRequest(held, ACTS[folder], reason, rule=rule_of(folder, delivery), idempotency_key=key + occasion)
    return asked_before(session, own_key(by, key), now) or decide_or_ask(session, request, by=by, now=now, settings=settings)


def asked_before(session: Session, key: str | None, now: datetime) -> PendingAct | None:
    """Pending approvals of requests under a key that begins so."""
    waits = col(PendingAct.state) == WAITING, col(PendingAct.lapses_at) > now
    return session.scalars(select(PendingAct).where(*waits, col(PendingAct.idempotency_key).startswith(key, autoescape=True))).first()


def rule_of(folder: str, delivery: Delivery) -> RuleOrder | None:
    """The rule that goes along: about the sender, for whose mail it is."""
    if folder not in RULES:
        return None
    scope = f"person:{delivery.person}" if delivery.person else f"department:{delivery.department}"
    return RuleOrder(RULES[folder], "address", "", scope)


def what_became_of_it(session: Session, delivery: Delivery, now: datetime) -> str:
    """Sentence about who was faster."""
    session.refresh(delivery)
    if delivery.state == State.HELD:
        return say("It was decided, and has been held again since: move the copy that is in its folder now.")
    decision = session.get(Decision, delivery.decision_id) if delivery.decision_id else None
    return who_was_faster(delivery.state, decision, now)
