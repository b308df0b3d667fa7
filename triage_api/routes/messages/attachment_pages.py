"""Attachments as pictures: pages that a sandbox has drawn as pixels, and of which we make the PNG."""

import logging
from typing import Annotated, Any, NoReturn

from fastapi import Path, Response

from triage import ids
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotAllowedNow, Unanswered
from triage.message.mime.images import as_png
from triage.message.preview.rendered_pages import BROKEN, LOCKED, NO_PROGRAM, PAGES, UNKNOWN, NotDrawn, count_of, page_of
from triage.message.summary import Attachment
from triage.quarantine import open_message
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun
from triage.say import say
from triage.store import db, ledger
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.routes.messages.messages import Number, Reason, extract_attachment, put_on_record, raw_of
from triage_api.schemas.fields import GivenId
from triage_api.schemas.queue import messages as schemas

OFF = say("attachments are not shown as images here: an administrator can turn that on")
NO_SANDBOX = say("this server cannot show attachments as images: bubblewrap is missing or does not work")
WHY = {
    UNKNOWN: say("this is neither a PDF nor an image that can be shown; download it only if you must"),
    LOCKED: say("this PDF is protected by a password, so nobody has checked its content: do not ask the sender for the password"),
    BROKEN: say("this cannot be shown: it is damaged or malicious"),
    NO_PROGRAM: say("this server cannot show PDF: poppler-utils is missing"),
}
TOO_MUCH = say("this cannot be shown: drawing it takes too long or too much memory, as with malicious files")
HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'", "Content-Disposition": "inline"}
PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The page as a picture.", "content": {"image/png": {}}}}

log = logging.getLogger(__name__)

router = resource_router("messages", "/messages")

PageNumber = Annotated[int, Path(ge=1, le=PAGES)]


@router.get(
    "/{message_id}/attachments/{number}/pages",
    response_model=schemas.Pages,
    responses=describe_refusals(401, 404, 409, 410, 422, 428, 503),
)
def count_pages(message_id: GivenId, number: Number, here: Here, by: Staff, reason: Reason) -> schemas.Pages:
    """Number of pages of a PDF or picture that can be shown as pictures. The audit log records the request."""
    raw, found = read_attached(here, message_id, number, by, reason)
    answer = draw_attachment_page(here, message_id, number, raw, 0)
    put_on_record(here, "pages", message_id, by, {"number": number, "sha256": found.sha256})
    try:
        return schemas.Pages(pages=count_of(answer))
    except NotDrawn as why:
        refuse_page(why)


@router.get(
    "/{message_id}/attachments/{number}/pages/{page}",
    response_class=Response,
    responses=PNG | describe_refusals(401, 404, 409, 410, 422, 428, 503),
)
def draw_page(message_id: GivenId, number: Number, page: PageNumber, here: Here, by: Staff, reason: Reason) -> Response:
    """Returns a page as a picture, never anything else: the sandbox returns pixels, from which a PNG is made. The audit log records the
    view."""
    raw, found = read_attached(here, message_id, number, by, reason)
    try:
        picture = as_png(*page_of(draw_attachment_page(here, message_id, number, raw, page)))
    except NotDrawn as why:
        refuse_page(why)
    detail = {"number": number, "page": page, "sha256": found.sha256}
    with db.transaction(here.engine) as session:
        ledger.write_act(session, "page", f"message:{ids.format_id(message_id)}", by=by, now=utcnow(), detail=detail)
    return Response(picture, media_type="image/png", headers=HEADERS)


def why_no_previews(settings: Settings) -> str:
    """Says why no attachment is shown as images here; "" where they are."""
    if not settings.api.previews:
        return OFF
    return "" if sandbox.can_draw() else NO_SANDBOX


def read_attached(here: Office, message_id: int, number: int, by: Actor, reason: str) -> tuple[bytes, Attachment]:
    """An attachment's bytes, and what is in the audit log about it."""
    with db.read_transaction(here.engine) as session:
        listed = open_message.open_message(session, message_id, by=by).summary.attachments
    if why := why_no_previews(here.settings):
        raise (Unanswered if here.settings.api.previews else NotAllowedNow)(why)
    return extract_attachment(here, message_id, number, raw_of(here, message_id, by, reason), listed)


def draw_attachment_page(here: Office, message_id: int, number: int, raw: bytes, page: int) -> bytes:
    """Asks the sandbox to draw a page."""
    try:
        return here.drawings.run(raw, page=page)
    except Overrun as overrun:
        lost = {"attachment": number, "message": ids.format_id(message_id), "why": str(overrun)}
        log.warning("attachment %(attachment)d of message %(message)s cannot be drawn: %(why)s", lost)
        raise NotAllowedNow(TOO_MUCH) from overrun


def refuse_page(why: NotDrawn) -> NoReturn:
    """Say in words why there is nothing to show."""
    kind = Unanswered if str(why) == NO_PROGRAM else NotAllowedNow
    raise kind(WHY[str(why)]) from why
