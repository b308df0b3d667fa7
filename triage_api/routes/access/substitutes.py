"""Routes of substitutes: list, arrange, end."""

from datetime import datetime

from triage.access import substitutes
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.access import substitutes as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, next_cursor, place_of

router = resource_router("staff", "/substitutes")


@router.get("", response_model=schemas.Substitutions, responses=describe_refusals(401, 422))
def list_substitutes(session: Read, by: Staff, limit: Limit = 200, cursor: Cursor = None) -> schemas.Substitutions:
    """Substitutions in force or to come that concern you, the soonest first. Administrators and auditors see those in their scope."""
    after = place_of(cursor, datetime, int)
    found = [
        one for one in substitutes.list_substitutions(session, by=by, now=utcnow()) if after is None or (one.starts_at, one.id) > after
    ]
    return schemas.Substitutions.model_validate(
        {"items": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: (one.starts_at, one.id))}
    )


@router.post("", status_code=201, response_model=schemas.Substitution, responses=describe_refusals(401, 403, 422))
def arrange_substitute(order: schemas.SubstitutionOrder, session: Tx, by: Staff) -> schemas.Substitution:
    """Name a substitute for yourself or, as an administrator, for staff in your scope. A substitute opens no confidential folder."""
    now = utcnow()
    made = substitutes.arrange_substitute(
        session,
        order.absent or by.name,
        order.substitute,
        starts_at=order.starts_at or now,
        ends_at=order.ends_at,
        reason=order.reason,
        by=by,
        now=now,
    )
    wake_after(session)
    return schemas.Substitution.model_validate(made)


@router.delete("/{substitution_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def end_substitute(substitution_id: GivenId, session: Tx, by: Staff) -> None:
    """End a substitution now."""
    substitutes.end_substitution(session, substitution_id, by=by, now=utcnow())
    wake_after(session)
