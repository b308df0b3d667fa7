"""Two keys: what waits for a second person, who confirms or declines it."""

from typing import Annotated, Any

from fastapi import Depends, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from triage.access import dual_control
from triage.access.scope import ScopeNames
from triage.actor import Actor
from triage.compliance.privacy import person_erasure
from triage.quarantine.decisions import approvals
from triage.quarantine.decisions.decision_plan import Plan
from triage.quarantine.hunting import hunt_removal
from triage.quarantine.mail_moves import move_requests
from triage.quarantine.rules.content_trial import Trials
from triage.quarantine.start_list import allow_category
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.decisions import approvals as schemas
from triage_api.schemas.decisions.decisions import UndoOrder
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("decisions", "/approvals")


@router.get("", response_model=schemas.PendingApprovals, responses=describe_refusals(401, 422))
def list_approvals(session: Read, by: Staff, limit: Limit = 200, cursor: Cursor = None) -> schemas.PendingApprovals:
    """Decisions in your scope that need approval by a second person, the newest first."""
    before = id_of(cursor)
    found = approvals.list_approvals(session, by=by, now=utcnow(), limit=limit + 1, before=before)
    names = approvals.names_in_requests(session, found)
    items = [describe_approval(one, by, names) for one in found[:limit]]
    return schemas.PendingApprovals(items=items, next_cursor=next_cursor(found, limit))


def try_requested_rule(pending_id: GivenId, by: Staff, here: Here) -> Trials:
    """The trial of the rule that is approved, before the transaction that makes it."""
    with db.read_transaction(here.engine) as session:
        return approvals.try_requested_rule(session, pending_id, by=by, now=utcnow(), settings=here.settings)


def plan_requested(pending_id: GivenId, by: Staff, here: Here, order: UndoOrder | None = None) -> Plan | None:
    """The plan of a very large decision that is approved, before the transaction that begins it."""
    said = order or UndoOrder()
    with db.read_transaction(here.engine) as session:
        looked: dict[str, Any] = {"confirm": said.confirm, "fence": said.fence}
        return approvals.plan_requested(session, pending_id, by=by, now=utcnow(), settings=here.settings, **looked)


@router.post("/{pending_id}/confirm", response_model=schemas.PendingApproval, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def confirm_approval(
    pending_id: GivenId,
    tried: Annotated[Trials, Depends(try_requested_rule)],
    planned: Annotated[Plan | None, Depends(plan_requested)],
    session: Tx,
    by: Staff,
    here: Here,
    order: UndoOrder | None = None,
) -> schemas.PendingApproval:
    """Approve the decision of somebody else, or confirm what you asked for in a mail program: it is carried out now, in slices where it is
    about more than 1,000 deliveries. 412 when the messages have changed since it was requested.

    409 when a message needs a second look before it is released (`urn:mailroom:second-look`): the second person confirms that too.
    """
    said = order or UndoOrder()
    looked: dict[str, Any] = {
        "reason": said.reason,
        "confirm": said.confirm,
        "fence": said.fence,
        "acts": {**person_erasure.ACTS, **hunt_removal.ACTS, **move_requests.ACTS, **allow_category.ACTS},
        "tried": tried,
        "planned": planned,
    }
    confirmed = approvals.confirm_approval(session, pending_id, by=by, now=utcnow(), settings=here.settings, **looked)
    wake_after(session, "relay", "recall", "door")
    return show_approval(session, confirmed, by)


@router.post("/{pending_id}/decline", response_model=schemas.PendingApproval, responses=describe_refusals(401, 403, 404, 409, 422))
def decline_approval(pending_id: GivenId, session: Tx, by: Staff, order: UndoOrder | None = None) -> schemas.PendingApproval:
    """Decline a decision, or withdraw your own request. Changes nothing."""
    declined = approvals.decline_approval(session, pending_id, by=by, now=utcnow(), reason=order.reason if order else "")
    wake_after(session)
    return show_approval(session, declined, by)


def show_approval(session: Session, asked: PendingAct, by: Actor) -> schemas.PendingApproval:
    """Describes a pending approval for this actor."""
    return describe_approval(asked, by, approvals.names_in_requests(session, [asked]))


def describe_approval(asked: PendingAct, by: Actor, names: ScopeNames) -> schemas.PendingApproval:
    """The same; `names` are those of the departments and people in it."""
    said: dict[str, Any] = {"kind": "rule" if asked.kind == "rule" else "decision", "mine": asked.asked_by == str(by)}
    said |= {"may_confirm": not said["mine"] or dual_control.may_confirm_alone(asked, by)}
    said |= {"sentence": approvals.approval_sentence(asked, names), "confirmed": asked.order.get("confirmed", [])}
    said |= {"rule": approvals.shown_rule(asked)}
    return schemas.PendingApproval.model_validate(asked.model_dump() | said)


def answer_accepted(session: Session, asked: PendingAct, by: Actor) -> Response:
    """202: nothing is changed until somebody else has confirmed it."""
    return JSONResponse(show_approval(session, asked, by).model_dump(mode="json"), 202)
