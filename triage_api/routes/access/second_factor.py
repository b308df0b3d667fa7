"""Routes to give a second factor while signing in and again later, and to set up and remove one's own."""

from datetime import timedelta

import segno
from fastapi import Request, Response
from sqlmodel import Session

from triage.access import sign_in_steps, staff_login
from triage.access.second_factor import authenticator_app, factor_policy, passkeys, recovery_codes
from triage.access.staff_login import How
from triage.actor import Actor
from triage.errors import NotAllowed, NotFound
from triage.say import say
from triage.store import db
from triage.store.models.sign_in import SignInStep
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.dependencies import Here, Office
from triage_api.http.idempotency import mark_secret
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff, session_holder
from triage_api.http.transaction import Read, Tx
from triage_api.routes.access.passkeys import take_challenge
from triage_api.routes.access.session import (
    FACTOR_COOKIE,
    FACTOR_STEP,
    OVER,
    asked_factor,
    me_of,
    session_key,
    set_session_cookie,
    take_browser,
)
from triage_api.schemas.access import second_factor as schemas
from triage_api.schemas.access.session import Me

APP_STEP = "authenticator-app"  # kind of a step

router = resource_router("session")


@router.get("/session/second-factor", response_model=schemas.FactorAsked, responses=describe_refusals(404))
def get_asked_factor(request: Request, here: Here) -> schemas.FactorAsked:
    """Second factors that finish the sign-in of this browser."""
    with db.read_transaction(here.engine) as session:
        step = step_of_sign_in(session, request, here)
        return asked_factor(session, step.login, step.about["return_to"])


@router.post("/session/second-factor/app", response_model=schemas.NewApp, responses=describe_refusals(403, 404))
def set_up_app_at_sign_in(request: Request, here: Here) -> schemas.NewApp:
    """Begin to set up an authenticator app, for an account that has no second factor and must have one. Its first code signs in."""
    with db.transaction(here.engine) as session:
        step = step_of_sign_in(session, request, here)
        if factor_policy.has_factor(session, step.login):
            raise NotAllowed(say("this account has a second factor already: give it to sign in"))
        secret = step.about.get("secret") or authenticator_app.make_secret()
        step.about = step.about | {"secret": secret}
        return shown_app("", step.login, secret)


@router.post("/session/second-factor/passkey", response_model=schemas.PasskeyOptions, responses=describe_refusals(403, 404, 422))
def ask_for_passkey_at_sign_in(request: Request, here: Here) -> schemas.PasskeyOptions:
    """Options for the browser to finish its sign-in with a passkey."""
    with db.transaction(here.engine) as session:
        step = step_of_sign_in(session, request, here)
        challenge, options = passkeys.ask_for_passkey(session, passkeys.relying_party_of(here.site_of(request)), step.login)
        step.about = step.about | {"challenge": challenge}
        return schemas.PasskeyOptions(ticket="", options=options)


@router.post("/session/second-factor", status_code=201, response_model=Me, responses=describe_refusals(401, 403, 404, 413, 422, 429, 503))
def finish_sign_in(given: schemas.FactorGiven, request: Request, response: Response, here: Here) -> Me:
    """Finish a sign-in with a second factor; the answer sets the session cookie. Wrong ones count as failed sign-ins."""
    with db.read_transaction(here.engine) as session:
        login = step_of_sign_in(session, request, here).login
    attempt = sign_in_log.begin_attempt(here, login, request)
    lasts = timedelta(hours=here.settings.api.session_hours)
    opened = None
    with db.transaction(here.engine) as session:
        step = step_of_sign_in(session, request, here)
        if accept_at_sign_in(session, step, given, here.site_of(request)):
            how = How(step.about["method"], step.about["provider"], step.about["sid"], has_factor=True)
            sign_in_steps.take_step(session, FACTOR_STEP, factor_key(request, here), now=utcnow())
            opened = staff_login.open_session(session, attempt, lasts=lasts, now=utcnow(), how=how)
            if opened:
                take_browser(session, request, here, opened[1])
    signed_in = session_holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        raise sign_in_log.refuse_factor(here, attempt)
    set_session_cookie(response, here, opened[1])
    response.delete_cookie(here.cookie_name + FACTOR_COOKIE, path="/", secure=here.secure, httponly=True, samesite="strict")
    return me_of(signed_in, here)


def factor_key(request: Request, here: Office) -> str:
    """The key of the sign-in that this browser may finish; "" where there is none."""
    return request.cookies.get(here.cookie_name + FACTOR_COOKIE, "")


def step_of_sign_in(session: Session, request: Request, here: Office) -> SignInStep:
    """The sign-in of this browser that waits for a second factor. NotFound when there is none (any more)."""
    step = sign_in_steps.peek_step(session, FACTOR_STEP, factor_key(request, here), now=utcnow())
    if step is None:
        raise NotFound(OVER)
    return step


