"""Search for a message that somebody is missing."""

from typing import Annotated

from fastapi import Query

from triage.quarantine.where_is_my_message import where_is
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.queue import where as schemas

router = resource_router("messages")


@router.get("/where", response_model=schemas.Where, responses=describe_refusals(401, 422))
def find_place(wanted: Annotated[schemas.WhereQuery, Query()], session: Read, by: Staff, here: Here) -> schemas.Where:
    """Find a message: held, decided, delivered, expired, or refused at SMTP and why; at most 50 in your scope, newest first."""
    refused_days = here.settings.retention.refused_days
    found = where_is(session, wanted.to, wanted.q, since=wanted.since, until=wanted.until, refused_days=refused_days, by=by, now=utcnow())
    return schemas.Where.model_validate(found)
