"""Routes to sign in and out, and who is signed in."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from triage import access, db, in_hand, modes, preferences, sign_in
from triage.times import utcnow
from triage_api.office import Here, Office
from triage_api.once import Once
from triage_api.problems import NotSignedIn, described
from triage_api.session import Staff, Watcher, holder, place_of
from triage_api.shapes import session as shapes

WRONG = "Name or password is wrong."


router = APIRouter(route_class=Once, tags=["session"])


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
