"""Routes to sign in at an identity provider (OpenID Connect), to sign out there, and for its own word that a session is over."""

import hmac
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Body, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from triage.access import break_glass, browser_pins, external_accounts, sign_in_steps, staff_login
from triage.access.external_accounts import Proof
from triage.access.second_factor import factor_policy, passkeys
from triage.access.sessions import hash_session_key
from triage.access.staff_login import How
from triage.config.identity_providers import Provider, find_provider
from triage.errors import BadInput, NotAllowed, NotFound, Unanswered, Untrusted
from triage.quarantine import presence
from triage.quarantine.teamwork import snoozes
from triage.runtime import identity_socket
from triage.say import error_sentence, form_of, load_sentence, quote_text, say
from triage.store import db
from triage.store.models.sign_in import SignInStep
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff, Watcher
from triage_api.http.sign_in_log import place_of
from triage_api.http.token_scopes import API
from triage_api.http.trusted_header import find_named_login
from triage_api.routes.access.pins import pin_limits, refuse_place
from triage_api.routes.access.session import (
    begin_factor_step,
    browser_secret,
    forget_cookie,
    set_factor_cookie,
    set_session_cookie,
    take_browser,
)
from triage_api.schemas.access import providers as schemas
from triage_api.schemas.access.session import PinHolder, ProviderShown

COOKIE = "-oidc"  # what the name of the session cookie has more
HINT_COOKIE = "-hint"
LONGEST_HINT = 3500  # characters: browsers drop a cookie of more than 4096 bytes
UNDER_WAY, REFUSED = "oidc", "refused"  # kinds of steps
OUTCOME = "/#sign-in="  # where the console finds what became of a sign-in: a fragment is in no log
FACTOR_ASKED = "/#second-factor"  # where the console asks for one
NO_STEP = "over"  # in place of a key: no step was under way
ERROR = re.compile(r"[a-z_]{1,40}")  # names of errors that go in the audit log (RFC 6749, 4.1.2.1)
OIDC = "oidc"
OVER = say("this sign-in has expired, or was begun in another browser; sign in again")
Name = Annotated[str, Path(pattern="^[a-z0-9-]{1,31}$", description="as the settings name it")]
Given = Annotated[str, Query(max_length=8192)]

router = resource_router("session", "/session")
log = logging.getLogger(__name__)


@router.get("/ways", response_model=schemas.SignInWays)
def list_sign_in_ways(request: Request, here: Here) -> schemas.SignInWays:
    """Ways for staff to sign in: with a password, a passkey, at a provider."""
    ways = here.settings.api.sign_in
    with db.read_transaction(here.engine) as session:
        has_code = break_glass.has_printed_code(session)
        browser = "" if refuse_place(here, request) else browser_secret(request, here)
        holders = browser_pins.list_holders(session, browser, pin_limits(here), now=utcnow())
    return schemas.SignInWays(
        break_glass=has_code,
        passkey="passkey" in ways and passkeys.why_none(here.site_of(request)) is None,
        password="directory" in ways or "local" in ways,
        proxy=find_named_login(request, here.settings.api),
        pins=[PinHolder.model_validate(one) for one in holders],
        providers=[ProviderShown.model_validate(one) for one in here.settings.identity.providers] if OIDC in ways else [],
    )


@router.post("/providers/{name}", response_model=schemas.Elsewhere, responses=describe_refusals(403, 404, 422, 429, 503))
def begin_provider_sign_in(
    name: Name, given: schemas.ProviderSignIn, request: Request, response: Response, here: Here
) -> schemas.Elsewhere:
    """Begin to sign in at a provider: the answer says where the browser goes, and sets a cookie that lasts ten minutes."""
    provider = provider_of(here, name)
    idle = timedelta(minutes=here.settings.api.idle_lock_minutes)
    with db.transaction(here.engine) as session:
        sign_in_steps.refuse_flood(session, place_of(request), now=utcnow())
        is_fresh = given.fresh or staff_login.is_idle(session, request.cookies.get(here.cookie_name, ""), idle=idle, now=utcnow())
    url, key = begin_at(here, provider, place_of(request), console_path(given.return_to), is_fresh=is_fresh)
    set_step_cookie(response, here, key)
    return schemas.Elsewhere(url=url)


def begin_at(here: Office, provider: Provider, client: str, return_to: str, *, is_fresh: bool) -> tuple[str, str]:
    """Begin a sign-in: the provider's address for the browser, and the key of the step. `is_fresh`: the provider asks who it is again."""
    redirect_uri = callback_of(here, provider)
    asked = answer_of(here, provider, {"want": "begin", "redirect_uri": redirect_uri, "is_fresh": is_fresh})
    about = {
        "provider": provider.name,
        "state_sha256": hash_session_key(asked["state"]),
        "nonce": asked["nonce"],
        "verifier": asked["verifier"],
        "redirect_uri": redirect_uri,
        "is_fresh": is_fresh,
        "return_to": return_to,
    }
    with db.transaction(here.engine) as session:
        return asked["url"], sign_in_steps.begin_step(session, UNDER_WAY, now=utcnow(), client=client, about=about)


