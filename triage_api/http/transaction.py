"""Transaction of a request: committed before the answer is sent; only then are other roles woken."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session

from triage.store import db
from triage_api.http import idempotency
from triage_api.http.dependencies import Here
from triage_api.http.session_auth import Staff

LONG = ("q", "words")  # parameters with words that are looked for
PIPES = "pipes"  # in Session.info: who is woken after the commit


def open_transaction(
    here: Here, by: Staff, request: Request, asked: idempotency.Asked, idempotency_key: idempotency.Key = None
) -> Iterator[Session]:
    """A session that commits when the route has returned."""
    with db.transaction(here.engine) as session:
        idempotency.begin_request(request, session, idempotency_key, asked, by)
        yield session
    here.wake(session.info.get(PIPES, ()))


def open_read_session(here: Here, _by: Staff) -> Iterator[Session]:
    """A session that only reads."""
    with db.read_transaction(here.engine) as session:
        yield session


def open_search_session(here: Here, _by: Staff, request: Request) -> Iterator[Session]:
    """A session that only reads. What looks through many records may be answered by a read replica that has all that is committed."""
    is_long = any(request.query_params.get(name) for name in LONG) or request.query_params.get("format") == "csv"
    with here.replica.read() if is_long else db.read_transaction(here.engine) as session:
        yield session


def open_report_session(here: Here, _by: Staff) -> Iterator[Session]:
    """A session that only reads, as of `read_replica.as_of`: a read replica may answer that is a little behind."""
    with here.replica.read(may_lag=True) as session:
        yield session


def wake_after(session: Session, *names: str) -> None:
    """Wake these processes, and every browser, once this transaction is committed."""
    session.info[PIPES] = {"change", *names, *session.info.get(PIPES, ())}


Tx = Annotated[Session, Depends(open_transaction, scope="function")]
Read = Annotated[Session, Depends(open_read_session, scope="function")]
Search = Annotated[Session, Depends(open_search_session, scope="function")]
LongRead = Annotated[Session, Depends(open_report_session, scope="function")]
