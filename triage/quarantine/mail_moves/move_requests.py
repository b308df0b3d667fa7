"""Requests made by moving messages in a mail program: an answer says what would be done, and it is done once that answer is confirmed.

A request is an approval (`dual_control`). The person who asked may give it themselves unless a second person is needed. The figures of
the answer are stored with the request, so that exactly this is done, or nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, true
from sqlmodel import Session, col

from triage.access import dual_control
from triage.access.scope import scope_names
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, NotFound, Stale
from triage.ids import format_id, parse_id
from triage.quarantine import assignment, selection_preview
from triage.quarantine.decisions import approvals, decide, decision_plan, outcomes
from triage.quarantine.decisions.approvals import Act
from triage.quarantine.decisions.decision_plan import Meant
from triage.quarantine.decisions.decision_request import DecisionRequest, scope_key
from triage.quarantine.mail_moves import answer_text, mirror_copies
from triage.quarantine.mail_moves.move_folders import Move
from triage.quarantine.search import selection_summary
from triage.quarantine.search.selection import Selection, from_json
from triage.quarantine.selection_preview import Preview
from triage.say import say
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Actor of a request, with the settings and the time."""

    by: Actor
    settings: Settings
    now: datetime


@dataclass(frozen=True, slots=True)
class RequestedMove:
    """The move that asks: into which folder, in which account, of which copies."""

    move: Move
    account: str
    copies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The message that tells what was asked for. `token`: another one whenever it says something else."""

    request: int
    token: str
    subject: str
    words: str


def find_waiting(session: Session, key: str | None, move: Move, now: datetime) -> PendingAct | None:
    """Finds the request of this move that waits under a key that begins so. "Remove" begins as "Remove everywhere" does."""
    waits = col(PendingAct.state) == dual_control.WAITING, col(PendingAct.lapses_at) > now
    found = session.scalars(select(PendingAct).where(*waits, col(PendingAct.idempotency_key).startswith(key, autoescape=True)))
    return next((one for one in found if one.order["move"]["folder"] == move.folder), None)


def find_settled(session: Session, key: str | None) -> PendingAct | None:
    """Finds the request under exactly this key, which waits no more: what was moved had not been given back yet."""
    return session.scalars(select(PendingAct).where(col(PendingAct.idempotency_key) == key)).first()


def request_confirmation(session: Session, request: DecisionRequest, asked: RequestedMove, context: RequestContext) -> Answer:
    """Puts a decision aside until it is confirmed; the answer. BadInput and NotFound as for the decision."""
    need = need_of(session, request, context)
    if need.needs != (dual_control.MAIL_PROGRAM,):
        decide.require_somebody_else(session, need, by=context.by, now=context.now)
    order = request.as_json() | {"move": {"folder": asked.move.folder, "account": asked.account}}
    made = dual_control.ask_second_person(
        session, "decision", order, need, by=context.by, reason=request.reason, key=request.key_of(context.by), now=context.now
    )
    return write_answer(session, made, context)


def request_assignment(
    session: Session, ids: Sequence[int], to: str, asked: RequestedMove, context: RequestContext, *, reason: str, key: str
) -> Answer:
    """Puts an assignment of many messages aside until it is confirmed; the answer."""
    order = {"to": to, "select": Selection(ids=tuple(ids), states=(State.HELD,)).as_json(), "rule": None}
    order |= {"move": {"folder": asked.move.folder, "account": asked.account}}
    need = as_need((), select_held(session, ids))
    made = dual_control.ask_second_person(
        session, dual_control.ASSIGNMENT, order, need, by=context.by, reason=reason, key=scope_key(context.by, key), now=context.now
    )
    return write_answer(session, made, context)


def need_of(session: Session, request: DecisionRequest, context: RequestContext) -> ApprovalNeeded:
    """Returns the needs of a decision now, and its deliveries. NotFound where there are none."""
    said: dict[str, Any] = {"by": context.by, "settings": context.settings, "now": context.now}
    large = decision_plan.read_large(session, request, **said)
    meant = large.chosen if large else decision_plan.lock_meant(session, request, **said)
    return as_need(decision_plan.list_needs(session, request, meant, **said), meant)


def as_need(needs: Sequence[str], meant: Meant) -> ApprovalNeeded:
    """Adds to these reasons that it was asked for in a mail program. NotFound where it is about nothing."""
    if not meant:
        raise NotFound(say("there is nothing left to decide here"))
    return ApprovalNeeded((dual_control.MAIL_PROGRAM, *needs), tuple(one for one, _ in meant), dual_control.fence_of(meant))


def select_held(session: Session, ids: Sequence[int]) -> Meant:
    """Returns those of the deliveries that are held, with their state."""
    held = col(Delivery.state) == State.HELD
    return [
        (one, State.HELD) for one in session.scalars(select(col(Delivery.id)).where(is_among(session, col(Delivery.id), list(ids)), held))
    ]


def renew_answer(session: Session, made: PendingAct, context: RequestContext) -> Answer:
    """The answer to a request as things are now: the same as before where nothing has changed. NotFound where nothing is left."""
    if made.kind == dual_control.ASSIGNMENT:
        need = as_need((), select_held(session, from_json(made.order["select"]).ids))
    else:
        need = need_of(session, as_request(made), context)
    made.needs, made.items, made.fence = list(need.needs), [format_id(one) for one in need.ids], need.fence
    return write_answer(session, made, context)


def as_request(made: PendingAct) -> DecisionRequest:
    """The decision that a request is about, as it was asked for."""
    return DecisionRequest.from_json(made.order, reason=made.reason, confirm=(), fence=None)


def write_answer(session: Session, made: PendingAct, context: RequestContext) -> Answer:
    """The answer, whose figures are kept with the request."""
    preview, along, factor, unnamed = None, [], False, 0
    told: dict[str, Any] = {"second_look": [], "fence": None, "count": len(made.items)}
    if made.kind != dual_control.ASSIGNMENT:
        said: dict[str, Any] = {"by": context.by, "settings": context.settings, "now": context.now}
        request = as_request(made)
        preview = selection_preview.preview_decision(session, request, **said)
        told |= {"second_look": [one.name for one in preview.second_look], "fence": preview.sheet.fence}
        ids = [parse_id(one) for one in made.items]
        factor = decision_plan.asks_for_factor(session, request, read_states(session, ids), by=context.by, settings=context.settings)
        told |= {"factor": True} if factor else {}
        preview, unnamed = leave_out_names(session, preview, made.order["move"]["account"], context)
        rules, _, late = decision_plan.rules_along(session, request, request.selected, ids, **said)
        names = scope_names(session, (one.scope for one in (*rules, *late)))
        hours = context.settings.policy.late_copies_hours
        along = [*answer_text.rule_lines(rules, names), *answer_text.late_lines(late, hours, names)]
    before = made.order.get("told", {})
    token = before["token"] if before and before == told | {"token": before["token"]} else secrets.token_hex(8)
    made.order = made.order | {"told": told | {"token": token}}
    session.flush()
    alone = dual_control.may_confirm_alone(made, context.by)
    words = answer_text.write_answer_text(made, preview, along, alone=alone, factor=factor, unnamed=unnamed)
    return Answer(made.id, token, answer_text.answer_subject(made), words)


def leave_out_names(session: Session, preview: Preview, account: str, context: RequestContext) -> tuple[Preview, int]:
    """The same without senders and subjects of messages that do not lie in this department's account, and the number of these.

    Others read the account than the person who acts there. Only a removal reaches beyond it.
    """
    department, removal = mirror_copies.find_department(account, context.settings), preview.removal
    if not department or removal is None:
        return preview, 0
    shown = mirror_copies.is_shown(department, context.by)
    here = and_(removal.where, shown)
    number = session.scalar(select(func.count()).select_from(Delivery).where(here)) or 0
    senders, subjects = (selection_summary.most_frequent(session, one, here) for one in (col(Delivery.author), col(Delivery.subject)))
    known = is_among(session, col(Delivery.author), [one.sender for one in removal.not_included])
    named = set(session.scalars(select(col(Delivery.author)).where(shown, known).distinct()))
    left = [one for one in removal.not_included if one.sender in named]
    if others := [one for one in removal.not_included if one.sender not in named]:
        left.append(replace(others[0], sender="", count=sum(one.count for one in others)))
    sheet = replace(preview.sheet, senders=senders, subjects=subjects)
    return replace(preview, sheet=sheet, removal=replace(removal, not_included=tuple(left))), preview.sheet.count - number


def read_states(session: Session, ids: Sequence[int]) -> Meant:
    """Returns these deliveries with their states."""
    rows = session.execute(select(col(Delivery.id), col(Delivery.state)).where(is_among(session, col(Delivery.id), ids)))
    return [(one, State(state)) for one, state in rows]


def find_request(session: Session, request_id: int, account: str) -> int:
    """The id of the request that an answer names, where a move in this account asked for it; else 0."""
    made = session.get(PendingAct, request_id) if request_id else None
    return made.id if made is not None and is_move_request(made) and made.order["move"]["account"] == account else 0


def is_move_request(made: PendingAct) -> bool:
    """Whether a pending act was asked for by a move."""
    return "told" in made.order


def require_current(made: PendingAct, token: str) -> None:
    """Stale unless this is the token of the last answer."""
    if token != made.order["told"]["token"]:
        raise Stale(say("the selection has changed since you looked: review it, then decide again"))


def read_confirmation(made: PendingAct) -> dict[str, Any]:
    """Returns the second look and the fence of the last answer, as a confirmation repeats them."""
    told = made.order["told"]
    return {"confirm": told["second_look"], "fence": told["fence"]}


def result_sentence(session: Session, made: PendingAct, *, by: Actor, settings: Settings) -> str:
    """The result of a confirmed request; in a department's account without another department's subject."""
    if made.result_id is None:
        return say("Done: {what}.", what=approvals.describe_request(made))
    department = mirror_copies.find_department(made.order["move"]["account"], settings)
    quoted = col(Delivery.department) == department if department else true()
    return outcomes.get_decision(session, made.result_id, by=by, quoted=quoted).sentence


def list_waiting(session: Session, ids: Sequence[int], now: datetime) -> set[int]:
    """Lists those of the requests that still wait."""
    waits = col(PendingAct.state) == dual_control.WAITING, col(PendingAct.lapses_at) > now
    return set(session.scalars(select(col(PendingAct.id)).where(is_among(session, col(PendingAct.id), list(ids)), *waits)))


def assign_confirmed(session: Session, asked: PendingAct, first: Actor, *, by: Actor, now: datetime, settings: Settings) -> None:
    """Assigns the messages of a confirmed request. Stale where some are held no more."""
    selected = from_json(asked.order["select"])
    approvals.check_unchanged(session, asked, select_held(session, selected.ids), beyond=False, by=by)
    assignment.assign_messages(session, selected, asked.order["to"], "", by=first, now=now)


ACTS: Mapping[str, Act] = {dual_control.ASSIGNMENT: assign_confirmed}
