"""Rules that are proposed: the list, one's own rows of it, the answer."""

from triage.policy.suggestions import candidates, rule_suggestions
from triage.quarantine.decisions import answer_suggestion
from triage.store import db
from triage.store.models.rules import Proposal
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId
from triage_api.schemas.operations.outgoing_queue import Count
from triage_api.schemas.pagination import Cursor, Limit, next_cursor, place_of
from triage_api.schemas.policy import rule_suggestions as schemas

router = resource_router("rules", "/rules/proposals")


@router.get("", response_model=schemas.Proposals, responses=describe_refusals(401, 403, 422))
def list_proposals(
    session: Read, by: Staff, state: schemas.ProposalState = "open", limit: Limit = 50, cursor: Cursor = None
) -> schemas.Proposals:
    """Rules suggested by the company's messages and decisions, the most useful first. Needs a company-wide scope."""
    found = rule_suggestions.list_suggestions(session, by=by, now=utcnow(), state=state, limit=limit + 1, after=place_of(cursor, int, int))
    count = rule_suggestions.count_suggestions(session, now=utcnow()).get(state, 0)
    return schemas.Proposals(
        items=[show_suggestion(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: (one.weight, one.id)),
        total_estimate=count,
    )


@router.post("/batch", response_model=schemas.ProposalBatch, responses=describe_refusals(401, 403))
def take_proposal_batch(session: Tx, by: Staff) -> schemas.ProposalBatch:
    """Reserve suggestions for the next minutes: nobody else gets them meanwhile. Repeat the call to keep them and get more."""
    mine = rule_suggestions.take_proposals(session, by=by, now=utcnow())
    counts = rule_suggestions.count_suggestions(session, now=utcnow())
    return schemas.ProposalBatch(
        items=[show_suggestion(one) for one in mine],
        open=counts.pop(rule_suggestions.OPEN, 0),
        answered=sum(counts.values()),
    )


@router.post("/search", response_model=Count, responses=describe_refusals(401, 403))
def search_proposals(by: Staff, here: Here) -> Count:
    """Look for suggestions now, as happens hourly; returns the number of new ones."""
    with db.read_transaction(here.engine) as session:
        rule_suggestions.whole_company(session, by)
        speaking = candidates.find_candidates(session, settings=here.settings, now=utcnow())
    with db.transaction(here.engine) as session:
        count = rule_suggestions.refresh_suggestions(session, speaking, now=utcnow())
    here.wake(["change"])
    return Count(count=count)


@router.delete("/batch", status_code=204, responses=describe_refusals(401, 403))
def return_proposal_batch(session: Tx, by: Staff) -> None:
    """Return your reserved suggestions to your colleagues."""
    rule_suggestions.return_assigned_suggestions(session, by=by)
    wake_after(session)


@router.post("/{proposal_id}", response_model=schemas.Proposal, responses=describe_refusals(401, 403, 404, 409, 422))
def answer_proposal(proposal_id: GivenId, order: schemas.ProposalAnswer, session: Tx, by: Staff, here: Here) -> schemas.Proposal:
    """Answer a suggestion: accept makes the rule, or requests a second person's approval (`pending_id`); refuse never asks again; open
    withdraws your answer.
    """
    answered = answer_suggestion.answer_suggestion(
        session, proposal_id, order.answer, by=by, now=utcnow(), settings=here.settings, confirm=order.confirm, fence=order.fence
    )
    wake_after(session, "door")
    return show_suggestion(answered)


def show_suggestion(one: Proposal) -> schemas.Proposal:
    """A proposal with its sentence."""
    return schemas.Proposal.model_validate(one.model_dump() | {"sentence": rule_suggestions.suggestion_sentence(one)})
