"""Routes to lock one's session, to set a PIN for this browser, and to open a locked session with it."""

import secrets
from datetime import timedelta

from fastapi import Request, Response

from triage.access import browser_pins
from triage.access.accounts import PROXY
from triage.access.browser_pins import PinLimits
from triage.access.second_factor import factor_policy
from triage.access.staff_login import SignedIn
from triage.addressing.networks import is_within, parse_networks
from triage.errors import NotAllowed
from triage.quarantine import presence
from triage.say import say, say_count
from triage.store import db
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.client_address import is_hidden
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import NotSignedIn, describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff, Watcher, session_holder
from triage_api.http.sign_in_log import place_of
from triage_api.http.transaction import Read, Tx
from triage_api.routes.access.session import BROWSER_COOKIE, browser_secret, me_of, session_key, set_session_cookie
from triage_api.schemas.access import session as schemas

ELSEWHERE = say("no PIN works here: this address is not in the networks for PINs")
HIDDEN = say("no PIN works here: a proxy hides your address; an administrator can change that")
AT_PROXY = say("a proxy has signed you in: a PIN would open your session after you have signed out there")
NOTHING = say("no PIN opens a session here any more; sign in")
SIGN_IN_FIRST = say("this session was opened with a PIN: sign in to set another one")
TOO_LATE = say("your sign-in is too long ago: sign out and in to set a PIN")
USED_UP = say("This PIN was wrong too often and is removed. Sign in; then you can set a new one.")
LASTS = 400 * 24 * 3600  # seconds; browsers keep no cookie longer

router = resource_router("session", "/session")


def pin_limits(here: Office) -> PinLimits:
    """For how long a PIN counts."""
    return PinLimits(timedelta(hours=here.settings.api.session_hours), timedelta(minutes=here.settings.api.pin_minutes))


def refuse_place(here: Office, request: Request) -> str:
    """Returns the reason why a PIN is not accepted from this request's network; "" where it is."""
    if not is_within(place_of(request), parse_networks("api.pin_networks", here.settings.api.pin_networks)):
        return ELSEWHERE
    return HIDDEN if is_hidden(request, here.settings.api) else ""


@router.post("/lock", status_code=204, responses=describe_refusals(401, 403))
def lock_session(request: Request, session: Tx, here: Here, by: Staff) -> None:
    """Lock your session: its cookie opens nothing until you sign in again, or give your PIN."""
    presence.leave_console(session, by=by)
    browser_pins.lock_session(session, session_key(request, here))


@router.get("/pin", response_model=schemas.OwnPin, responses=describe_refusals(401, 403))
def get_own_pin(request: Request, session: Read, here: Here, by: Staff, signed_in: Watcher) -> schemas.OwnPin:
    """Whether you have a PIN in this browser, and whether you can set one."""
    refused = why_no_pin(here, request, signed_in)
    is_set = browser_pins.has_pin(session, by.name, browser_secret(request, here))
    return schemas.OwnPin(is_set=is_set, refused=refused or None, minutes=here.settings.api.pin_minutes)


@router.put("/pin", status_code=204, responses=describe_refusals(401, 403, 422))
def set_own_pin(given: schemas.Pin, request: Request, response: Response, here: Here, by: Staff, signed_in: Watcher) -> None:
    """Set your PIN for this browser. It opens your locked session here, at most `api.pin_minutes` after your last act."""
    if refused := why_no_pin(here, request, signed_in):
        raise NotAllowed(refused)
    with db.read_transaction(here.engine) as session:
        sent = browser_secret(request, here)
        browser = sent if browser_pins.knows_browser(session, sent) else secrets.token_urlsafe(32)
        factor_policy.require_proof_to_change(session, by)
    pin_hash = browser_pins.hash_pin(browser, given.pin)
    with db.transaction(here.engine) as session:
        browser_pins.store_pin(session, session_key(request, here), browser, pin_hash, by=by, now=utcnow())
    set_browser_cookie(response, here, browser)


def why_no_pin(here: Office, request: Request, signed_in: SignedIn) -> str:
    """Returns the reason why this session cannot set a PIN; "" where it can."""
    if refused := refuse_place(here, request):
        return refused
    if signed_in.method == PROXY:
        return AT_PROXY
    if signed_in.method == browser_pins.PIN:
        return SIGN_IN_FIRST
    lately = timedelta(minutes=here.settings.api.step_up_minutes)
    is_old = signed_in.started_at is not None and utcnow() - signed_in.started_at >= lately
    return TOO_LATE if is_old and not signed_in.has_factor else ""  # somebody who finds a browser open should not keep it


@router.delete("/pin", status_code=204, responses=describe_refusals(401, 403))
def remove_own_pin(request: Request, session: Tx, here: Here, by: Staff) -> None:
    """Remove your PIN in this browser."""
    browser_pins.remove_pin(session, by.name, browser_secret(request, here), by=by, now=utcnow())


@router.post("/unlock", status_code=201, response_model=schemas.Me, responses=describe_refusals(401, 403, 413, 422, 503))
def unlock_session(given: schemas.PinGiven, request: Request, response: Response, here: Here) -> schemas.Me:
    """Unlock a session of this browser with its PIN; the answer sets the session cookie. After six wrong PINs only a sign-in unlocks it."""
    client, browser = place_of(request), browser_secret(request, here)
    if refused := refuse_place(here, request):
        raise NotAllowed(refused)
    limits = pin_limits(here)
    with db.transaction(here.engine) as session:
        attempt = browser_pins.begin_try(session, browser, given.login, limits, now=utcnow())
    if attempt is None:
        raise NotAllowed(NOTHING)
    if not browser_pins.verify_pin(attempt, browser, given.pin):
        with db.transaction(here.engine) as session:
            left = browser_pins.refuse_try(session, attempt, browser, client, now=utcnow())
        sign_in_log.log_failure(client, attempt.login, "wrong PIN")
        raise NotSignedIn(wrong_pin(left))
    with db.transaction(here.engine) as session:
        key = browser_pins.open_again(session, attempt, browser, client, session_key(request, here), limits, now=utcnow())
    signed_in = session_holder(here, key) if key else None
    if key is None or signed_in is None:
        raise NotAllowed(NOTHING)
    set_session_cookie(response, here, key)
    set_browser_cookie(response, here, browser)
    return me_of(signed_in, here)


def wrong_pin(left: int) -> str:
    """Builds the answer to a wrong PIN."""
    if left <= 0:
        return USED_UP
    return say_count("This PIN is wrong. {count} try is left.", "This PIN is wrong. {count} tries are left.", count=left)


def set_browser_cookie(response: Response, here: Office, browser: str) -> None:
    """Let the browser keep its secret."""
    # lax: it comes along when an identity provider sends somebody back, and opens nothing by itself
    name = here.cookie_name + BROWSER_COOKIE
    response.set_cookie(name, browser, LASTS, path="/", secure=here.secure, httponly=True, samesite="lax")
