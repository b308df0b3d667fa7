"""Retries of failed transactions: the log line, and the backoff."""

import logging

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from triage.store.db import is_deadlock
from triage.text.sanitize import escape_visible

PASSING = (OperationalError, InterfaceError, TimeoutError)
TOO_MUCH = "54"  # class of PostgreSQL's SQLSTATE: more than it can ever take

log = logging.getLogger(__name__)


def pause_after(fault: SQLAlchemyError, pause: float) -> float:
    """Log what became of it; seconds until the next try: none where only another transaction was in the way."""
    said = first_line(fault)
    if is_deadlock(fault):
        log.warning("a transaction gave way to another one and is carried out again: %s", said)
        return 0.0
    if is_passing(fault):
        log.warning("the database does not answer, trying again: %s", said)
    else:
        log.error("the database refuses, trying again: %s", said)
    return pause


def is_passing(fault: Exception) -> bool:
    """Whether the same transaction may succeed later. Otherwise its content is at fault."""
    state = getattr(getattr(fault, "orig", None), "sqlstate", None) or ""
    passing = isinstance(fault, PASSING) or getattr(fault, "connection_invalidated", False) or is_deadlock(fault)
    return passing and not state.startswith(TOO_MUCH)


def first_line(fault: Exception) -> str:
    """Returns the database's error message, without the statement."""
    said = fault.orig if isinstance(fault, DBAPIError) else fault
    return escape_visible(str(said).strip().partition("\n")[0] or type(fault).__name__)
