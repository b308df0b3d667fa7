"""Sessions of a staff member: list them, and sign out everywhere."""

from datetime import timedelta

from fastapi import Request, Response

from triage.access import sessions
from triage.store import db
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.routes.access.session import forget_cookie
from triage_api.schemas.access import session as schemas
from triage_api.schemas.fields import Word

router = resource_router("session")


@router.get("/sessions", response_model=schemas.Sessions, responses=describe_refusals(401, 403, 422))
def list_sessions(session: Read, request: Request, here: Here, by: Staff, login: Word = "") -> schemas.Sessions:
    """Browsers in which you are signed in; for administrators those of a `login` in their scope."""
    api = here.settings.api
    lasts, idle = timedelta(hours=api.session_hours), timedelta(minutes=api.idle_lock_minutes)
    waits = timedelta(minutes=api.pin_minutes if api.pin_networks else 0)
    key, whose = request.cookies[here.cookie_name], login or by.name
    found = sessions.list_sessions(session, by=by, login=whose, key=key, lasts=lasts, idle=idle, waits=waits, now=utcnow())
    return schemas.Sessions.model_validate({"items": found})


@router.delete("/sessions", response_model=schemas.Ended, responses=describe_refusals(401, 403, 404, 422))
def end_sessions(response: Response, here: Here, by: Staff, login: Word = "") -> schemas.Ended:
    """Sign out everywhere, here too; administrators may sign out staff in their scope, by `login`."""
    with db.transaction(here.engine) as session:
        ended = sessions.end_all(session, by=by, login=login or by.name, now=utcnow())
    if login in ("", by.name):
        forget_cookie(response, here)
    return schemas.Ended(ended=ended)
