"""The route to sign in as whom a proxy in front of the console names (oauth2-proxy, Authelia)."""

from datetime import timedelta

from fastapi import Request, Response

from triage.access import staff_login
from triage.access.accounts import PROVIDER, PROXY
from triage.access.second_factor import factor_policy
from triage.access.staff_login import How
from triage.errors import NotAllowed
from triage.say import say
from triage.store import db
from triage.store.models.staff import StaffMember
from triage.times import utcnow
from triage_api.http import sign_in_log
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import session_holder
from triage_api.http.sign_in_log import place_of
from triage_api.http.trusted_header import read_named_login
from triage_api.routes.access.session import ASKED, ask_for_factor, me_of, set_session_cookie, take_browser
from triage_api.schemas.access import session as schemas

router = resource_router("session", "/session")


@router.post("/proxy", status_code=201, response_model=schemas.Me, responses=ASKED | describe_refusals(401, 403, 413, 422))
def sign_in_by_proxy(request: Request, response: Response, here: Here) -> schemas.Me | Response:
    """Sign in as the person whom the proxy names; the answer sets the session cookie. 202: `POST /session/second-factor` finishes it."""
    client = place_of(request)
    try:
        login = read_named_login(request, here.settings.api)
    except NotAllowed as fault:
        sign_in_log.log_failure(client, sign_in_log.UNKNOWN, str(fault))  # anybody can come here: nothing is written
        raise
    lasts, how = timedelta(hours=here.settings.api.session_hours), How(PROXY)
    with db.transaction(here.engine) as session:
        member = session.get(StaffMember, login)
        usable = member is not None and member.active and member.source != PROVIDER and not member.is_break_glass
        if usable and factor_policy.is_asked(session, login, here.settings.api.require_second_factor):
            return ask_for_factor(session, login, here, how, client)
        opened = staff_login.start_session(session, login, client, how, lasts=lasts, now=utcnow()) if usable else None
        if opened:
            take_browser(session, request, here, opened[1])
        subject = staff_login.subject_of(session, login, employee=False)
    signed_in = session_holder(here, opened[1]) if opened else None
    if opened is None or signed_in is None:
        raise refuse_named(here, subject, client, login)
    set_session_cookie(response, here, opened[1])
    return me_of(signed_in, here)


def refuse_named(here: Office, subject: str, client: str, login: str) -> NotAllowed:
    """Records that the proxy named somebody without an account; returns the answer for the client."""
    with db.transaction(here.engine) as session:
        staff_login.record_refusal(session, subject, client, now=utcnow(), why=PROXY)
    sign_in_log.log_failure(client, subject.partition(":")[2] or sign_in_log.UNKNOWN, "proxy")
    return NotAllowed(
        say(
            "the proxy names {login}, and no open account here has that name; ask an administrator, who can add it: "
            "`mailroom staff add {login}`",
            login=login,
        )
    )
