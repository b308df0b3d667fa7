"""Reports: what it costs and brings, as far as the asker may know, as JSON or as CSV."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query, Response
from pydantic import AwareDatetime
from sqlmodel import Session

from triage.actor import Actor
from triage.reports import period_reports, report_values
from triage.reports.report_values import Report
from triage.store import db, ledger, read_replica
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import LongRead
from triage_api.schemas.language import use_language
from triage_api.schemas.records import reports as schemas

router = resource_router("reports", "/reports", dependencies=[Depends(use_language)])

Name = Annotated[str, Path(max_length=40, description=f"One of {', '.join(period_reports.REPORTS)}.")]
Since = Annotated[AwareDatetime | None, Query(description="From then on; by default four weeks before the end.")]
Until = Annotated[AwareDatetime | None, Query(description="Before then; by default until now. At most 366 days.")]
Format = Annotated[Literal["json", "csv"], Query(description="csv: one table of it, in safe cells.")]
TableName = Annotated[str, Query(max_length=40, description="Table for CSV; by default the first.")]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The report."}}


@router.get("", response_model=schemas.Reports, responses=describe_refusals(401, 422))
def list_reports(session: LongRead, by: Staff, here: Here, since: Since = None, until: Until = None) -> schemas.Reports:
    """All reports about the same period."""
    asked = report_period(session, by, here, since, until)
    return schemas.Reports.model_validate({"items": [report_values.as_json(one) for one in period_reports.all_reports(session, **asked)]})


@router.get("/{name}", response_model=schemas.Report, responses=CSV | describe_refusals(401, 404, 422))
def get_report(
    name: Name,
    session: LongRead,
    by: Staff,
    here: Here,
    since: Since = None,
    until: Until = None,
    format: Format = "json",
    table: TableName = "",
) -> schemas.Report | Response:
    """Returns a report. Numbers cover messages in your scope that are not confidential to you.

    The audit log records an export as CSV.
    """
    found = period_reports.get_report(session, name, **report_period(session, by, here, since, until))
    if format == "csv":
        written = report_values.as_csv(found, table)
        put_export_on_record(here, found, by)
        return Response(written, media_type="text/csv")
    return schemas.Report.model_validate(report_values.as_json(found))


def put_export_on_record(here: Office, taken: Report, by: Actor, detail: dict[str, Any] | None = None) -> None:
    """Records who exported which figures. `detail`: about what, where the name of the report does not say it."""
    with db.transaction(here.engine) as session:
        ledger.write_act(session, "export", f"report:{taken.name}", by=by, now=utcnow(), detail=detail)


def report_period(session: Session, by: Actor, here: Office, since: AwareDatetime | None, until: AwareDatetime | None) -> dict[str, Any]:
    """Period of a report, for this caller. It ends where the database's knowledge does."""
    now = read_replica.as_of(session)
    period = period_reports.parse_period(since, read_replica.limit_end(session, until), settings=here.settings, now=now)
    return {"period": period, "by": by, "settings": here.settings, "now": now}
