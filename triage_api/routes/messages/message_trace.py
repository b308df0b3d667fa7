"""The life of a message as one list."""

from dataclasses import replace

from triage.delivery import routes
from triage.quarantine import message_trace
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import message_trace as schemas

router = resource_router("messages")


@router.get("/messages/{message_id}/trace", response_model=schemas.Trace, responses=describe_refusals(401, 404, 422))
def trace_message(message_id: GivenId, session: Read, by: Staff, here: Here) -> schemas.Trace:
    """History of a message, oldest first, over its deliveries in your scope.

    The id may be the message's, the one in the 250 reply, or a delivery's.
    """
    found = message_trace.trace_message(session, message_id, by=by)
    steps = [replace(one, next_hop=routes.shown_hop(here.settings, one.next_hop, by=by)) for one in found.steps]
    return schemas.Trace.model_validate(replace(found, steps=tuple(steps)))
