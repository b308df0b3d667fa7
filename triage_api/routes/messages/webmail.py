"""A message as the webmail of staff shows it."""

from typing import Annotated

from fastapi import Query

from triage.quarantine import webmail_message
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import webmail as schemas

router = resource_router("webmail", "/webmail")

Copy = Annotated[GivenId | None, Query(description="The field X-Mailroom-Copy of a copy in a mirrored account.")]


@router.get("/messages/{message_id}", response_model=schemas.WebmailMessage, responses=describe_refusals(401, 404, 422))
def get_webmail_message(message_id: GivenId, session: Read, by: Staff, copy: Copy = None) -> schemas.WebmailMessage:
    """Facts about a message in your scope, by its field X-Mailroom-Message. Nothing of its content."""
    return schemas.WebmailMessage.model_validate(webmail_message.find_webmail_message(session, message_id, copy=copy, by=by))
