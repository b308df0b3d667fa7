"""Rules that the company's own mail and decisions speak for: dealt out to people with their evidence, and answered by them.

Nothing is accepted by a proposal. `refresh_suggestions` writes down what `prospects` finds; `take_proposals` gives each helper their own,
so that no two people look at the same one; `settle_suggestion` settles one.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.errors import BadInput, Conflict, NotAllowed, NotFound
from triage.ids import format_id
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.policy.suggestions import superseded
from triage.policy.suggestions.threshold import Candidate, Evidence, Kind, suggestion_question
from triage.say import say
from triage.store import ledger
from triage.store.models.approvals import PendingAct
from triage.store.models.rules import Proposal, Rule

OPEN, ACCEPTED, REFUSED = "open", "accepted", "refused"
HAND = 10  # rows that one person has in hand
LEASE = timedelta(minutes=5)  # then somebody else may have them


def refresh_suggestions(session: Session, candidates: list[Candidate], *, now: datetime) -> int:
    """Make the open proposals those; what was answered stays answered. How many are new."""
    there = {(row.match, row.value): row for row in session.scalars(select(Proposal).order_by(col(Proposal.id)).with_for_update())}
    new = 0
    for one in candidates:
        row = there.pop((one.match, one.value), None)
        if row is None:
            row = Proposal(match=one.match, value=one.value, found_at=now)
            new += 1
        elif row.state != OPEN and not was_given_up(session, row):
            continue
        row.state, row.kind, row.proof, row.evidence, row.seen_at = OPEN, one.kind, one.proof, one.evidence.as_json(), now
        row.weight = one.evidence.would_pass + one.evidence.messages + one.evidence.posts
        session.add(row)
    for row in there.values():
        if row.state == OPEN:
            session.delete(row)  # nothing speaks for it any more, or a rule was made elsewhere
    return new


def was_given_up(session: Session, row: Proposal) -> bool:
    """Whether it was accepted, and the second person's approval then not turned."""
    pending = session.get(PendingAct, row.pending_id) if row.pending_id else None
    return row.state == ACCEPTED and pending is not None and pending.state not in ("waiting", "confirmed")


# dealing and answering


def list_suggestions(
    session: Session, *, by: Actor, now: datetime, state: str = OPEN, limit: int = 50, after: tuple[int, int] | None = None
) -> list[Proposal]:
    """Proposals, those that would matter most first; `after`: weight and id to go on from. They are about the whole company's mail.

    An open one that staff has decided otherwise since is left out.
    """
    require_everything(by)
    where = [col(Proposal.state) == state, *still_speaks(state, now)]
    if after:
        where.append(tuple_(col(Proposal.weight), col(Proposal.id)) < after)
    return list(session.scalars(select(Proposal).where(*where).order_by(col(Proposal.weight).desc(), col(Proposal.id).desc()).limit(limit)))


def take_proposals(session: Session, *, by: Actor, now: datetime, count: int = HAND) -> list[Proposal]:
    """Takes proposals for this person: their own, filled up with unassigned ones; they stay theirs for LEASE from now."""
    whole_company(session, by)
    mine = session.scalars(in_order(and_(col(Proposal.lane) == str(by), col(Proposal.lane_until) > now), now).limit(count)).all()
    free = or_(col(Proposal.lane) == "", col(Proposal.lane_until) <= now)
    more = (
        session.scalars(in_order(free, now).limit(count - len(mine)).with_for_update(skip_locked=True)).all() if len(mine) < count else []
    )
    for row in (*mine, *more):
        row.lane, row.lane_shown, row.lane_until = str(by), by.shown, now + LEASE
        session.add(row)
    return [*mine, *more]


