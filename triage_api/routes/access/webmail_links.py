"""Links of one's webmail: list, make, revoke. For people who have signed in."""

from triage.access.webmail import webmail_links
from triage.times import utcnow
from triage_api.http.idempotency import mark_secret
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Read, Tx
from triage_api.schemas.access import webmail_links as schemas
from triage_api.schemas.fields import GivenId

router = resource_router("webmail", "/webmail-links")


@router.get("", response_model=schemas.WebmailLinks, responses=describe_refusals(401, 403))
def list_webmail_links(session: Read, by: Staff) -> schemas.WebmailLinks:
    """Your links that work, the newest first."""
    return schemas.WebmailLinks.model_validate({"items": webmail_links.list_links(session, by=by, now=utcnow())})


@router.post("", status_code=201, response_model=schemas.MadeWebmailLink, responses=describe_refusals(401, 403, 409, 422))
def create_webmail_link(order: schemas.NewWebmailLink, session: Tx, by: Staff) -> schemas.MadeWebmailLink:
    """Link a webmail: `key` is shown this once. With it the webmail acts as you, with your rights of that moment."""
    mark_secret(session)
    made, key = webmail_links.create_link(session, order.name, by=by, now=utcnow())
    return schemas.MadeWebmailLink.model_validate(made.model_dump() | {"key": key})


@router.delete("/{link_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def revoke_webmail_link(link_id: GivenId, session: Tx, by: Staff) -> None:
    """Revoke a link at once."""
    webmail_links.revoke_link(session, link_id, by=by, now=utcnow())
