"""Signing in and out, and who is asking: the cookie, read again at each request."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from triage.access import preferences, staff_login
from triage.access.accounts import PROXY
from triage.access.second_factor import factor_policy
from triage.access.webmail.webmail_links import PREFIX
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowed
from triage.quarantine import coverage
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.bearer_auth import authenticate_bearer, bearer_holder as token_holder, key_of
from triage_api.http.dependencies import Here, Office, office_of
from triage_api.http.local_caller import caller_of
from triage_api.http.problems import NotSignedIn
from triage_api.http.sign_in_log import place_of
from triage_api.http.token_scopes import WEBMAIL
from triage_api.http.trusted_header import find_named_login
from triage_api.http.webmail_auth import authenticate_webmail

SIGNED_IN = "signed_in"  # in the request's state: the caller has signed in
BACKGROUND = "x-mailroom-background"  # header of requests that no person caused: they do not count against the idle lock


BAD_TOKEN = say("This token is unknown, expired or revoked, or the person who created it may no longer do this.")


def authenticate_watcher(connection: HTTPConnection) -> staff_login.SignedIn:
    """Returns the caller without keeping the session awake; NotSignedIn when there is none. Removal and idleness count at once.

    A request with a token belongs to the token, whatever cookie it carries; a command's belongs to the user whom the kernel has named.
    """
    if caller := caller_of(connection.scope):
        return staff_login.SignedIn(caller.actor, unseen=False)
    here = office_of(connection)
    signed_in: staff_login.SignedIn | None
    if (key := key_of(connection)) is not None and key.startswith(PREFIX):
        signed_in = linked_staff(here, connection, key)
    elif key is not None:
        found = authenticate_bearer(here, connection, key)
        signed_in = staff_login.SignedIn(found.actor, unseen=False) if found else None
    else:
        signed_in = browser_holder(here, connection)
    if signed_in is None:
        if key:
            sign_in_log.log_failure(place_of(connection), "(token)", "unknown or revoked token")
        raise NotSignedIn(BAD_TOKEN if key is not None else "")
    setattr(connection.state, SIGNED_IN, True)
    return signed_in


def linked_staff(here: Office, connection: HTTPConnection, key: str) -> staff_login.SignedIn:
    """The member of staff whose webmail asks. NotAllowed where the link is an employee's, who sees their own messages only."""
    found = authenticate_webmail(here, connection, key, WEBMAIL).staff
    if found is None:
        raise NotAllowed(say("this link is for an employee's own messages"))
    return staff_login.SignedIn(found, unseen=False)


def is_still_signed_in(connection: HTTPConnection) -> bool:
    """Whether the person who opened this connection is still signed in."""
    here = office_of(connection)
    if (key := key_of(connection)) is not None:
        return token_holder(here, key) is not None
    return browser_holder(here, connection) is not None


Watcher = Annotated[staff_login.SignedIn, Depends(authenticate_watcher)]


def authenticate_staff(connection: HTTPConnection, signed_in: Watcher) -> Actor:
    """The member of staff, or the token, that asks. The session stays awake, unless the console asks by itself and says so."""
    if signed_in.unseen and BACKGROUND not in connection.headers:
        here = office_of(connection)
        db.try_transaction(
            here.engine, lambda session: staff_login.touch_session(session, connection.cookies[here.cookie_name], now=utcnow())
        )
    return signed_in.actor if caller_of(connection.scope) else replace(signed_in.actor, place=place_of(connection))


def browser_holder(here: Office, connection: HTTPConnection) -> staff_login.SignedIn | None:
    """Returns the holder of this browser's session; None once the proxy that signed them in names somebody else."""
    found = session_holder(here, connection.cookies.get(here.cookie_name, ""))
    if found and found.method == PROXY and find_named_login(connection, here.settings.api) != found.actor.name:
        return None
    return found


def session_holder(here: Office, key: str) -> staff_login.SignedIn | None:
    """Returns the holder of this session key; None when it is no longer valid."""
    if not key:
        return None
    lasts, idle = timedelta(hours=here.settings.api.session_hours), timedelta(minutes=here.settings.api.idle_lock_minutes)
    with db.read_transaction(here.engine) as session:
        now = utcnow()
        signed_in = staff_login.resume_session(session, key, lasts=lasts, idle=idle, now=now)
        if signed_in is None:
            return None
        actor = coverage.with_night_duty(session, signed_in.actor, here.settings.coverage, now)
        again = timedelta(minutes=here.settings.api.step_up_minutes)
        required = here.settings.api.require_second_factor
        due = factor_policy.is_proof_due(signed_in, required, again, now)
        return replace(signed_in, actor=replace(actor, factor_due=due))


Staff = Annotated[Actor, Depends(authenticate_staff)]


def personal_settings(here: Here, by: Staff) -> Settings:
    """The settings with the caller's own choices, such as how long a release waits."""
    with db.read_transaction(here.engine) as session:
        return preferences.settings_of(session, here.settings, by=by)


OwnSettings = Annotated[Settings, Depends(personal_settings)]
