"""Routes of release requests: list, record one for an employee, decline. A decision about the message answers a request."""

from triage.quarantine.requests import outside_reports, release_requests, suspicion_reports
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.employees import release_requests as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("requests", "/requests")


@router.get("", response_model=schemas.ReleaseRequests, responses=describe_refusals(401, 422))
def list_requests(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> schemas.ReleaseRequests:
    """Open release requests in your scope, the newest first, also for removed messages."""
    before = id_of(cursor)
    found = release_requests.list_requests(session, by=by, limit=limit + 1, before=before)
    return schemas.ReleaseRequests.model_validate(
        {
            "items": found[:limit],
            "open": release_requests.count_requests(session, by=by),
            "outside": outside_reports.count_reports(session, by=by),
            "reported": suspicion_reports.count_reports(session, by=by),
            "next_cursor": next_cursor(found, limit),
        }
    )


@router.post("", status_code=201, response_model=schemas.RequestMade, responses=describe_refusals(401, 403, 404, 409, 422))
def create_request(order: schemas.RequestOrder, session: Tx, by: Staff) -> schemas.RequestMade:
    """Record that an employee requests one of their messages: its row rises. A second call returns the same request."""
    made = release_requests.request_release(session, order.delivery, by=by, words=order.comment, now=utcnow())
    wake_after(session)
    return schemas.RequestMade.model_validate({"id": made})


@router.post("/{request_id}/decline", status_code=204, responses=describe_refusals(401, 403, 404, 409, 422))
def decline_request(request_id: GivenId, session: Tx, by: Staff, order: schemas.DeclineOrder | None = None) -> None:
    """Decline a request with a reason for the employee. The message stays where it is."""
    release_requests.decline_request(session, request_id, by=by, reason=order.reason if order else "", now=utcnow())
    wake_after(session)
