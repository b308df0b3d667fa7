"""Routes of the console's preferences: each person's own, and their effect."""

from triage.access import preferences
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Tx
from triage_api.schemas.access import session as schemas

router = resource_router("session")


@router.patch("/preferences", response_model=schemas.Preferences, responses=describe_refusals(401, 403, 422))
def choose_preferences(order: schemas.PreferencesOrder, session: Tx, by: Staff) -> schemas.Preferences:
    """Change preferences of your console; missing fields stay as they are. `GET /me` returns them."""
    return schemas.Preferences.model_validate(preferences.choose_preferences(session, order.model_dump(exclude_unset=True), by=by))
