"""Requests to the keepers of confidential folders: a campaign was removed elsewhere; they confirm or decline for their folder."""

from typing import Any

from triage.quarantine.decisions import keepers
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import OwnSettings, Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.decisions import keeper_requests as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("decisions", "/confidential-removals")


@router.get("", response_model=schemas.ConfidentialRemovals, responses=describe_refusals(401, 422))
def list_confidential_removals(session: Read, by: Staff, limit: Limit = 200, cursor: Cursor = None) -> schemas.ConfidentialRemovals:
    """Removals that you are asked to confirm as a keeper of confidential folders, the newest first. Nobody else sees them."""
    found = keepers.list_requests(session, by=by, now=utcnow(), limit=limit + 1, before=id_of(cursor))
    return schemas.ConfidentialRemovals.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.post("/{request_id}/confirm", response_model=schemas.ConfidentialRemoval, responses=describe_refusals(401, 403, 404, 409, 412, 422))
def confirm_confidential_removal(
    request_id: GivenId, session: Tx, by: Staff, settings: OwnSettings, answer: schemas.ConfidentialRemovalAnswer | None = None
) -> schemas.ConfidentialRemoval:
    """Remove the copies in your folder: a decision of your own, which you can undo. 412 when `expect` is not their number any more."""
    answer = answer or schemas.ConfidentialRemovalAnswer()
    said: dict[str, Any] = {"reason": answer.reason, "expect": answer.expect}
    confirmed = keepers.confirm_request(session, request_id, by=by, now=utcnow(), settings=settings, **said)
    wake_after(session, "recall", "door")
    return schemas.ConfidentialRemoval.model_validate(confirmed)


@router.post("/{request_id}/decline", response_model=schemas.ConfidentialRemoval, responses=describe_refusals(401, 403, 404, 409, 422))
def decline_confidential_removal(
    request_id: GivenId, session: Tx, by: Staff, answer: schemas.ConfidentialRemovalAnswer | None = None
) -> schemas.ConfidentialRemoval:
    """Leave the copies in your folder where they are."""
    declined = keepers.decline_request(session, request_id, by=by, now=utcnow(), reason=answer.reason if answer else "")
    wake_after(session)
    return schemas.ConfidentialRemoval.model_validate(declined)
