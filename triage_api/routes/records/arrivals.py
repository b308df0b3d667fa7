"""Numbers about what came in."""

from datetime import datetime, timedelta

from pydantic import AwareDatetime

from triage.reports.arrivals import list_arrivals
from triage.times import EPOCH, utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read
from triage_api.schemas.queue import deliveries as schemas

USUAL = timedelta(days=30)

router = resource_router("reports", "/reports")


@router.get("/arrivals", response_model=schemas.ArrivalsReport, responses=describe_refusals(401, 422))
def count_arrivals(
    session: Read, by: Staff, since: AwareDatetime | None = None, until: AwareDatetime | None = None
) -> schemas.ArrivalsReport:
    """Number of deliveries in your scope for each day (UTC), by the rule that decided; the last 30 days, at most 366."""
    end: datetime = until or utcnow()
    counted = list_arrivals(session, by=by, since=since or max(end, EPOCH + USUAL) - USUAL, until=end)
    return schemas.ArrivalsReport.model_validate({"items": counted})
