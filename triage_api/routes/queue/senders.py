"""A sender: one address, or a whole domain."""

from fastapi import Depends, Response

from triage.quarantine import sender_profile
from triage.quarantine.search.selection import UNPROVEN
from triage.reports import report_values, sender_report
from triage.store import read_replica
from triage_api.http.dependencies import Here
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import LongRead, Read
from triage_api.routes.records.reports import CSV, Format, TableName, put_export_on_record
from triage_api.schemas.fields import Word
from triage_api.schemas.language import use_language
from triage_api.schemas.queue import senders as schemas
from triage_api.schemas.records.reports import Report

router = resource_router("senders")


@router.get(
    "/senders/{sender:path}/history",
    response_model=Report,
    dependencies=[Depends(use_language)],
    responses=CSV | describe_refusals(401, 404, 422),
)
def get_sender_history(
    sender: Word, session: LongRead, by: Staff, here: Here, format: Format = "json", table: TableName = ""
) -> Report | Response:
    """The last 90 days of an address, or of a domain with those below it, in your scope: messages by day and how many of them prove their
    sender by DMARC, decisions, rules added and removed, reports by employees. At most the newest 100,000 copies are counted.

    The audit log records an export as CSV.
    """
    found = sender_report.report_sender(session, sender, by=by, settings=here.settings, now=read_replica.as_of(session))
    if format == "csv":
        written = report_values.as_csv(found, table)
        put_export_on_record(here, found, by, {"sender": sender})
        return Response(written, media_type="text/csv")
    return Report.model_validate(report_values.as_json(found))


@router.get("/senders/{sender:path}", response_model=schemas.Sender, responses=describe_refusals(401, 404, 422))
def get_sender(sender: Word, session: Read, by: Staff, here: Here) -> schemas.Sender:
    """An address, or a domain with those below it: its messages in your scope, their proof, recipients and outcome."""
    found = sender_profile.get_sender(session, sender, freemail=here.settings.policy.freemail_domains, by=by)
    folders = [(folder.partition("+"), count) for folder, count in found.by_folder]
    return schemas.Sender.model_validate(
        {name: getattr(found, name) for name in ("name", "messages", "deliveries", "held", "people", "departments")}
        | {"first_at": found.first_at, "newest_at": found.newest_at, "lead": found.lead}
        | {
            "by_state": [{"state": state, "count": count} for state, count in found.by_state],
            "by_proof": [{"proof": who or UNPROVEN, "count": count} for who, count in found.by_proof],
            "by_name": [{"name": name, "count": count} for name, count in found.by_name],
            "by_folder": [{"department": department, "person": person, "count": count} for (department, _, person), count in folders],
            "by_address": [{"author": author, "count": count} for author, count in found.by_address],
        }
    )
