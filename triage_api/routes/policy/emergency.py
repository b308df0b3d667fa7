"""Routes of the emergency: show, open and close it."""

from triage.policy import emergency
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.policy import emergency as schemas

router = resource_router("rules", "/emergency")


@router.get("", response_model=schemas.EmergencyNow, responses=describe_refusals(401))
def get_emergency(session: Read, _by: Staff) -> schemas.EmergencyNow:
    """The emergency: whether everything passes that is neither blocked nor forged, until when, why, and who opened it. For all staff."""
    return schemas.EmergencyNow.model_validate({"emergency": emergency.current_emergency(session, utcnow())})


@router.put("", response_model=schemas.EmergencyNow, responses=describe_refusals(401, 403, 422))
def open_emergency(order: schemas.EmergencyOrder, session: Tx, by: Staff) -> schemas.EmergencyNow:
    """Deliver everything until then that is neither blocked nor forged. A repeated call sets the new end.

    For company-wide administrators. It ends by itself.
    """
    opened = emergency.open_emergency(session, order.until, by=by, reason=order.reason, now=utcnow())
    wake_after(session)
    return schemas.EmergencyNow.model_validate({"emergency": opened})


@router.delete("", status_code=204, responses=describe_refusals(401, 403, 404))
def close_emergency(session: Tx, by: Staff) -> None:
    """End the emergency now."""
    emergency.close_emergency(session, by=by, now=utcnow())
    wake_after(session)
