"""Health checks: `/healthz` (the process lives) and `/readyz` (it can work)."""

import logging
import os

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from triage.store import db
from triage.store.models.staff import StaffMember
from triage_api.http.dependencies import Here, Office
from triage_api.http.resource_router import name_operation

log = logging.getLogger(__name__)

router = APIRouter(tags=["health"], default_response_class=PlainTextResponse, generate_unique_id_function=name_operation)


@router.get("/healthz")
def healthz() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz", responses={503: {"description": "Not ready: what is missing, in a line.", "content": {"text/plain": {}}}})
def readyz(here: Here) -> PlainTextResponse:
    """The database and the spool directory can be used."""
    missing = find_lacking(here)
    return PlainTextResponse(f"{missing}\n", 503) if missing else PlainTextResponse("ready\n")


def find_lacking(here: Office) -> str:
    """Returns what is missing, in words for a stranger; the log has the rest."""
    try:
        with db.read_transaction(here.engine) as session:
            session.execute(select(col(StaffMember.login)).limit(1))
    except SQLAlchemyError as fault:
        log.warning("not ready: %s", fault.__class__.__name__)
        return "the database does not answer"
    return "" if os.access(here.settings.spool.directory, os.W_OK) else "the spool directory cannot be written"
