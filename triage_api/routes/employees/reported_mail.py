"""Mail that people here find unusual and have reported: list it, and say what it is. Who decides about the message answers too."""

from triage.quarantine.requests import outside_reports, suspicion_reports
from triage.times import utcnow
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.schemas.employees import reported_mail as schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor

router = resource_router("reported", "/reported")


@router.get("", response_model=schemas.MessageReports, responses=describe_refusals(401, 422))
def list_reported(
    session: Read, by: Staff, lane: schemas.Lane = "employees", limit: Limit = 50, cursor: Cursor = None
) -> schemas.MessageReports:
    """Open reports of suspicious messages in your scope, the newest first, also of messages delivered to mailboxes. Reports of partner
    companies have a lane of their own.
    """
    before = id_of(cursor)
    if lane == "employees":
        found = suspicion_reports.list_reports(session, by=by, limit=limit + 1, before=before)
    else:
        found = outside_reports.list_reports(session, lane, by=by, limit=limit + 1, before=before)
    return schemas.MessageReports.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.post("/{report_id}/answer", response_model=schemas.ReportAnswered, responses=describe_refusals(401, 403, 404, 409, 422))
def answer_report(report_id: GivenId, order: schemas.ReportAnswer, session: Tx, by: Staff) -> schemas.ReportAnswered:
    """Answer everybody who reported this message. The message stays where it is."""
    is_outside = outside_reports.is_outside(session, report_id)
    answer = outside_reports.answer_report if is_outside else suspicion_reports.answer_report
    told = answer(session, report_id, order.verdict, by=by, words=order.comment, now=utcnow())
    wake_after(session)
    return schemas.ReportAnswered.model_validate({"reporters": told})
