"""Routes of employees: they sign in apart from staff, see sender and subject of their own messages, and ask for release."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from sqlmodel import Session
from starlette.requests import HTTPConnection

from triage.access import employee_sessions, folder_readers, staff_login
from triage.access.webmail.webmail_links import PREFIX
from triage.actor import Actor
from triage.errors import NotAllowed
from triage.notifications import digests
from triage.quarantine import viewings
from triage.quarantine.requests import announce_sender, code_words, own_mail, release_requests
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http import idempotency, sign_in_log
from triage_api.http.bearer_auth import key_of
from triage_api.http.dependencies import Here, Office, office_of
from triage_api.http.problems import NotSignedIn, describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.sign_in_log import place_of
from triage_api.http.token_scopes import OWN_WEBMAIL
from triage_api.http.transaction import PIPES, wake_after
from triage_api.http.webmail_auth import authenticate_webmail
from triage_api.schemas import pagination as places
from triage_api.schemas.access.folder_readers import FolderReaders
from triage_api.schemas.employees import own_mail as schemas
from triage_api.schemas.employees.release_requests import RequestMade, RequestOrder
from triage_api.schemas.fields import GivenId
from triage_api.schemas.pagination import Cursor

COOKIE = "-own"  # what the name of the session cookie has more
CLOSED = say("Employees cannot sign in here: your company has not turned this on. Ask your IT department.")

router = resource_router("me", "/me")


def authenticate_employee(connection: HTTPConnection) -> Actor:
    """The employee who asks; NotSignedIn when there is no good session. No token and no session of staff is one, but their webmail is."""
    here = office_of(connection)
    key = connection.cookies.get(here.cookie_name + COOKIE, "")
    if (bearer := key_of(connection)) is not None:
        return linked_employee(here, connection, bearer)
    with db.read_transaction(here.engine) as session:
        found = employee_sessions.find_session_employee(session, key, now=utcnow()) if is_open(here) else None
    if found is None:
        raise NotSignedIn("")
    return Actor(found.kind, found.name, shown=found.shown, place=place_of(connection))


def linked_employee(here: Office, connection: HTTPConnection, key: str) -> Actor:
    """The employee whose webmail asks. NotAllowed for programs, and where a member of staff is nobody in the directory."""
    if not key.startswith(PREFIX):
        raise NotAllowed(say("this needs a person who has signed in: a token cannot do it"))
    found = authenticate_webmail(here, connection, key, OWN_WEBMAIL).employee
    if found is None:
        raise NotAllowed(say("you have no messages of your own here: the directory has no person with your login"))
    if not here.settings.notices.requests:
        raise NotAllowed(CLOSED)
    return replace(found, place=place_of(connection))


def is_open(here: Office) -> bool:
    """Whether employees can sign in here, with a password that something can check."""
    return here.settings.notices.requests and here.prover is not None


Employee = Annotated[Actor, Depends(authenticate_employee)]
Wanted = Annotated[GivenId | None, Query(description="A message to include, wherever it is in the list.")]


def open_transaction(
    here: Here, by: Employee, request: Request, asked: idempotency.Asked, idempotency_key: idempotency.Key = None
) -> Iterator[Session]:
    """A session that commits when the route has returned."""
    with db.transaction(here.engine) as session:
        idempotency.begin_request(request, session, idempotency_key, asked, by)
        yield session
    here.wake(session.info.get(PIPES, ()))


Tx = Annotated[Session, Depends(open_transaction, scope="function")]


@router.post("/session", status_code=201, response_model=schemas.OwnName, responses=describe_refusals(401, 403, 413, 422, 429, 503))
def create_own_session(given: schemas.OwnCredentials, request: Request, response: Response, here: Here) -> schemas.OwnName:
    """Sign in for an hour with the directory's password to see your own messages; sets a cookie of its own."""
    if not is_open(here):
        raise NotAllowed(CLOSED)
    attempt = sign_in_log.begin_attempt(here, given.login, request, employee=True)
    if not staff_login.verify_password(attempt, given.password, here.prover):
        raise sign_in_log.refuse_attempt(here, attempt)
    with db.transaction(here.engine) as session:
        opened = staff_login.open_employee_session(session, attempt, now=utcnow())
        employee_sessions.end_employee_session(session, request.cookies.get(here.cookie_name + COOKIE, ""))
    if opened is None:
        raise NotSignedIn(sign_in_log.WRONG)
    actor, key = opened
    response.set_cookie(here.cookie_name + COOKIE, key, path="/", secure=here.secure, httponly=True, samesite="strict")
    return schemas.OwnName(name=actor.shown)


@router.delete("/session", status_code=204, responses=describe_refusals(401, 403))
def delete_own_session(request: Request, response: Response, here: Here, _by: Employee) -> None:
    """Sign out."""
    name = here.cookie_name + COOKIE
    with db.transaction(here.engine) as session:
        employee_sessions.end_employee_session(session, request.cookies[name])
    response.delete_cookie(name, path="/", secure=here.secure, httponly=True, samesite="strict")


