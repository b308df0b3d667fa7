"""A person moved a copy of a held message into a folder for an act: that is their decision, once, or the reason why not.

What reaches more than this message, or needs a second look, a second person or a second factor, is only asked for (`move_requests`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from triage.access import dual_control, staff_members
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, BadInput, FactorNeeded, NotFound, Refused, SecondLookNeeded, Stale
from triage.ids import format_id, new_id
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import assignment
from triage.quarantine.decisions import approvals
from triage.quarantine.decisions.decide import decide_messages
from triage.quarantine.decisions.decision_plan import Plan
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb, scope_key
from triage.quarantine.decisions.outcome_text import earlier_decision_sentence
from triage.quarantine.mail_moves import move_requests
from triage.quarantine.mail_moves.move_folders import (
    ALLOW,
    ASSIGN,
    BLOCK,
    DOMAIN,
    EVERYWHERE,
    EVERYWHERE_BLOCK,
    REDIRECT,
    REJECT,
    RELEASE,
    REMOVE,
    Move,
)
from triage.quarantine.mail_moves.move_requests import Answer, RequestContext, RequestedMove
from triage.quarantine.removal.removal_plan import BlockWish
from triage.quarantine.search.listing import list_some
from triage.quarantine.search.selection import MOST_IDS, MOST_ITEMS, Selection
from triage.quarantine.triage_items.item_list import item_members
from triage.say import error_sentence, say
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Assignment
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.mailboxes import MirrorCopy

VERBS = {
    RELEASE: Verb.RELEASE,
    ALLOW: Verb.RELEASE,
    DOMAIN: Verb.RELEASE,
    REMOVE: Verb.PURGE,
    BLOCK: Verb.PURGE,
    EVERYWHERE: Verb.PURGE,
    EVERYWHERE_BLOCK: Verb.PURGE,
    REJECT: Verb.REJECT,
    REDIRECT: Verb.REDIRECT,
}
RULES = {ALLOW: ("allow", "address"), DOMAIN: ("allow", "domain"), BLOCK: ("block", "address")}
DONE, ALREADY, REFUSED, ASKED, ASSIGNED = "done", "already", "refused", "asked", "assigned"
MISPLACED = say("This is a question about messages: move it into Yes to say yes, or leave it.")
NO_ANSWER = say("Only an answer from the folder Confirm is confirmed here. Move the message itself into the folder for what it is to be.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a move, and the note for the person who moved it; "" where there is nothing to say. `answer`: of what is asked for."""

    kind: str
    why: str = ""
    answer: Answer | None = None


def act_on_move(
    session: Session, copy_id: int, move: Move, *, occasion: str, by: Actor, account: str, settings: Settings, now: datetime
) -> Outcome:
    """Decide as the folder says, if this copy's mail is held. A copy decides once: moved again, copied or replayed it does no more.

    `occasion`: the same when the same move is met again.
    """
    row = session.get(MirrorCopy, copy_id, with_for_update=True, populate_existing=True)
    delivery = session.get(Delivery, row.delivery_id) if row else None
    if row is None or delivery is None:
        is_answer = row is None and session.get(PendingAct, copy_id) is not None
        return Outcome(REFUSED, MISPLACED) if is_answer else Outcome(ALREADY, say("It was decided long ago."))
    if row.ended_at is not None:
        mine = row.decision_id is not None and row.act == move.folder
        return Outcome(DONE) if mine else Outcome(ALREADY, describe_earlier_decision(session, delivery, now))
    try:
        with session.begin_nested():
            return carry_move(session, row, delivery, move, occasion, account, RequestContext(by, settings, now))
    except Refused as fault:
        session.refresh(delivery)
        if delivery.state != State.HELD:
            return Outcome(ALREADY, describe_earlier_decision(session, delivery, now))
        return refusal(fault, by)


def refusal(fault: Refused, by: Actor) -> Outcome:
    """The outcome of a move that may not be, with the reason."""
    if isinstance(fault, NotFound):
        return Outcome(REFUSED, say("{shown} may not decide about it.", shown=by.shown))
    return Outcome(REFUSED, reason_for(fault))


def reason_for(fault: Refused) -> str:
    """A refusal as a sentence, without the name of a field: a mail program has none."""
    said = fault.sentence if isinstance(fault, BadInput) else error_sentence(fault)
    return said if said.endswith(".") else say("{clause}.", clause=said)


