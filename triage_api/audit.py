"""The record of all acts."""

from dataclasses import asdict

from fastapi import APIRouter

from triage import db, trail, trail_proof
from triage.times import utcnow
from triage_api import shapes
from triage_api.office import Here
from triage_api.once import Once
from triage_api.pages import Cursor, Limit, cursor_of, place_of
from triage_api.problems import described
from triage_api.session import Staff
from triage_api.transactions import Read

router = APIRouter(route_class=Once, tags=["audit"])


@router.get("/audit", response_model=shapes.AuditRecords, responses=described(401, 403, 422))
def list_acts(session: Read, by: Staff, limit: Limit = 50, cursor: Cursor = None) -> shapes.AuditRecords:
    """Who did what, newest first: for administrators and auditors of the whole company.

    `detail` is {"sealed": true} where it tells of mail that is sealed to you.
    """
    (before,) = place_of(cursor, int) or (None,)
    page = trail.record(session, by=by, limit=limit, before=before)
    return shapes.AuditRecords.model_validate({"items": page.items, "next_cursor": cursor_of(page.following)})


@router.get("/audit/verify", response_model=shapes.Verification, responses=described(401, 403))
def verify_trail(here: Here, by: Staff) -> shapes.Verification:
    """Is the record whole? Every act is read, and compared with the signed checkpoints that this machine can see."""
    trail.require_auditor(by)
    claims = trail_proof.claims(here.settings)
    with db.reading(here.engine) as session:
        found = trail_proof.verify(session, claims, kept_since=trail_proof.kept_since(here.settings, utcnow()))
    return shapes.Verification.model_validate(asdict(found))