def set_step_cookie(response: Response, here: Office, key: str) -> None:
    """Give the browser the key of its sign-in, to bring back from the provider."""
    # the provider's answer comes from another site: a strict cookie would not come with it
    lasts = int(sign_in_steps.LASTS.total_seconds())
    response.set_cookie(here.cookie_name + COOKIE, key, lasts, path="/", secure=here.secure, httponly=True, samesite="lax")


@router.get("/providers/{name}/callback", status_code=303, response_class=RedirectResponse, responses=describe_refusals(404, 422))
def finish_provider_sign_in(
    name: Name, request: Request, here: Here, code: Given = "", state: Given = "", iss: Given | None = None, error: Given = ""
) -> Response:
    """Redirect target of a provider: opens the console, or the sign-in page with the reason."""
    provider = provider_of(here, name)
    key, client = request.cookies.get(here.cookie_name + COOKIE, ""), place_of(request)
    with db.transaction(here.engine) as session:
        step = sign_in_steps.take_step(session, UNDER_WAY, key, now=utcnow())
    if step is None or step.about["provider"] != name or not hmac.compare_digest(step.about["state_sha256"], hash_session_key(state)):
        response = RedirectResponse(OUTCOME + NO_STEP, 303)  # anybody can come here: nothing is written
        forget_step(response, here)
        return response
    if error or not code:
        sentence = say("{title} did not sign you in; try again, or ask its administrators", title=provider.title)
        return refuse_sign_in(here, sentence, client, provider, why=error if ERROR.fullmatch(error) else "")
    try:
        proof = proof_of(here, provider, step, code, iss)
        return enter_account(here, provider, proof, step, request)
    except (Unanswered, BadInput, NotAllowed) as fault:
        return refuse_sign_in(here, error_sentence(fault), client, provider)


def proof_of(here: Office, provider: Provider, step: SignInStep, code: str, iss: str | None) -> Proof:
    """Returns the identity that the provider has confirmed. BadInput when its answer fails a check."""
    kept = {name: step.about[name] for name in ("nonce", "verifier", "redirect_uri", "is_fresh")}
    found = answer_of(here, provider, {"want": "finish", "code": code, "iss": iss} | kept)
    return Proof(**{**found, "groups": frozenset(found["groups"])})


def enter_account(here: Office, provider: Provider, proof: Proof, step: SignInStep, request: Request) -> Response:
    """Open a session for the account of this identity."""
    client = place_of(request)
    how = How(OIDC, provider.name, proof.sid, proof.has_factor)
    idle = timedelta(minutes=here.settings.api.idle_lock_minutes)
    lasts, required = timedelta(hours=here.settings.api.session_hours), here.settings.api.require_second_factor
    with db.transaction(here.engine) as session:
        admission = external_accounts.admit_identity(session, provider, proof, now=utcnow())
        is_left = not admission.refusal and staff_login.end_idle_sessions(
            session, admission.login, client, idle=idle, now=utcnow(), only_look=not step.about["is_fresh"]
        )
    if is_left and not step.about["is_fresh"]:  # the person at this browser may have deleted the cookie of the locked session
        return sent_back(here, provider, step, client)
    with db.transaction(here.engine) as session:
        if not (admission.refusal or proof.has_factor) and factor_policy.is_asked(session, admission.login, required):
            return redirect_to_second_factor(
                here, begin_factor_step(session, admission.login, how, client, step.about["return_to"])[1], proof
            )
        opened = None if admission.refusal else staff_login.start_session(session, admission.login, client, how, lasts=lasts, now=utcnow())
        if opened:
            take_browser(session, request, here, opened[1])
    if opened is None:
        return refuse_sign_in(here, admission.refusal or OVER, client, provider, subject=f"{staff_login.STAFF}:{admission.login}")
    response = RedirectResponse(step.about["return_to"], 303)
    set_session_cookie(response, here, opened[1])
    set_hint_cookie(response, here, proof)
    forget_step(response, here)
    return response


def sent_back(here: Office, provider: Provider, step: SignInStep, client: str) -> Response:
    """To the provider once more, which then asks who it is."""
    url, key = begin_at(here, provider, client, step.about["return_to"], is_fresh=True)
    response = RedirectResponse(url, 303)
    set_step_cookie(response, here, key)
    return response


def redirect_to_second_factor(here: Office, key: str, proof: Proof) -> Response:
    """Back to the sign-in page, which asks for the second factor."""
    response = RedirectResponse(FACTOR_ASKED, 303)
    set_hint_cookie(response, here, proof)
    forget_step(response, here)
    set_factor_cookie(response, here, key)
    return response


def set_hint_cookie(response: Response, here: Office, proof: Proof) -> None:
    """Give the browser the ID token of its last sign-in at a provider, with which it signs out there."""
    if len(proof.id_token) <= LONGEST_HINT:
        response.set_cookie(here.cookie_name + HINT_COOKIE, proof.id_token, path="/", secure=here.secure, httponly=True, samesite="strict")
    else:
        forget_hint(response, here)


def forget_hint(response: Response, here: Office) -> None:
    """The browser has signed out there, or its ID token is too long."""
    response.delete_cookie(here.cookie_name + HINT_COOKIE, path="/", secure=here.secure, httponly=True, samesite="strict")