def carry_move(
    session: Session, row: MirrorCopy, delivery: Delivery, move: Move, occasion: str, account: str, context: RequestContext
) -> Outcome:
    """Carries out a move of a held message, or asks about it."""
    by, now = context.by, context.now
    if move.act == ASSIGN:
        return assign_to(session, delivery, move.word, by=by, now=now)
    key = f"mirror {format_id(row.id)} {move.folder} "
    if waiting := move_requests.find_waiting(session, scope_key(by, key), move, now):
        return Outcome(ASKED, answer=move_requests.renew_answer(session, waiting, context))
    if settled := move_requests.find_settled(session, scope_key(by, key + occasion)):
        approvals.check_waiting(session, settled, settled.id, by, now)
    request = request_of(session, [delivery], move, reason=reason_of(move, account), key=key + occasion, by=by)
    if not move.is_wide:
        try:
            with session.begin_nested():
                made = decide_messages(session, request, by=by, now=now, settings=context.settings)
            row.ended_at, row.act, row.decision_id = now, move.folder, made.id
            session.flush()
            return Outcome(DONE)
        except (SecondLookNeeded, ApprovalNeeded, FactorNeeded):
            pass  # it is asked about
    return Outcome(ASKED, answer=move_requests.request_confirmation(session, request, RequestedMove(move, account, (row.id,)), context))


def confirm_move(
    session: Session, request_id: int, token: str, *, by: Actor, settings: Settings, now: datetime, planned: Plan | None = None
) -> Outcome:
    """Carries out what an answer in the folder Yes says. Nothing is done, and there is a fresh answer, where anything has changed since.

    `token`: which of the answers to the request it is. `planned`: as for `approvals.confirm_approval`.
    """
    asked = session.get(PendingAct, request_id, populate_existing=True)
    if asked is None or not move_requests.is_move_request(asked):
        return Outcome(REFUSED, NO_ANSWER)
    if asked.state == dual_control.CONFIRMED and asked.settled_by == str(by):
        return Outcome(DONE, move_requests.result_sentence(session, asked, by=by, settings=settings))
    looked = move_requests.read_confirmation(asked)
    try:
        with session.begin_nested():
            move_requests.require_current(asked, token)
            said: dict[str, Any] = {"acts": move_requests.ACTS, "planned": planned} | looked
            approvals.confirm_approval(session, request_id, by=by, now=now, settings=settings, **said)
    except (Stale, SecondLookNeeded):
        session.refresh(asked)
        return renew(session, asked, RequestContext(by, settings, now))
    except FactorNeeded:
        return Outcome(REFUSED, say("It needs your second factor: confirm it in the console, under Approvals."))
    except Refused as fault:
        session.refresh(asked)
        return Outcome(REFUSED if asked.state == dual_control.WAITING else ALREADY, reason_for(fault))
    return Outcome(DONE, move_requests.result_sentence(session, asked, by=by, settings=settings))


def plan_confirmed(session: Session, request_id: int, *, by: Actor, settings: Settings, now: datetime) -> Plan | None:
    """The plan of a request over very many deliveries, before the transaction that begins it; None where it is decided at once, or not."""
    asked = session.get(PendingAct, request_id)
    if asked is None or not move_requests.is_move_request(asked):
        return None
    try:
        return approvals.plan_requested(session, request_id, by=by, now=now, settings=settings, **move_requests.read_confirmation(asked))
    except Refused:
        return None  # which is told when it is confirmed


def renew(session: Session, asked: PendingAct, context: RequestContext) -> Outcome:
    """The fresh answer to a request that something has changed about; a request about which nothing is left is closed."""
    try:
        with session.begin_nested():
            return Outcome(ASKED, answer=move_requests.renew_answer(session, asked, context))
    except Refused as fault:
        if asked.state == dual_control.WAITING:
            dual_control.settle_approval(
                session, asked, dual_control.WITHDRAWN, by=context.by, reason=error_sentence(fault), now=context.now
            )
        return Outcome(ALREADY, reason_for(fault))


def ask_about_moves(
    session: Session, copies: Iterable[int], move: Move, *, by: Actor, account: str, settings: Settings, now: datetime
) -> tuple[list[Outcome], set[int]]:
    """Asks about many messages that were moved at once into one folder, instead of deciding; the outcomes, and the copies that are held.

    One question for each recipient where a rule goes along, else for all of them (at most MOST_IDS messages, MOST_ITEMS rows).
    """
    rows = select(MirrorCopy, Delivery).join(Delivery, col(Delivery.id) == col(MirrorCopy.delivery_id))
    live = col(MirrorCopy.ended_at).is_(None), col(Delivery.state) == State.HELD
    found = session.execute(rows.where(is_among(session, col(MirrorCopy.id), list(copies)), *live).order_by(col(Delivery.id))).all()
    groups: dict[str, list[tuple[int, Delivery]]] = {}
    for copy, delivery in found:
        groups.setdefault(scope_of(delivery) if move.act in RULES else "", []).append((copy.id, delivery))
    most = MOST_ITEMS if move.act in (EVERYWHERE, EVERYWHERE_BLOCK) else MOST_IDS
    outcomes = []
    for some in (group[start : start + most] for group in groups.values() for start in range(0, len(group), most)):
        asked = RequestedMove(move, account, tuple(copy for copy, _ in some))
        try:
            with session.begin_nested():
                answer = ask_about(session, [one for _, one in some], asked, RequestContext(by, settings, now))
                outcomes.append(Outcome(ASKED, answer=answer))
        except Refused as fault:
            outcomes.append(refusal(fault, by))
    return outcomes, {copy.id for copy, _ in found}


