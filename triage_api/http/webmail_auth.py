"""Webmail signs in with the key of a link in each request: whose it is, and whether webmail may do this at all."""

from starlette.requests import HTTPConnection

from triage.access.webmail import link_holders
from triage.access.webmail.link_holders import LinkHolder
from triage.errors import NotAllowed
from triage.say import say
from triage.store import db
from triage.times import utcnow
from triage_api.http.dependencies import Office
from triage_api.http.problems import NotSignedIn
from triage_api.http.token_scopes import API, Operations, is_for_webmail

BAD_LINK = say("This webmail is not linked to Mailroom any more: the link was revoked or has expired. Create a new one in Mailroom.")


def authenticate_webmail(here: Office, connection: HTTPConnection, key: str, operations: Operations) -> LinkHolder:
    """Returns the holder of this key. NotSignedIn when it does not work any more, NotAllowed for all but these operations."""
    with db.read_transaction(here.engine) as session:
        found = link_holders.find_link_holder(session, key, here.settings.api.require_second_factor, utcnow())
    if found is None:
        raise NotSignedIn(BAD_LINK)  # not logged as a failed sign-in: fail2ban would shut out the webmail server for all its users
    here.pace.take(found.link_id)
    if not is_for_webmail(connection.scope["method"], str(connection.scope["path"]).removeprefix(API), operations):
        raise NotAllowed(say("webmail cannot do this: use the console"))
    if found.unseen:
        client = connection.client.host if connection.client else ""
        db.try_transaction(here.engine, lambda session: link_holders.touch_link(session, found.link_id, client, now=utcnow()))
    return found
