"""Routes of a person's data: export and erasure (GDPR). For company-wide administrators."""

from collections.abc import Iterator
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from triage.actor import Actor
from triage.compliance.privacy import data_subject, person_erasure, person_export
from triage.compliance.privacy.data_subject import Whose
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx, wake_after
from triage_api.routes.decisions.approvals import answer_accepted
from triage_api.schemas.decisions import approvals as approval_schemas
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor, Limit, id_of, next_cursor
from triage_api.schemas.records import person_data as schemas

router = resource_router("person data", "/person-data")
taking = resource_router("person data", "/person-data", route_class=APIRoute)  # its answer is a file: it is not kept for who asks again

ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A zip with JSON and the original messages."}
}
ASKED: dict[int | str, dict[str, Any]] = {
    202: {"model": approval_schemas.PendingApproval, "description": "It needs a second person's approval."}
}
FILE = {"Content-Disposition": 'attachment; filename="person-data.zip"', "Cache-Control": "no-store"}


@taking.post("/export", response_class=StreamingResponse, responses=ZIP | describe_refusals(401, 403, 422))
def export_person_data(order: schemas.PersonOrder, by: Staff, here: Here) -> StreamingResponse:
    """Export of all data kept about an outside address or an employee (address or uid), without messages that are confidential to you.

    The audit log records the export.
    """
    with db.transaction(here.engine) as session:
        whose = data_subject.find_data_subject(session, order.address)
        person_export.record_export(session, whose, by=by, reason=order.reason, now=utcnow())
    here.wake({"change"})
    return StreamingResponse(read_chunks(here, whose, by), media_type="application/zip", headers=FILE)


def read_chunks(here: Office, whose: Whose, by: Actor) -> Iterator[bytes]:
    """The file while it is made."""
    with db.read_transaction(here.engine) as session:
        yield from person_export.zip_export(session, whose, by=by, now=utcnow())


@router.post("/preview", response_model=schemas.PersonFound, responses=describe_refusals(401, 403, 422))
def preview_erasure(order: schemas.PersonOrder, session: Read, by: Staff) -> schemas.PersonFound:
    """Preview of an erasure. Changes nothing."""
    return schemas.PersonFound.model_validate(person_erasure.preview_erasure(session, order.address, by=by))


@router.post("/erasures", status_code=201, response_model=schemas.Erasure, responses=ASKED | describe_refusals(401, 403, 409, 422))
def erase_person_data(order: schemas.ErasureOrder, session: Tx, by: Staff, here: Here) -> schemas.Erasure | Response:
    """Erase the data kept about an outside address, or about somebody who has left. It cannot be undone; 202 when a second person must
    approve it.

    It is carried out in slices; `done_at` says when it is complete. 409 while that person works here, or is under a legal hold.
    """
    said: dict[str, Any] = {"by": by, "reason": order.reason, "now": utcnow(), "settings": here.settings, "with_rules": order.with_rules}
    made = person_erasure.erase_person(session, order.address, **said)
    wake_after(session)
    return answer_accepted(session, made, by) if isinstance(made, PendingAct) else schemas.Erasure.model_validate(made)


@router.get("/erasures", response_model=schemas.Erasures, responses=describe_refusals(401, 403, 422))
def list_erasures(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> schemas.Erasures:
    """Erasures, newest first. A finished erasure no longer says whose data it was."""
    before = id_of(cursor)
    found = person_erasure.list_erasures(session, by=by, limit=limit + 1, before=before)
    return schemas.Erasures.model_validate({"items": found[:limit], "next_cursor": next_cursor(found, limit)})


@router.get("/erasures/{erasure_id}", response_model=schemas.Erasure, responses=describe_refusals(401, 403, 404, 422))
def get_erasure(erasure_id: GivenId, session: Read, by: Staff) -> schemas.Erasure:
    """Returns an erasure with its progress."""
    return schemas.Erasure.model_validate(person_erasure.get_erasure(session, erasure_id, by=by))