def ask_about(session: Session, deliveries: Sequence[Delivery], asked: RequestedMove, context: RequestContext) -> Answer:
    """Asks about exactly these messages; the same question once, as long as it waits."""
    move = asked.move
    key = f"mirror {dual_control.fence_of((one, State.HELD) for one in asked.copies)} {move.folder} "
    if waiting := move_requests.find_waiting(session, scope_key(context.by, key), move, context.now):
        return move_requests.renew_answer(session, waiting, context)
    named = {"reason": reason_of(move, asked.account), "key": key + format_id(new_id())}
    if move.act == ASSIGN:
        to = find_colleague(session, move.word, context.now)
        return move_requests.request_assignment(session, [one.id for one in deliveries], to, asked, context, **named)
    return move_requests.request_confirmation(session, request_of(session, deliveries, move, by=context.by, **named), asked, context)


def reason_of(move: Move, account: str) -> str:
    """The reason of a decision by a move."""
    return f"moved into {move.folder} at {account}"


def request_of(session: Session, deliveries: Sequence[Delivery], move: Move, *, reason: str, key: str, by: Actor) -> DecisionRequest:
    """The decision that a folder means: about exactly these messages, or of a removal everywhere about the rows that hold them."""
    selected = Selection(ids=tuple(one.id for one in deliveries), states=(State.HELD,))
    wish = None
    if move.act in (EVERYWHERE, EVERYWHERE_BLOCK):
        leads = list_some(session, selected.ids, by=by)
        if not leads:
            raise NotFound(say("none of the selected messages can be changed like this"))
        rows = tuple(dict.fromkeys(item_members(lead, "campaign") for lead in leads))
        selected = rows[0] if len(rows) == 1 else Selection(any_of=rows)
        wish = BlockWish() if move.act == EVERYWHERE_BLOCK else None
    return DecisionRequest(
        selected,
        VERBS[move.act],
        reason,
        to=find_destination(session, move.word) if move.act == REDIRECT else "",
        template=move.word if move.act == REJECT else "",
        rule=rule_of(move, deliveries[0]),
        block=wish,
        idempotency_key=key,
    )


def rule_of(move: Move, delivery: Delivery) -> RuleOrder | None:
    """The rule that goes along: about the sender, for whose mail it is."""
    if move.act not in RULES:
        return None
    effect, match = RULES[move.act]
    return RuleOrder(effect, match, "", scope_of(delivery))


def scope_of(delivery: Delivery) -> str:
    """For whom a message is: a person, in the shared folder the department."""
    return f"person:{delivery.person}" if delivery.person else f"department:{delivery.department}"


def find_destination(session: Session, word: str) -> str:
    """Returns the destination that a folder below Redirect names: a person or a department. Some servers have no dots in names."""
    for uid in (word.casefold(), word.casefold().replace("_", ".")):
        if session.get(Person, uid) is not None:
            return f"person:{uid}"
    return f"department:{word.casefold()}" if session.get(Department, word.casefold()) is not None else word


def find_colleague(session: Session, word: str, now: datetime) -> str:
    """The login that a folder names. BadInput where nobody decides here under it."""
    for login in (word.casefold(), word.casefold().replace("_", ".")):
        if staff_members.find_staff_actor(session, login, now) is not None:
            return login
    raise BadInput(say("nobody here has the login {login}", login=word), field="to")


def assign_to(session: Session, delivery: Delivery, word: str, *, by: Actor, now: datetime) -> Outcome:
    """Assigns one message to a colleague; once, however often the same move is met."""
    login = find_colleague(session, word, now)
    before = session.get(Assignment, delivery.id)
    if before is None or (before.to, before.by) != (login, str(by)):
        assignment.assign_messages(session, Selection(ids=(delivery.id,)), login, "", by=by, now=now)
    return Outcome(ASSIGNED)


def describe_earlier_decision(session: Session, delivery: Delivery, now: datetime) -> str:
    """Sentence about who was faster."""
    session.refresh(delivery)
    if delivery.state == State.HELD:
        return say("A newer copy has taken its place: move the one that is in its folder now.")
    decision = session.get(Decision, delivery.decision_id) if delivery.decision_id else None
    return earlier_decision_sentence(delivery.state, decision, now)