def accept_at_sign_in(session: Session, step: SignInStep, given: schemas.FactorGiven, site: str) -> bool:
    """Whether this proves the account. The first code of a newly offered app also sets it up."""
    secret = step.about.get("secret")
    if secret is None or factor_policy.has_factor(session, step.login):
        return accept_factor(session, step.login, given, step.about.get("challenge", ""), site)
    if not authenticator_app.find_period(secret, given.code, utcnow()):
        return False
    authenticator_app.store_app(session, step.login, secret, given.code, by=Actor.system("sign-in"), now=utcnow())
    return True


def accept_factor(session: Session, login: str, given: schemas.FactorGiven, challenge: str, site: str) -> bool:
    """Whether this is a second factor of the account. `challenge` is the one that a passkey had to answer, at this site."""
    if given.passkey is not None:
        party = passkeys.relying_party_of(site)
        return passkeys.accept_passkey(session, party, challenge, given.passkey, now=utcnow()) == login
    if given.recovery_code:
        return recovery_codes.accept_code(session, login, given.recovery_code, now=utcnow())
    return authenticator_app.accept_code(session, login, given.code, now=utcnow())


def shown_app(ticket: str, login: str, secret: str) -> schemas.NewApp:
    """A new app's secret, and its QR code."""
    uri = authenticator_app.provisioning_uri(login, secret)
    rows = ["".join(map(str, row)) for row in segno.make(uri, micro=False).matrix]
    return schemas.NewApp(ticket=ticket, secret=secret, uri=uri, rows=rows)


@router.get("/second-factors", response_model=schemas.OwnFactors, responses=describe_refusals(401, 403))
def list_own_factors(session: Read, request: Request, here: Here, by: Staff) -> schemas.OwnFactors:
    """Your own second factors."""
    found = factor_policy.find_factors(session, by.name)
    return schemas.OwnFactors(
        app=found.app,
        passkeys=[schemas.PasskeyShown.model_validate(one) for one in passkeys.list_passkeys(session, by.name)],
        no_passkeys=passkeys.why_none(here.site_of(request)),
        recovery_codes=found.recovery_codes,
        required=by.role in here.settings.api.require_second_factor,
    )


@router.post("/second-factors/app", response_model=schemas.NewApp, responses=describe_refusals(401, 403, 422))
def begin_own_app(session: Tx, by: Staff) -> schemas.NewApp:
    """Begin to set up an authenticator app. It replaces an earlier one after its first code."""
    member = factor_policy.require_proof_to_change(session, by)
    mark_secret(session)
    secret = authenticator_app.make_secret()
    ticket = sign_in_steps.begin_step(session, APP_STEP, now=utcnow(), login=member.login, about={"secret": secret})
    return shown_app(ticket, member.login, secret)


@router.put("/second-factors/app", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def keep_own_app(order: schemas.AppOrder, request: Request, session: Tx, here: Here, by: Staff) -> None:
    """Set up the app with its first code."""
    login = factor_policy.require_proof_to_change(session, by).login
    step = sign_in_steps.peek_step(session, APP_STEP, order.ticket, now=utcnow())
    if step is None or step.login != login:
        raise NotFound(OVER)
    authenticator_app.store_app(session, login, step.about["secret"], order.code, by=by, now=utcnow())
    sign_in_steps.take_step(session, APP_STEP, order.ticket, now=utcnow())
    factor_policy.record_proof(session, session_key(request, here), now=utcnow())


@router.delete("/second-factors/app", status_code=204, responses=describe_refusals(401, 403, 422))
def remove_own_app(session: Tx, by: Staff) -> None:
    """Remove your authenticator app."""
    login = factor_policy.require_proof_to_change(session, by).login
    authenticator_app.remove_app(session, login, by=by, now=utcnow())


@router.post("/second-factors/recovery-codes", response_model=schemas.RecoveryCodes, responses=describe_refusals(401, 403, 422))
def make_recovery_codes(session: Tx, by: Staff) -> schemas.RecoveryCodes:
    """Make ten new recovery codes, which replace earlier ones. They are shown once, and each works once."""
    login = factor_policy.require_proof_to_change(session, by).login
    mark_secret(session)
    return schemas.RecoveryCodes(codes=recovery_codes.make_codes(session, login, by=by, now=utcnow()))


@router.post("/second-factors/proof", status_code=204, responses=describe_refusals(401, 403, 404, 422, 429))
def prove_own_factor(given: schemas.FactorGiven, request: Request, here: Here, by: Staff) -> None:
    """Give your second factor again, for acts that ask for it (`api.step_up_minutes`)."""
    attempt = sign_in_log.begin_attempt(here, by.name, request)
    with db.transaction(here.engine) as session:
        challenge = take_challenge(session, given.ticket, by.name) if given.passkey is not None else ""
        is_right = accept_factor(session, by.name, given, challenge, here.site_of(request))
        if is_right:
            staff_login.forget_failures(session, attempt)
            factor_policy.record_proof(session, session_key(request, here), now=utcnow())
    if not is_right:
        raise NotAllowed(str(sign_in_log.refuse_factor(here, attempt)))
