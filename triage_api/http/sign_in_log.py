"""Sign-ins that failed, in the log: client and account. fail2ban reads these lines (deploy/fail2ban), so the address comes first."""

import logging
from typing import Any

from starlette.requests import HTTPConnection

from triage.access import staff_login
from triage.access.staff_login import TooManyFailures, Try
from triage.say import say
from triage.store import db
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_api.http.dependencies import Office
from triage_api.http.problems import NotSignedIn

WRONG = say("Name or password is wrong.")
WRONG_FACTOR = say("This second factor is wrong, or was used already. Wait for the app's next code, or use another one.")
UNKNOWN = "(unknown)"  # nobody has the name, so it may be a password

log = logging.getLogger(__name__)


def begin_attempt(here: Office, login: str, connection: HTTPConnection, **more: Any) -> Try:
    """Note an attempt, as `staff_login.begin_attempt`."""
    try:
        with db.transaction(here.engine) as session:
            return staff_login.begin_attempt(session, login, place_of(connection), now=utcnow(), **more)
    except TooManyFailures:
        log_failure(place_of(connection), UNKNOWN, "too many failed sign-ins")
        raise


def refuse_attempt(here: Office, attempt: Try) -> NotSignedIn:
    """Puts a wrong password in the audit log; returns the answer for the client."""
    with db.transaction(here.engine) as session:
        staff_login.record_failure(session, attempt, now=utcnow())
    log_failure(attempt.client, attempt.login if ":" in attempt.subject else UNKNOWN, "wrong name or password")
    return NotSignedIn(WRONG)


def refuse_factor(here: Office, attempt: Try) -> NotSignedIn:
    """Puts a wrong second factor in the audit log; returns the answer for the client."""
    with db.transaction(here.engine) as session:
        staff_login.record_failure(session, attempt, now=utcnow(), why="second factor")
    log_failure(attempt.client, attempt.login, "wrong second factor")
    return NotSignedIn(WRONG_FACTOR)


def log_failure(client: str, account: str, why: str) -> None:
    """Logs a failed sign-in."""
    log.warning(
        "sign-in failed from %(client)s as %(account)s: %(why)s", {"client": client, "account": escape_visible(account), "why": why}
    )


def place_of(connection: HTTPConnection) -> str:
    """The address that a request came from."""
    return connection.client.host if connection.client else ""
