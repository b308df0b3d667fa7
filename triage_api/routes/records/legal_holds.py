"""Legal holds: whose mail, or which mail, must be kept; made and lifted by administrators of the whole company."""

from triage.compliance.retention import legal_holds
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor
from triage_api.schemas.records import legal_holds as schemas

router = resource_router("legal holds", "/legal-holds")


@router.get("", response_model=schemas.LegalHolds, responses=describe_refusals(401, 403, 422))
def list_legal_holds(
    session: Read, by: Staff, lifted: schemas.Lifted = False, limit: Limit = 50, cursor: Cursor = None
) -> schemas.LegalHolds:
    """Legal holds, newest first. For company-wide administrators and auditors."""
    before = id_of(cursor)
    found = legal_holds.list_holds(session, by=by, lifted=lifted, limit=limit + 1, before=before)
    return schemas.LegalHolds.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.post("", status_code=201, response_model=schemas.LegalHold, responses=describe_refusals(401, 403, 404, 422))
def create_legal_hold(order: schemas.LegalHoldOrder, session: Tx, by: Staff) -> schemas.LegalHold:
    """Hold messages of a person or of a selection, also later ones: they are neither expired nor erased until the hold is lifted."""
    selected = order.select.selection() if order.select else None
    made = legal_holds.add_hold(session, by=by, reason=order.reason, now=utcnow(), person=order.person, selected=selected)
    wake_after(session)
    return schemas.LegalHold.model_validate(made)


@router.post("/{hold_id}/lift", response_model=schemas.LegalHold, responses=describe_refusals(401, 403, 404, 409, 422))
def lift_legal_hold(hold_id: GivenId, order: schemas.LiftOrder, session: Tx, by: Staff) -> schemas.LegalHold:
    """Lift a hold. Messages whose retention has ended meanwhile are erased soon. 409 when it is lifted already."""
    lifted = legal_holds.end_hold(session, hold_id, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.LegalHold.model_validate(lifted)
