"""Whether the door is closed, for the company or a department, and switching it without a restart."""

from fastapi import APIRouter

from triage.directory import enforcement_mode
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.idempotency import Once
from triage_api.http.problems import described
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, ring_after
from triage_api.schemas.policy import enforcement_modes as schemas

router = APIRouter(route_class=Once, prefix="/enforcement", tags=["roll-out"])


@router.get("", response_model=schemas.Enforcement, responses=described(401))
def get_enforcement(session: Read, here: Here, by: Staff) -> schemas.Enforcement:
    """The mode of the company and of each department in your scope: enforce holds what is not known, observe only records it."""
    return schemas.Enforcement.model_validate({"items": enforcement_mode.list_modes(session, here.settings.company, by=by)})


@router.put("", response_model=schemas.Enforcement, responses=described(401, 403, 422))
def set_enforcement(order: schemas.EnforcementOrder, session: Tx, here: Here, by: Staff) -> schemas.Enforcement:
    """Open or close the door for a department, without one for all of which nothing else is said; `mode` null: as the settings say.

    For administrators with that scope. It counts from the next mail on.
    """
    enforcement_mode.switch_mode(session, order.department.casefold(), order.mode, by=by, reason=order.reason, now=utcnow())
    ring_after(session)
    return schemas.Enforcement.model_validate({"items": enforcement_mode.list_modes(session, here.settings.company, by=by)})