def refuse_sign_in(
    here: Office, sentence: str, client: str, provider: Provider, *, why: str = "", subject: str = staff_login.STAFF
) -> Response:
    """Back to the sign-in page, which asks by the key why nobody is signed in; in the audit log."""
    about = {"text": sentence, "form": form_of(sentence)}
    with db.transaction(here.engine) as session:
        key = sign_in_steps.begin_step(session, REFUSED, now=utcnow(), client=client, about=about)
        staff_login.record_refusal(session, subject, client, now=utcnow(), provider=provider.name, why=why or sentence)
    response = RedirectResponse(OUTCOME + key, 303)
    forget_step(response, here)
    return response


@router.get("/outcome", response_model=schemas.SignInOutcome, responses=describe_refusals(404, 422))
def get_sign_in_outcome(here: Here, key: Given) -> schemas.SignInOutcome:
    """Reason why a sign-in at a provider was refused, by the key that the browser got; for ten minutes."""
    if key == NO_STEP:
        return schemas.SignInOutcome(refused=OVER)
    with db.read_transaction(here.engine) as session:
        step = sign_in_steps.peek_step(session, REFUSED, key, now=utcnow())
    if step is None:
        raise NotFound(OVER)
    return schemas.SignInOutcome(refused=load_sentence(step.about["text"], step.about["form"]))


@router.post("/provider-logout", response_model=schemas.Elsewhere, responses=describe_refusals(401, 403, 404))
def sign_out_at_provider(request: Request, response: Response, here: Here, by: Staff, signed_in: Watcher) -> schemas.Elsewhere:
    """Sign out here; the answer says where the browser signs out at the provider, "/" where it cannot."""
    provider = provider_of(here, signed_in.provider)
    with db.transaction(here.engine) as session:
        presence.leave_console(session, by=by)
        snoozes.end_snoozes(session, by=by)
        staff_login.sign_out(session, request.cookies[here.cookie_name], now=utcnow())
    forget_cookie(response, here)
    forget_hint(response, here)
    asked = {"want": "logout", "back_to": f"{here.public_origin}/", "hint": request.cookies.get(here.cookie_name + HINT_COOKIE, "")}
    try:
        return schemas.Elsewhere(url=answer_of(here, provider, asked) or "/")
    except (Unanswered, BadInput):
        return schemas.Elsewhere(url="/")


@router.post("/providers/{name}/back-channel-logout", responses=describe_refusals(404, 422, 503))
def end_provider_sessions(name: Name, here: Here, form: Annotated[bytes, Body(media_type="application/x-www-form-urlencoded")]) -> Response:
    """End sessions for a provider (OpenID Connect Back-Channel Logout 1.0): its signed token says whose."""
    provider = provider_of(here, name)
    token = parse_qs(form.decode("ascii", "replace"), max_num_fields=10).get("logout_token", [""])[0]
    claims = answer_of(here, provider, {"want": "back-channel", "token": token})
    before = datetime.fromtimestamp(claims["iat"] + here.settings.identity.clock_skew, UTC)
    with db.transaction(here.engine) as session:
        ended = external_accounts.end_provider_sessions(
            session, provider, str(claims.get("sub") or ""), str(claims.get("sid") or ""), begun_before=before, now=utcnow()
        )
    log.info("%s ended %d sessions", provider.name, ended)
    return Response(status_code=200)


def provider_of(here: Office, name: str) -> Provider:
    """A provider of the settings at which staff sign in; NotFound when there is none."""
    provider = find_provider(here.settings.identity.providers, name) if OIDC in here.settings.api.sign_in else None
    if provider is None:
        raise NotFound(say("nobody signs in at {name} here", name=quote_text(name)))
    return provider


def answer_of(here: Office, provider: Provider, question: dict[str, Any]) -> Any:
    """Asks the identity role. Unanswered when the provider is down, BadInput when its answer fails a check; both with a sentence."""
    try:
        return identity_socket.ask_identity(
            here.settings.spool.directory, {"provider": provider.name} | question, here.settings.identity.timeout
        )
    except Unanswered as fault:
        raise Unanswered(say("{title} does not answer; sign in another way, or try again in a moment", title=provider.title)) from fault
    except Untrusted as fault:
        raise BadInput(
            say("the answer of {title} is invalid: {fault}; tell your administrator", title=provider.title, fault=fault)
        ) from fault


def callback_of(here: Office, provider: Provider) -> str:
    """Returns the URL to which the provider redirects browsers."""
    return f"{here.public_origin}{API}/session/providers/{provider.name}/callback"


def console_path(path: str) -> str:
    """A path of the console; the queue for whatever could lead elsewhere."""
    harmless = path.startswith("/") and not path.startswith(("//", "/api/")) and "\\" not in path and path.isascii() and path.isprintable()
    return path if harmless else "/"


def forget_step(response: Response, here: Office) -> None:
    """The browser needs the key of the step no more."""
    response.delete_cookie(here.cookie_name + COOKIE, path="/", secure=here.secure, httponly=True, samesite="lax")
