"""The people who triage."""

from triage.access import accounts
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.access import staff as schemas
from triage_api.schemas.pagination import Cursor, Limit, next_cursor, place_of

router = resource_router("staff")


@router.get("/staff", response_model=schemas.StaffMembers, responses=describe_refusals(401, 403, 422))
def list_staff(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> schemas.StaffMembers:
    """Staff by login: for company-wide administrators and auditors."""
    (after,) = place_of(cursor, str) or ("",)
    found = accounts.list_accounts(session, by=by, now=utcnow(), limit=limit + 1, after=after)
    return schemas.StaffMembers.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: (one.login,))})
