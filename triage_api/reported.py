"""Mail that people here find odd and have reported: list it, and say what it is. Who decides about the mail answers too."""

from fastapi import APIRouter

from triage import suspecting
from triage.times import utcnow
from triage_api.once import Once
from triage_api.pages import Cursor, Limit, following, id_of
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.shapes import reported as shapes
from triage_api.shapes.texts import GivenId
from triage_api.transactions import Read, Tx, ring_after

router = APIRouter(route_class=Once, prefix="/reported", tags=["reported"])


@router.get("", response_model=shapes.MailReports, responses=described(401, 422))
def list_reported(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> shapes.MailReports:
    """What is reported in your scope and has no answer, the newest first; also what came through us and lies in mailboxes."""
    before = id_of(cursor)
    found = suspecting.listing(session, by=by, limit=limit + 1, before=before)
    return shapes.MailReports.model_validate({"items": found[:limit], "next_cursor": following(found, limit)})


@router.post("/{report_id}/answer", response_model=shapes.ReportAnswered, responses=described(401, 403, 404, 409, 422))
def answer_report(report_id: GivenId, order: shapes.ReportAnswer, session: Tx, by: Staff) -> shapes.ReportAnswered:
    """Say what a reported mail is, to everybody who reported it. The mail stays where it is."""
    told = suspecting.answer(session, report_id, order.verdict, by=by, words=order.words, now=utcnow())
    ring_after(session)
    return shapes.ReportAnswered.model_validate({"reporters": told})
