"""Routes to add, use and remove passkeys: alone at the sign-in, or as one's own second factor."""

from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from sqlmodel import Session

from triage.access import sign_in_steps, staff_login
from triage.access.second_factor import factor_policy, passkeys
from triage.errors import NotAllowed, NotFound
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import NotSignedIn, describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff, session_holder
from triage_api.http.sign_in_log import place_of
from triage_api.http.transaction import Tx
from triage_api.routes.access.session import OVER, me_of, session_key, set_session_cookie, take_browser
from triage_api.schemas.access import second_factor as schemas
from triage_api.schemas.access.session import Me
from triage_api.schemas.fields import Word

PASSKEY_STEP = "passkey"  # kind of a step
WRONG_PASSKEY = say(
    "This passkey signs nobody in: it was removed here, or the account is closed or comes from an identity provider. Choose another way."
)

router = resource_router("session")


@router.post("/second-factors/passkeys/options", response_model=schemas.PasskeyOptions, responses=describe_refusals(401, 403, 422))
def begin_own_passkey(request: Request, session: Tx, here: Here, by: Staff) -> schemas.PasskeyOptions:
    """Options for the browser to make a passkey for your account."""
    member = factor_policy.require_proof_to_change(session, by)
    challenge, options = passkeys.offer_passkey(session, passkeys.relying_party_of(here.site_of(request)), member)
    return begin_passkey_step(session, member.login, challenge, options)


@router.post(
    "/second-factors/passkeys", status_code=201, response_model=schemas.PasskeyShown, responses=describe_refusals(401, 403, 404, 422)
)
def keep_own_passkey(order: schemas.PasskeyOrder, request: Request, session: Tx, here: Here, by: Staff) -> schemas.PasskeyShown:
    """Keep a passkey that the browser has made."""
    login = factor_policy.require_proof_to_change(session, by).login
    challenge = take_challenge(session, order.ticket, login)
    party = passkeys.relying_party_of(here.site_of(request))
    kept = passkeys.store_passkey(session, party, challenge, login, order.passkey, order.name, by=by, now=utcnow())
    factor_policy.record_proof(session, session_key(request, here), now=utcnow())
    return schemas.PasskeyShown.model_validate(kept)


@router.delete("/second-factors/passkeys/{credential_id}", status_code=204, responses=describe_refusals(401, 403, 422))
def remove_own_passkey(credential_id: Word, session: Tx, by: Staff) -> None:
    """Remove one of your passkeys."""
    login = factor_policy.require_proof_to_change(session, by).login
    passkeys.remove_passkey(session, login, credential_id, by=by, now=utcnow())


@router.post("/second-factors/proof/options", response_model=schemas.PasskeyOptions, responses=describe_refusals(401, 403, 422))
def ask_for_own_passkey(request: Request, session: Tx, here: Here, by: Staff) -> schemas.PasskeyOptions:
    """Options for the browser to ask for your passkey again."""
    challenge, options = passkeys.ask_for_passkey(session, passkeys.relying_party_of(here.site_of(request)), by.name)
    return begin_passkey_step(session, by.name, challenge, options)


def begin_passkey_step(session: Session, login: str, challenge: str, options: dict[str, Any], client: str = "") -> schemas.PasskeyOptions:
    """Keep a challenge until the browser has answered it."""
    ticket = sign_in_steps.begin_step(session, PASSKEY_STEP, now=utcnow(), login=login, client=client, about={"challenge": challenge})
    return schemas.PasskeyOptions(ticket=ticket, options=options)


def take_challenge(session: Session, ticket: str, login: str = "") -> str:
    """The challenge that a ticket names, which is answered once. NotFound when it is over, or another account's."""
    step = sign_in_steps.take_step(session, PASSKEY_STEP, ticket, now=utcnow())
    if step is None or step.login != login:
        raise NotFound(OVER)
    return str(step.about["challenge"])


@router.post("/session/passkey/options", response_model=schemas.PasskeyOptions, responses=describe_refusals(403, 422, 429))
def begin_passkey_sign_in(request: Request, here: Here) -> schemas.PasskeyOptions:
    """Options for the browser to sign in with a passkey alone; the person chooses the account."""
    require_way(here)
    with db.transaction(here.engine) as session:
        sign_in_steps.refuse_flood(session, place_of(request), now=utcnow())
        challenge, options = passkeys.ask_for_passkey(session, passkeys.relying_party_of(here.site_of(request)))
        return begin_passkey_step(session, "", challenge, options, place_of(request))


@router.post("/session/passkey", status_code=201, response_model=Me, responses=describe_refusals(401, 403, 404, 413, 422))
def sign_in_with_passkey(given: schemas.PasskeySignIn, request: Request, response: Response, here: Here) -> Me:
    """Sign in with a passkey, which proves two factors: the device, and the person to the device. The answer sets the session cookie."""
    require_way(here)
    lasts, client = timedelta(hours=here.settings.api.session_hours), place_of(request)
    with db.transaction(here.engine) as session:
        challenge = take_challenge(session, given.ticket)
        party = passkeys.relying_party_of(here.site_of(request))
        login = passkeys.accept_passkey(session, party, challenge, given.passkey, now=utcnow())
        opened = passkeys.open_session(session, login, client, lasts=lasts, now=utcnow()) if login else None
        if opened is None:
            subject = staff_login.subject_of(session, login, employee=False)
            staff_login.record_refusal(session, subject, client, now=utcnow(), why="passkey")
        else:
            take_browser(session, request, here, opened[1])
    signed_in = session_holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        sign_in_log.log_failure(client, login or sign_in_log.UNKNOWN, "wrong passkey")
        raise NotSignedIn(WRONG_PASSKEY)
    set_session_cookie(response, here, opened[1])
    return me_of(signed_in, here)


def require_way(here: Office) -> None:
    """NotAllowed where nobody signs in with a passkey alone."""
    if "passkey" not in here.settings.api.sign_in:
        raise NotAllowed(say("nobody signs in here with a passkey alone; choose another way on the sign-in page"))
