"""What members of staff choose for their own console, and what it changes about what they do."""

from triage.access import preferences
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Tx
from triage_api.schemas.access import session as schemas

router = resource_router("session")


@router.patch("/preferences", response_model=schemas.Preferences, responses=describe_refusals(401, 403, 422))
def choose_preferences(order: schemas.PreferencesOrder, session: Tx, by: Staff) -> schemas.Preferences:
    """Choose for your own console: these, and the others as they are. `GET /me` tells what is chosen."""
    return schemas.Preferences.model_validate(preferences.choose_preferences(session, order.model_dump(exclude_unset=True), by=by))
