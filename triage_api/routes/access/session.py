"""Routes to sign in and out, and who is signed in."""

from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from triage.access import break_glass, browser_pins, preferences, scope as access, sign_in_steps, staff_login
from triage.access.second_factor import factor_policy
from triage.access.staff_login import How
from triage.config import identity_providers
from triage.directory import enforcement
from triage.errors import NotAllowed
from triage.quarantine import presence
from triage.quarantine.teamwork import snoozes
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import NotSignedIn, describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff, Watcher, session_holder
from triage_api.http.sign_in_log import place_of
from triage_api.routes.messages.attachment_pages import why_no_previews
from triage_api.schemas.access import second_factor as factor_schemas, session as schemas

FACTOR_COOKIE = "-factor"  # what the name of the session cookie has more
BROWSER_COOKIE = "-browser"
FACTOR_STEP = "second-factor"  # kind of a step
OVER = say("this took longer than ten minutes, or was done already; begin again")
ASKED: dict[int | str, dict[str, Any]] = {202: {"model": factor_schemas.FactorAsked, "description": "It needs a second factor."}}

router = resource_router("session")


@router.post("/session", status_code=201, response_model=schemas.Me, responses=ASKED | describe_refusals(401, 403, 413, 422, 429, 503))
def create_session(given: schemas.Credentials, request: Request, response: Response, here: Here) -> schemas.Me | Response:
    """Sign in; the answer sets the session cookie. 202: `POST /session/second-factor` finishes it, within ten minutes."""
    if not {"directory", "local"} & set(here.settings.api.sign_in):
        raise NotAllowed(say("nobody signs in here with a password; choose another way on the sign-in page"))
    attempt = sign_in_log.begin_attempt(here, given.login, request, ways=here.settings.api.sign_in)
    if not staff_login.verify_password(attempt, given.password, here.prover):
        raise sign_in_log.refuse_attempt(here, attempt)
    lasts = timedelta(hours=here.settings.api.session_hours)
    with db.transaction(here.engine) as session:
        if factor_policy.is_asked(session, attempt.login, here.settings.api.require_second_factor):
            return ask_for_factor(session, attempt.login, here, How(), place_of(request))
        opened = staff_login.open_session(session, attempt, lasts=lasts, now=utcnow())
        if opened:
            take_browser(session, request, here, opened[1])
    signed_in = session_holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        raise NotSignedIn(sign_in_log.WRONG)
    set_session_cookie(response, here, opened[1])
    return me_of(signed_in, here)


@router.post("/session/break-glass", status_code=201, response_model=schemas.Me, responses=describe_refusals(401, 403, 413, 422, 429, 503))
def open_break_glass(given: schemas.PrintedCode, request: Request, response: Response, here: Here) -> schemas.Me:
    """Sign in with the printed code of a break-glass account, whatever `api.sign_in` says. It works once; administrators get a notice."""
    attempt = sign_in_log.begin_attempt(here, given.login, request, by_code=True)
    lasts = timedelta(hours=here.settings.api.session_hours)
    with db.transaction(here.engine) as session:
        opened = break_glass.open_account(session, attempt, given.first, given.second, lasts=lasts, now=utcnow())
        if opened:
            take_browser(session, request, here, opened[1])
    signed_in = session_holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        raise sign_in_log.refuse_attempt(here, attempt)
    here.wake({"change"})
    set_session_cookie(response, here, opened[1])
    return me_of(signed_in, here)


def ask_for_factor(session: Session, login: str, here: Office, how: How, client: str) -> Response:
    """202: somebody has proven the first factor, and this browser alone may finish the sign-in with the second one."""
    found, key = begin_factor_step(session, login, how, client)
    response = JSONResponse(found.model_dump(mode="json"), 202)
    set_factor_cookie(response, here, key)
    return response


def begin_factor_step(session: Session, login: str, how: How, client: str, return_to: str = "/") -> tuple[factor_schemas.FactorAsked, str]:
    """Note a sign-in that waits for a second factor; what is asked for, and the step's key."""
    about = {"method": how.method, "provider": how.provider, "sid": how.sid, "return_to": return_to}
    key = sign_in_steps.begin_step(session, FACTOR_STEP, now=utcnow(), login=login, client=client, about=about)
    return asked_factor(session, login, return_to), key