def still_speaks(state: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL conditions for open proposals that staff's later acts have not superseded, such as a block of the sender a moment ago."""
    return (~superseded.is_superseded(now),) if state == OPEN else ()


def in_order(where: ColumnElement[bool], now: datetime) -> Any:
    """Open proposals, those that would matter most first."""
    return (
        select(Proposal)
        .where(col(Proposal.state) == OPEN, where, *still_speaks(OPEN, now))
        .order_by(col(Proposal.weight).desc(), col(Proposal.id).desc())
    )


def return_assigned_suggestions(session: Session, *, by: Actor) -> None:
    """Gives an actor's assigned proposals back to the others when they leave."""
    whole_company(session, by)
    for row in session.scalars(select(Proposal).where(col(Proposal.lane) == str(by)).with_for_update()):
        row.lane, row.lane_shown, row.lane_until = "", "", None
        session.add(row)


def at_hand(session: Session, proposal_id: int, *, by: Actor, now: datetime) -> Proposal:
    """An open proposal that this person may answer now. Conflict says who was faster, or who has it in hand."""
    row = lock_suggestion(session, proposal_id, by=by)
    if row.state != OPEN:
        raise Conflict(
            say("{answered_by_shown} has already {state} this suggestion", answered_by_shown=row.answered_by_shown, state=row.state)
        )
    if row.lane not in ("", str(by)) and row.lane_until and row.lane_until > now:
        raise Conflict(say("{lane_shown} is working on this suggestion", lane_shown=row.lane_shown))
    if session.scalar(select(superseded.is_superseded(now)).where(col(Proposal.id) == row.id)):
        raise Conflict(say("since this was suggested, staff blocked the sender, removed messages from it or created a rule for it"))
    return row


def lock_suggestion(session: Session, proposal_id: int, *, by: Actor) -> Proposal:
    """A proposal, locked."""
    whole_company(session, by)
    row = session.scalars(select(Proposal).where(col(Proposal.id) == proposal_id).with_for_update()).first()
    if row is None:
        raise NotFound(say("there is no suggestion {proposal_id}", proposal_id=format_id(proposal_id)))
    return row


def order_of(row: Proposal) -> RuleOrder:
    """The rule that a proposal asks for."""
    return RuleOrder("allow", row.match, row.value, "company", proof=row.proof, note=suggestion_sentence(row))


def suggestion_sentence(row: Proposal) -> str:
    """A proposal as a sentence."""
    return suggestion_question(Kind(row.kind), row.value, Evidence.from_json(row.evidence))


def settle_suggestion(
    session: Session, row: Proposal, state: str, *, by: Actor, now: datetime, made: Rule | PendingAct | None = None
) -> None:
    """Settle a proposal, in the audit log."""
    row.state, row.answered_by, row.answered_by_shown, row.answered_at = state, str(by), by.shown, now
    row.lane, row.lane_shown, row.lane_until = "", "", None
    row.rule_id = made.id if isinstance(made, Rule) else None
    row.pending_id = made.id if isinstance(made, PendingAct) else None
    session.add(row)
    detail = {"answer": state, "match": row.match, "value": row.value, "evidence": suggestion_sentence(row)}
    ledger.write_act(session, "answer-proposal", f"proposal:{format_id(row.id)}", by=by, now=now, detail=detail)


def open_again(session: Session, proposal_id: int, *, by: Actor, now: datetime) -> Proposal:
    """Take one's own last answer back, and the rule with it."""
    row = lock_suggestion(session, proposal_id, by=by)
    if row.state == OPEN:
        return row
    if row.answered_by != str(by):
        raise Conflict(
            say(
                "{answered_by_shown} has {state} this suggestion: only they can take that back, or remove the rule",
                answered_by_shown=row.answered_by_shown,
                state=row.state,
            )
        )
    if row.pending_id:
        raise BadInput(say("it waits for approval: withdraw it under Approvals"))
    if row.rule_id:
        rules.remove_rule(session, row.rule_id, by=by, now=now)
    settle_suggestion(session, row, OPEN, by=by, now=now)
    row.lane, row.lane_shown, row.lane_until = str(by), by.shown, now + LEASE
    return row


def count_suggestions(session: Session, *, now: datetime) -> dict[str, int]:
    """Counts suggestions by state; of the open ones only those still to be answered."""
    rows = dict(session.execute(select(col(Proposal.state), func.count()).group_by(col(Proposal.state))).all())
    if OPEN in rows:
        rows[OPEN] = session.scalar(select(func.count()).where(col(Proposal.state) == OPEN, *still_speaks(OPEN, now))) or 0
    return rows


def require_everything(by: Actor) -> None:
    """Evidence is of everybody's mail."""
    if not by.scope.company:
        raise NotAllowed(say("suggestions are about the whole company: they need the scope company"))


def whole_company(session: Session, by: Actor) -> None:
    """The rule would be everybody's."""
    access.may_make_rule(session, by, "company")
