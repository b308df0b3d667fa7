"""Escalate messages to a duty: who gets them, what waits for a confirmation, and confirming."""

from typing import Any

from triage.quarantine.decisions import escalate
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.decisions import escalations as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("escalations")


@router.get("/duties", response_model=schemas.Duties, responses=describe_refusals(401))
def list_duties(by: Staff, here: Here) -> schemas.Duties:
    """Duties that messages can be escalated to, with phone numbers."""
    return schemas.Duties.model_validate({"items": here.settings.escalation.duties})


@router.get("/escalations", response_model=schemas.Escalations, responses=describe_refusals(401, 422))
def list_escalations(
    session: Read, by: Staff, here: Here, confirmed: schemas.Confirmed = False, limit: Limit = 50, cursor: Cursor = None
) -> schemas.Escalations:
    """Escalations of messages in your scope or to a duty of yours that nobody has confirmed, newest first."""
    before = id_of(cursor)
    found = escalate.list_escalations(session, by=by, settings=here.settings, confirmed=confirmed, limit=limit + 1, before=before)
    return schemas.Escalations.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.post("/escalations", status_code=201, response_model=schemas.Escalation, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def create_escalation(order: schemas.EscalationOrder, session: Tx, by: Staff, here: Here) -> schemas.Escalation:
    """Escalate messages of a selection, at most 200. Their states stay as they are.

    A legal hold keeps them, the audit log has the SHA-256 of each message's bytes, and the duty gets a notice.
    """
    asked: dict[str, Any] = {"by": by, "reason": order.reason, "now": utcnow(), "settings": here.settings, "expect": order.expect}
    made = escalate.escalate_messages(session, order.select.selection(), order.to, **asked)
    wake_after(session, "relay")
    return schemas.Escalation.model_validate(made)


@router.post(
    "/escalations/{escalation_id}/confirm", response_model=schemas.Escalation, responses=describe_refusals(401, 403, 404, 409, 422)
)
def confirm_escalation(escalation_id: GivenId, session: Tx, by: Staff, here: Here) -> schemas.Escalation:
    """Confirm that the duty has taken over: for the staff that the settings name; without such staff, for anybody who decides."""
    made = escalate.confirm_escalation(session, escalation_id, by=by, now=utcnow(), settings=here.settings)
    wake_after(session)
    return schemas.Escalation.model_validate(made)