@router.get("/messages", response_model=schemas.OwnMessages, responses=describe_refusals(401, 403, 422))
def list_own_messages(here: Here, by: Employee, message: Wanted = None, cursor: Cursor = None) -> schemas.OwnMessages:
    """Your held and recently removed messages: sender, subject and who viewed them. 100 of each; the cursors lead to more."""
    asked: dict[str, Any] = {"settings": here.settings, "now": utcnow()}
    kind, *after = places.place_of(cursor, bool, int, datetime, int) or (None,)
    with db.read_transaction(here.engine) as session:
        parts = {
            waits: own_mail.list_part(session, by.name, waits, after=tuple(after) or None, limit=own_mail.AT_ONCE + 1, **asked)
            for waits in (True, False)
            if kind in (None, waits)
        }
        wanted = own_mail.find_own(session, by.name, message, **asked) if message is not None else None
        digest = digests.get_choice(session, by.name, here.settings)
        expected = [schemas.ExpectedSender.model_validate(one) for one in announce_sender.of_person(session, by.name, now=utcnow())]
        items = [one for found in parts.values() for one in found[: own_mail.AT_ONCE]]
        items = [*([wanted] if wanted and wanted not in items else ()), *items]
        viewed = viewings.list_viewers(session, {one.message_id for one in items}, by.name)
    return schemas.OwnMessages.model_validate(
        {
            "items": [asdict(one) | {"viewed": viewed.get(one.message_id, [])} for one in items],
            "more_held": next_cursor(parts, True),
            "more_removed": next_cursor(parts, False),
            "digest": digest,
            "expected": expected,
        }
    )


def next_cursor(parts: Mapping[bool, list[own_mail.Own]], waits: bool) -> str | None:
    """Cursor behind a page of held or removed messages; None at the end."""
    found = parts.get(waits, ())
    return places.cursor_of((waits, *found[own_mail.AT_ONCE - 1].place)) if len(found) > own_mail.AT_ONCE else None


@router.get("/folder-readers", response_model=FolderReaders, responses=describe_refusals(401))
def list_own_readers(here: Here, by: Employee) -> FolderReaders:
    """Readers of your held messages, and why they may."""
    with db.read_transaction(here.engine) as session:
        found = folder_readers.list_own_readers(session, by.name, settings=here.settings, now=utcnow())
    return FolderReaders.model_validate(found)


@router.put("/digest", status_code=204, responses=describe_refusals(401, 403, 422))
def choose_digest(order: schemas.DigestOrder, session: Tx, by: Employee) -> None:
    """Switch your daily digest on or off."""
    digests.set_choice(session, by=by, wanted=order.wanted, now=utcnow())


@router.post("/expected-senders", status_code=201, response_model=schemas.ExpectedSenderMade, responses=describe_refusals(401, 403, 422))
def create_expected_sender(order: schemas.ExpectedSenderOrder, session: Tx, by: Employee, here: Here) -> schemas.ExpectedSenderMade:
    """Announce a sender whose message you expect. Staff see it with the message. It releases nothing and ends by itself."""
    made = announce_sender.expect_sender(session, order.sender, by=by, words=order.comment, settings=here.settings, now=utcnow())
    wake_after(session)
    return schemas.ExpectedSenderMade.model_validate({"id": made})


@router.post("/code-words", status_code=201, response_model=schemas.CodeWord, responses=describe_refusals(401, 403, 422))
def create_code_word(order: schemas.CodeWordOrder, session: Tx, by: Employee, here: Here) -> schemas.CodeWord:
    """Get a code word for somebody outside. Staff see who gave it out with their first message. `DELETE /me/expected-senders` ends it."""
    made = code_words.issue_code_word(session, order.for_whom, until=order.until, by=by, settings=here.settings, now=utcnow())
    wake_after(session)
    return schemas.CodeWord.model_validate({"id": made.id, "word": made.sender.upper(), "until": made.until})


@router.delete("/expected-senders/{expectation_id}", status_code=204, responses=describe_refusals(401, 403, 404))
def forget_expected_sender(expectation_id: GivenId, session: Tx, by: Employee) -> None:
    """Remove an expected sender or a code word."""
    announce_sender.forget_expectation(session, expectation_id, by=by, now=utcnow())


@router.post("/requests", status_code=201, response_model=RequestMade, responses=describe_refusals(401, 403, 404, 409, 422))
def create_own_request(order: RequestOrder, session: Tx, by: Employee) -> RequestMade:
    """Ask staff to release one of your messages."""
    made = release_requests.request_release(session, order.delivery, by=by, words=order.comment, now=utcnow())
    wake_after(session)
    return RequestMade.model_validate({"id": made})