def asked_factor(session: Session, login: str, return_to: str) -> factor_schemas.FactorAsked:
    """Second factors with which an account can finish its sign-in."""
    found = factor_policy.find_factors(session, login)
    counts = factor_schemas.FactorCounts.model_validate(found)
    return factor_schemas.FactorAsked(factors=counts, set_up=not (found.app or found.passkeys), return_to=return_to)


def set_factor_cookie(response: Response, here: Office, key: str) -> None:
    """Give the browser the key of the sign-in that it may finish."""
    lasts = int(sign_in_steps.LASTS.total_seconds())
    response.set_cookie(here.cookie_name + FACTOR_COOKIE, key, lasts, path="/", secure=here.secure, httponly=True, samesite="strict")


def set_session_cookie(response: Response, here: Office, key: str) -> None:
    """Give the browser the session's key."""
    response.set_cookie(here.cookie_name, key, path="/", secure=here.secure, httponly=True, samesite="strict")


def take_browser(session: Session, request: Request, here: Office, key: str) -> None:
    """A new session has this browser from now on; what was open there ends, or waits locked for a PIN."""
    browser_pins.enter_browser(session, key, session_key(request, here), browser_secret(request, here), now=utcnow())


def browser_secret(request: Request, here: Office) -> str:
    """The secret of a browser in which somebody has set a PIN; "" of any other."""
    return request.cookies.get(here.cookie_name + BROWSER_COOKIE, "")


def session_key(request: Request, here: Office) -> str:
    """The key of the session that asks; "" for a program."""
    return request.cookies.get(here.cookie_name, "")


@router.delete("/session", status_code=204, responses=describe_refusals(401, 403))
def delete_session(request: Request, response: Response, here: Here, by: Staff) -> None:
    """Sign out; colleagues see it at once."""
    with db.transaction(here.engine) as session:
        presence.leave_console(session, by=by)
        snoozes.end_snoozes(session, by=by)
        staff_login.sign_out(session, request.cookies[here.cookie_name], now=utcnow())
    forget_cookie(response, here)


def forget_cookie(response: Response, here: Office) -> None:
    """Let the browser forget the session's key."""
    response.delete_cookie(here.cookie_name, path="/", secure=here.secure, httponly=True, samesite="strict")


@router.get("/me", response_model=schemas.Me, responses=describe_refusals(401))
def get_me(here: Here, _by: Staff, signed_in: Watcher) -> schemas.Me:
    """The person who is signed in, with their last sign-in."""
    return me_of(signed_in, here)


def me_of(signed_in: staff_login.SignedIn, here: Office) -> schemas.Me:
    """Describes the person who is signed in, for the console."""
    by, company = signed_in.actor, here.settings.company
    with db.read_transaction(here.engine) as session:
        step = enforcement.now_in_force(session, company, utcnow()).of(enforcement.COMPANY)
        chosen = preferences.chosen_preferences(session, by.name) if by.kind == "person" else {}
        undo_seconds = preferences.settings_of(session, here.settings, by=by).policy.undo_seconds
    return schemas.Me.model_validate(
        {
            "login": by.name,
            "name": by.shown,
            "role": by.role,
            "scope": by.scope.words(),
            "company": {"domains": list(company.domains), "enforcement": step, "time_zone": here.settings.coverage.time_zone},
            "undo_seconds": undo_seconds,
            "preferences": chosen,
            "substitutes_for": list(by.stands_in_for),
            "recalls": here.settings.reaches_mailboxes,
            "previews": not (no_previews := why_no_previews(here.settings)),
            "no_previews": no_previews,
            "measures": here.settings.reports.staff != "none",
            "looks_after_outgoing": access.looks_after_outgoing(by),
            "verbs": access.verbs_of(by),
            "last_sign_in": signed_in.before,
            "provider": identity_providers.find_provider(here.settings.identity.providers, signed_in.provider),
            "grants": sorted(by.grants) if by.grants is not None else None,
        }
    )
