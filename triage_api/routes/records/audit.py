"""Routes of the audit log: list, export, verify."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse

from triage.actor import Actor
from triage.compliance.audit import audit_log, verify_chain, verify_state
from triage.store import db, ledger
from triage.store.read_replica import ReplicaFailed
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Search
from triage_api.schemas.pagination import cursor_of, place_of
from triage_api.schemas.records import audit as schemas

router = resource_router("audit")


@router.get("/audit", response_model=schemas.AuditEntries, responses=describe_refusals(401, 403, 422))
def list_audit_entries(session: Search, staff: Staff, wanted: Annotated[schemas.AuditQuery, Query()]) -> schemas.AuditEntries:
    """Audit entries, newest first: for company-wide administrators and auditors.

    `detail` is {"sealed": true} where it concerns messages that are confidential to you. A filter by `by`, `act` or `words`
    that has no time to fill the page says how far it looked (`looked_back_to`).
    """
    (before,) = place_of(wanted.cursor, int) or (None,)
    page = audit_log.list_entries(
        session,
        by=staff,
        limit=wanted.limit,
        before=before,
        who=wanted.by,
        act=wanted.act,
        subject=wanted.subject,
        since=wanted.since,
        until=wanted.until,
        words=wanted.words,
    )
    found = {"next_cursor": cursor_of(page.following), "looked_back_to": page.looked_back_to}
    return schemas.AuditEntries.model_validate({"items": page.items, **found})


LINES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {}}, "description": "One act a line."}}
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="Only later entries: the `sequence` of the last entry that you have.")]


@router.get("/audit/export", response_class=StreamingResponse, responses=LINES | describe_refusals(401, 403, 422))
def export_audit_log(here: Here, by: Staff, after: After = 0) -> StreamingResponse:
    """Exports the chained entries, one JSON object a line, in the order of the chain; without details of confidential messages.

    The audit log records the export.
    """
    audit_log.require_auditor(by)
    with db.transaction(here.engine) as session:
        ledger.write_act(session, "export", "audit", by=by, now=utcnow())
    return StreamingResponse(write_lines(here, by, after), media_type="application/x-ndjson")


def write_lines(here: Office, by: Actor, after: int) -> Iterator[str]:
    """The lines, some hundred at once. Where the read replica fails, the primary server goes on."""
    try:
        with here.replica.read() as session:
            while some := audit_log.chained_entries(session, after, by=by):
                yield "".join(f"{json.dumps(one, ensure_ascii=True)}\n".replace("\x7f", "\\u007f") for one in some)
                after = some[-1]["sequence"]
                session.expunge_all()
    except ReplicaFailed:
        yield from write_lines(here, by, after)


State = Annotated[
    bool, Query(description="Compare rules, tokens, accounts, enforcement steps, decisions and deliveries with the audit log too.")
]


@router.get("/audit/verify", response_model=schemas.Verification, responses=describe_refusals(401, 403, 422))
def verify_audit_log(here: Here, by: Staff, state: State = False) -> schemas.Verification:
    """Verify the audit log: every entry, and the signed checkpoints that this machine can see; with `state` also the rows that it is about.

    A fault enters the audit log, and from there a SIEM.
    """
    audit_log.require_auditor(by)
    claims = verify_chain.claimed_checkpoints(here.settings)
    with db.read_transaction(here.engine) as session:
        found = verify_chain.verify_chain(session, claims, retained_since=verify_chain.retained_since(here.settings, utcnow()))
        compared = verify_state.verify_state(session) if state else None
    faults = [fault for fault in (found.fault, verify_state.fault_of(compared) if compared else "") if fault]
    if faults:
        with db.transaction(here.engine) as session:
            for fault in faults:
                verify_chain.record_fault(session, fault, by=by, now=utcnow())
    return schemas.Verification.model_validate(asdict(found) | {"state": compared and asdict(compared)})
