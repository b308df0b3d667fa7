"""Routes of employees' own webmail: its links, and what it asks and reports for them."""

from typing import Annotated

from fastapi import Query

from triage.access.webmail import webmail_links
from triage.quarantine import webmail_message
from triage.quarantine.requests import suspicion_reports
from triage.store import db
from triage.times import utcnow
from triage_api.http.dependencies import Here
from triage_api.http.idempotency import mark_secret
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.transaction import wake_after
from triage_api.routes.employees.own_mail import Employee, Tx
from triage_api.schemas.access import webmail_links as link_schemas
from triage_api.schemas.employees.own_mail import OwnName
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import webmail as schemas

router = resource_router("me", "/me")

OfMessage = Annotated[GivenId, Query(description="The value of its field X-Mailroom-Message.")]


@router.get("/name", response_model=OwnName, responses=describe_refusals(401, 403))
def get_own_name(by: Employee) -> OwnName:
    """Your name, as the directory has it."""
    return OwnName(name=by.shown)


@router.get("/deliveries", response_model=schemas.OwnCopy, responses=describe_refusals(401, 403, 404, 422))
def find_own_delivery(here: Here, by: Employee, message: OfMessage) -> schemas.OwnCopy:
    """A message that came to you, and whether you reported it."""
    with db.read_transaction(here.engine) as session:
        return schemas.OwnCopy.model_validate(webmail_message.find_own_copy(session, message, by=by, now=utcnow()))


@router.post("/reports", status_code=201, response_model=schemas.OwnReportMade, responses=describe_refusals(401, 403, 404, 409, 422))
def create_own_report(order: schemas.OwnReportOrder, session: Tx, by: Employee) -> schemas.OwnReportMade:
    """Report a message that came to you as suspicious. Staff review it and tell you the result. It stays where it is."""
    made = suspicion_reports.report_own_message(session, order.message, by=by, now=utcnow())
    wake_after(session)
    return schemas.OwnReportMade.model_validate(made)


@router.get("/webmail-links", response_model=link_schemas.WebmailLinks, responses=describe_refusals(401, 403))
def list_own_webmail_links(here: Here, by: Employee) -> link_schemas.WebmailLinks:
    """Your links that work, the newest first."""
    with db.read_transaction(here.engine) as session:
        return link_schemas.WebmailLinks.model_validate({"items": webmail_links.list_links(session, by=by, now=utcnow())})


@router.post(
    "/webmail-links", status_code=201, response_model=link_schemas.MadeWebmailLink, responses=describe_refusals(401, 403, 409, 422)
)
def create_own_webmail_link(order: link_schemas.NewWebmailLink, session: Tx, by: Employee) -> link_schemas.MadeWebmailLink:
    """Link your webmail: `key` is shown this once. With it the webmail asks and reports for you."""
    mark_secret(session)
    made, key = webmail_links.create_link(session, order.name, by=by, now=utcnow())
    return link_schemas.MadeWebmailLink.model_validate(made.model_dump() | {"key": key})


@router.delete("/webmail-links/{link_id}", status_code=204, responses=describe_refusals(401, 403, 404, 422))
def revoke_own_webmail_link(link_id: GivenId, session: Tx, by: Employee) -> None:
    """Revoke a link at once."""
    webmail_links.revoke_link(session, link_id, by=by, now=utcnow())
