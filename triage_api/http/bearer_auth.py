"""Programs sign in with a token in each request: who holds it, whether it may do this, and when it was used."""

from sqlmodel import Session
from starlette.requests import HTTPConnection

from triage import ids
from triage.access import api_tokens, scope as access
from triage.addressing.networks import sender_network
from triage.errors import NotAllowed
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http.dependencies import Office
from triage_api.http.token_scopes import API, is_peoples, needed_grant

SCHEME = "bearer "


def key_of(connection: HTTPConnection) -> str | None:
    """The token that a request carries (RFC 6750, 2.1); None when it carries none, "" when it is another scheme."""
    given = connection.headers.get("authorization")
    if given is None:
        return None
    return given[len(SCHEME) :].strip() if given[: len(SCHEME)].casefold() == SCHEME else ""


def authenticate_bearer(here: Office, connection: HTTPConnection, key: str) -> api_tokens.Bearer | None:
    """Returns the holder of this token if it may do what is asked; None when it is no longer valid. Administrators see its use."""
    found = bearer_holder(here, key)
    if found is None:
        return None
    number = ids.parse_id(found.actor.name)
    here.pace.take(number)
    path = str(connection.scope["path"]).removeprefix(API)  # as it is routed: a URL is made of the Host field, too
    if is_peoples(path):
        raise NotAllowed(say("this needs a person who has signed in: a token cannot do it"))
    if grant := needed_grant(connection.scope["method"], path):
        access.require_grant(found.actor, grant)
    client = connection.client.host if connection.client else ""
    place = sender_network(client)
    if found.unseen or (place != found.place and here.sightings.is_due(number, place)):
        db.try_transaction(here.engine, lambda session: record_use(session, here, number, client))
    return found


def record_use(session: Session, here: Office, token_id: int, client: str) -> None:
    """Write when a token was used, and from where."""
    api_tokens.touch_token(session, token_id, client, now=utcnow())
    here.sightings.note(token_id, sender_network(client))


def bearer_holder(here: Office, key: str) -> api_tokens.Bearer | None:
    """Returns the current holder of this token."""
    with db.read_transaction(here.engine) as session:
        return api_tokens.find_token_holder(session, key, utcnow())
