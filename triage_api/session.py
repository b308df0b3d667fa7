"""Signing in and out, and who is asking: the cookie, read anew at each request."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import HTTPConnection

from triage import access, cover, db, in_hand, modes, preferences, sign_in
from triage.actor import Actor
from triage.times import utcnow
from triage_api.bearer import bearer, holder as token_holder, key_of
from triage_api.caller import caller_of
from triage_api.office import Here, Office, office
from triage_api.once import Once
from triage_api.problems import NotSignedIn, described
from triage_api.shapes import session as shapes

WRONG = "Name or password is wrong."
SIGNED_IN = "signed_in"  # in the state of a request: whoever asks has signed in
BACKGROUND = "x-mailroom-background"  # header of requests that no person caused: they do not count against the idle lock

router = APIRouter(route_class=Once, tags=["session"])


def watcher(connection: HTTPConnection) -> sign_in.SignedIn:
    """Who asks, without keeping the session awake; NotSignedIn when there is no good one. Removal and idleness act at once.

    A request that carries a token is the token's, whatever cookie comes along; a command's is that of whom the kernel has named.
    """
    if caller := caller_of(connection.scope):
        return sign_in.SignedIn(caller.actor, unseen=False)
    here = office(connection)
    if (key := key_of(connection)) is not None:
        found = bearer(here, connection, key)
        signed_in = sign_in.SignedIn(found.actor, unseen=False) if found else None
    else:
        signed_in = holder(here, connection.cookies.get(here.cookie_name, ""))
    if signed_in is None:
        raise NotSignedIn("This token is unknown, over or revoked, or whoever made it may no longer do so." if key is not None else "")
    setattr(connection.state, SIGNED_IN, True)
    return signed_in


def still_there(connection: HTTPConnection) -> bool:
    """Is whoever opened this connection still signed in?"""
    here = office(connection)
    if (key := key_of(connection)) is not None:
        return token_holder(here, key) is not None
    return holder(here, connection.cookies.get(here.cookie_name, "")) is not None


Watcher = Annotated[sign_in.SignedIn, Depends(watcher)]


def staff(connection: HTTPConnection, signed_in: Watcher) -> Actor:
    """The member of staff, or the token, that asks. The session stays awake, unless the console asks by itself and says so."""
    if signed_in.unseen and BACKGROUND not in connection.headers:
        here = office(connection)
        db.in_passing(here.engine, lambda session: sign_in.touch(session, connection.cookies[here.cookie_name], now=utcnow()))
    return signed_in.actor if caller_of(connection.scope) else replace(signed_in.actor, place=place_of(connection))


def place_of(connection: HTTPConnection) -> str:
    """The address that a request came from."""
    return connection.client.host if connection.client else ""


def holder(here: Office, key: str) -> sign_in.SignedIn | None:
    """Who holds this session key; None when it is no longer good."""
    if not key:
        return None
    lasts, idle = timedelta(hours=here.settings.api.session_hours), timedelta(minutes=here.settings.api.idle_lock_minutes)
    with db.reading(here.engine) as session:
        now = utcnow()
        signed_in = sign_in.resume(session, key, lasts=lasts, idle=idle, now=now)
        if signed_in is None:
            return None
        return replace(signed_in, actor=cover.with_night_duty(session, signed_in.actor, here.settings.cover, now))


Staff = Annotated[Actor, Depends(staff)]


@router.post("/session", status_code=201, response_model=shapes.Me, responses=described(401, 403, 413, 422, 429, 503))
def create_session(given: shapes.Credentials, request: Request, response: Response, here: Here) -> shapes.Me:
    """Sign in; the answer sets the session cookie."""
    with db.transaction(here.engine) as session:
        attempt = sign_in.begin(session, given.login, place_of(request), now=utcnow(), by_directory=here.prover is not None)
    if not sign_in.proves(attempt, given.password, here.prover):
        with db.transaction(here.engine) as session:
            sign_in.fail(session, attempt, now=utcnow())
        raise NotSignedIn(WRONG)
    lasts = timedelta(hours=here.settings.api.session_hours)
    with db.transaction(here.engine) as session:
        opened = sign_in.succeed(session, attempt, lasts=lasts, now=utcnow())
        if former := request.cookies.get(here.cookie_name):
            sign_in.sign_out(session, former, now=utcnow())
    signed_in = holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        raise NotSignedIn(WRONG)
    _, key = opened
    response.set_cookie(here.cookie_name, key, path="/", secure=here.secure, httponly=True, samesite="strict")
    return me_of(signed_in, here)


@router.delete("/session", status_code=204, responses=described(401, 403))
def delete_session(request: Request, response: Response, here: Here, by: Staff) -> None:
    """Sign out; colleagues see it at once."""
    with db.transaction(here.engine) as session:
        in_hand.leave(session, by=by)
        sign_in.sign_out(session, request.cookies[here.cookie_name], now=utcnow())
    forget_cookie(response, here)


def forget_cookie(response: Response, here: Office) -> None:
    """Let the browser forget the session's key."""
    response.delete_cookie(here.cookie_name, path="/", secure=here.secure, httponly=True, samesite="strict")


@router.get("/me", response_model=shapes.Me, responses=described(401))
def get_me(here: Here, _by: Staff, signed_in: Watcher) -> shapes.Me:
    """Who is signed in, and when they were here before."""
    return me_of(signed_in, here)


def me_of(signed_in: sign_in.SignedIn, here: Office) -> shapes.Me:
    """Who is signed in, as the console knows them."""
    by, company = signed_in.actor, here.settings.company
    with db.reading(here.engine) as session:
        mode = modes.now_in_force(session, company).of(modes.COMPANY)
        chosen = preferences.chosen(session, by.name) if by.kind == "person" else {}
        undo_seconds = preferences.settings_of(session, here.settings, by=by).policy.undo_seconds
    return shapes.Me.model_validate(
        {
            "login": by.name,
            "name": by.shown,
            "role": by.role,
            "scope": by.scope.words(),
            "company": {"domains": list(company.domains), "mode": mode, "time_zone": here.settings.cover.time_zone},
            "undo_seconds": undo_seconds,
            "preferences": chosen,
            "stands_in_for": list(by.stands_in_for),
            "recalls": here.settings.reaches_mailboxes,
            "previews": here.settings.api.previews,
            "measures": here.settings.reports.staff != "none",
            "verbs": access.verbs_of(by),
            "last_sign_in": signed_in.before,
            "grants": sorted(by.grants) if by.grants is not None else None,
        }
    )
