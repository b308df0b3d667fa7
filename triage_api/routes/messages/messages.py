"""Messages: what was found out, the harmless view, the headers, and the downloads, which go in the audit log."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Header, Path, Query, Response
from fastapi.responses import HTMLResponse

from triage import ids
from triage.actor import Actor
from triage.errors import NotFound
from triage.message import authentication, authentication_table, received_hops
from triage.message.mime import links
from triage.message.mime.mime_parts import HEAD_LIMIT, headers_of
from triage.message.preview.preview_document import Mode, NumberedLink, Preview, unavailable_document
from triage.message.summary import Attachment, Summary
from triage.quarantine import open_message, viewings
from triage.quarantine.decisions import consent
from triage.quarantine.open_message import Opened
from triage.runtime.sandbox_pool import Overrun
from triage.say import say
from triage.store import db, ledger
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from triage_api.http.dependencies import Here, Office
from triage_api.http.preview_frame import frame_document
from triage_api.http.problems import describe_refusals
from triage_api.http.resource_router import resource_router
from triage_api.http.session_auth import Staff
from triage_api.http.transaction import Tx
from triage_api.schemas.fields import GivenId, Text, Word
from triage_api.schemas.queue import messages as schemas

DOWNLOAD_CSP = "sandbox; default-src 'none'; frame-ancestors 'none'"
OUR_ESCAPES = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")  # `visible` put them there
UNSAFE_IN_NAMES = re.compile(r'[/\\:*?"<>|%;]')  # on any system that a name may be saved on
NAME_LIMIT = 100  # characters of a download's name

log = logging.getLogger(__name__)

router = resource_router("messages", "/messages")

Number = Annotated[int, Path(ge=1, le=10_000)]


def given_reason(reason: Text = "", x_mailroom_reason: Annotated[Text, Header()] = "") -> str:
    """Reason for opening a confidential message: a parameter, which frames can send, or a header field, which no address bar shows."""
    return (reason or x_mailroom_reason).strip()


Reason = Annotated[str, Depends(given_reason)]
Ahead = Annotated[
    bool,
    Query(
        description="true: the console fetches it in advance. The audit log has it if it was not shown within ten minutes (`viewed`). "
        "With a token or a reason it is an ordinary fetch."
    ),
]
Links = Annotated[bool, Query(description="false: without links and hidden pictures, for which the message is parsed.")]


@router.get("/{message_id}", response_model=schemas.Message, responses=describe_refusals(401, 404, 422))
def get_message(message_id: GivenId, here: Here, by: Staff, reason: Reason, links: Links = True) -> schemas.Message:
    """Facts about a message, and its deliveries in your scope.

    The links of a confidential message need a reason.
    """
    with db.read_transaction(here.engine) as session:
        opened = open_message.open_message(session, message_id, by=by)
        refused = consent.not_offered(session, [one.id for one in opened.deliveries], here.settings)
    if not links or (opened.sealed and not reason):
        return message_of(opened, Preview(""), refused)
    if opened.erased:
        return message_of(opened, add_codes(listed_only(opened), opened.summary), refused)
    shown = render_message(here, ids.format_id(message_id), raw_of(here, message_id, by, reason), "html") or listed_only(opened)
    return message_of(opened, add_codes(shown, opened.summary), refused)


def render_message(here: Office, name: str, raw: bytes, mode: Mode) -> Preview | None:
    """The message made harmless in a bounded child; None when it was too much for it."""
    try:
        return Preview.from_json(json.loads(here.previews.run(raw, mode=mode)))
    except Overrun as overrun:
        log.warning("message %(message)s cannot be shown: %(why)s", {"message": name, "why": str(overrun)})
        return None


def listed_only(opened: Opened) -> Preview:
    """The stored links, where the content itself cannot be rendered; those of QR codes come by themselves."""
    coded = {code.target for code in opened.summary.codes}
    known = (one for one in opened.summary.links if one.text or one.target not in coded)
    return Preview("", tuple(number_link(n, one.text, one.target) for n, one in enumerate(known, 1)))


def add_codes(preview: Preview, summary: Summary) -> Preview:
    """The links of its QR codes too, numbered on behind those of its text."""
    numbered = enumerate(summary.codes, len(preview.links) + 1)
    added = (replace(number_link(number, "", code.target), code_in=code.place) for number, code in numbered)
    return replace(preview, links=(*preview.links, *added))


def number_link(number: int, text: str, target: str) -> NumberedLink:
    """A link with what could deceive about it."""
    return NumberedLink(number, text, target, links.link_destination(target).host, links.link_warnings(text, target))


def message_of(opened: Opened, preview: Preview, not_allowed: str) -> schemas.Message:
    """A message as the console shows it. `not_allowed`: why no allow rule can be about its sender."""
    summary, envelope, found = opened.summary, opened.envelope, opened.authentication
    return schemas.Message.model_validate(
        asdict(summary)
        | {
            "id": opened.id,
            "received_at": opened.received_at,
            "size": opened.size,
            "reverse_path": escape_visible(envelope.reverse_path),
            "client": envelope.client,
            "helo": escape_visible(envelope.helo),
            "tls": envelope.tls,
            "message_id_field": summary.message_id,
            "authentication": found.as_json() | {"proof": found.proof, "sentence": authentication.proof_sentence(found)},
            "signals": opened.signals,
            "links": preview.links,
            "hidden_pictures": preview.hidden_pictures,
            "confidential": opened.sealed,
            "not_allowed": not_allowed,
            "comments": sum(one.comments for one in opened.deliveries),
            "deliveries": opened.deliveries,
        }
    )


Language = Annotated[Word, Query(description="Language of Mailroom's own words, such as de; else Accept-Language.")]
VIEW: dict[int | str, dict[str, Any]] = {200: {"description": "A whole document for a frame with `sandbox`.", "content": {"text/html": {}}}}


@router.get("/{message_id}/view", response_class=HTMLResponse, responses=VIEW | describe_refusals(401, 404, 410, 422, 428))
def view_message(
    message_id: GivenId,
    here: Here,
    by: Staff,
    reason: Reason,
    mode: Annotated[Mode, Query()] = "html",
    language: Language = "",
    ahead: Ahead = False,
) -> HTMLResponse:
    """The message as a harmless document: no script, nothing loaded, links as numbered text. The audit log records the fetch."""
    raw = raw_of(here, message_id, by, reason)
    put_fetch_on_record(here, message_id, mode, by, ahead=ahead and not reason)
    preview = render_message(here, ids.format_id(message_id), raw, mode) or unavailable_document(
        "it is too large or too complicated for its reader"
    )
    return frame_document(preview.document, language)


def raw_of(here: Office, message_id: int, by: Actor, reason: str) -> bytes:
    """The bytes as received; why a confidential one is opened goes in the audit log first.

    The database does not wait while they are looked at.
    """
    with db.read_transaction(here.engine) as session:
        raw = open_message.read_raw(session, message_id, by=by, reason=reason)
        under_seal = open_message.breaks_seal(session, message_id, by=by, reason=reason)
    if under_seal:
        put_on_record(here, "open", message_id, by, {"reason": reason})
    return raw


@router.get("/{message_id}/headers", response_model=schemas.Headers, responses=describe_refusals(401, 404, 410, 422, 428))
def get_headers(message_id: GivenId, here: Here, by: Staff, reason: Reason) -> schemas.Headers:
    """The header as received, the servers on the way with their delays, and each check of the sender. The audit log records the fetch.

    Control characters, and bytes that are not UTF-8, are escaped. Only the first 256 KiB are read.
    """
    head = headers_of(raw_of(here, message_id, by, reason))
    with db.read_transaction(here.engine) as session:
        opened = open_message.open_message(session, message_id, by=by)
    put_fetch_on_record(here, message_id, "headers", by)
    route = received_hops.trace_route(head, opened.envelope)
    return schemas.Headers(
        text=escape_visible(head[:HEAD_LIMIT].decode("utf-8", "backslashreplace"), lines=True),
        truncated=len(head) > HEAD_LIMIT,
        hops=[schemas.Hop.model_validate(one) for one in route.hops],
        hops_left_out=route.left_out,
        checks=[schemas.Check.model_validate(one) for one in authentication_table.tabulate_checks(opened.authentication)],
    )


@router.get("/{message_id}/text", response_model=schemas.MessageText, responses=describe_refusals(401, 404, 422, 428))
def get_text(message_id: GivenId, here: Here, by: Staff, reason: Reason) -> schemas.MessageText:
    """Text of a message, as plain text; empty when it is erased. The audit log records the fetch."""
    with db.read_transaction(here.engine) as session:
        said = open_message.read_text(session, message_id, by=by, reason=reason)
        under_seal = open_message.breaks_seal(session, message_id, by=by, reason=reason)
    if under_seal:
        put_on_record(here, "open", message_id, by, {"reason": reason})
    put_fetch_on_record(here, message_id, "text", by)
    return schemas.MessageText(text=said)


@router.post("/{message_id}/viewed", status_code=204, responses=describe_refusals(401, 403, 404, 409, 410, 422))
def note_viewed(message_id: GivenId, session: Tx, by: Staff) -> None:
    """Report that the message was on your screen, as the console does. The audit log has it once in five minutes. For people only.

    409 when nothing of it was fetched for you before. The time is the server's.
    """
    open_message.require_content(session, message_id, by=by)
    viewings.record_view(session, message_id, by=by, now=utcnow())


SOURCE: dict[int | str, dict[str, Any]] = {200: {"description": "The bytes as received.", "content": {"message/rfc822": {}}}}
FILE: dict[int | str, dict[str, Any]] = {200: {"description": "The decoded bytes.", "content": {"application/octet-stream": {}}}}


@router.get("/{message_id}/source", response_class=Response, responses=SOURCE | describe_refusals(401, 404, 410, 422, 428))
def download_source(message_id: GivenId, here: Here, by: Staff, reason: Reason) -> Response:
    """The whole message as a file. The audit log records the download."""
    raw = raw_of(here, message_id, by, reason)
    put_on_record(here, "source", message_id, by, {})
    return answer_download(raw, f"{ids.format_id(message_id)}.eml", "message/rfc822")


@router.get("/{message_id}/attachments/{number}", response_class=Response, responses=FILE | describe_refusals(401, 404, 410, 422, 428))
def download_attachment(message_id: GivenId, number: Number, here: Here, by: Staff, reason: Reason) -> Response:
    """Downloads an attachment as a file, whatever its type. The audit log records the download."""
    with db.read_transaction(here.engine) as session:
        listed = open_message.open_message(session, message_id, by=by).summary.attachments
    content, found = extract_attachment(here, message_id, number, raw_of(here, message_id, by, reason), listed)
    put_on_record(here, "attachment", message_id, by, {"number": number, "sha256": found.sha256})
    return answer_download(content, safe_name(found.name, f"attachment-{number}"), "application/octet-stream")


def extract_attachment(here: Office, message_id: int, number: int, raw: bytes, listed: Iterable[Attachment]) -> tuple[bytes, Attachment]:
    """An attachment's bytes, extracted in a sandbox, with its row in the database."""
    found = next((one for one in listed if one.number == number), None)
    if found is None:
        raise NotFound(say("message {message_id} has no attachment {number}", message_id=ids.format_id(message_id), number=number))
    try:
        return here.attachments.run(raw, sha256=found.sha256), found
    except Overrun as overrun:
        lost = {"attachment": number, "message": ids.format_id(message_id), "why": str(overrun)}
        log.warning("attachment %(attachment)d of message %(message)s cannot be taken out: %(why)s", lost)
        raise NotFound(
            say("attachment {number} cannot be extracted from this message; download the source of the message", number=number)
        ) from overrun


def put_on_record(here: Office, act: str, message_id: int, by: Actor, detail: dict[str, Any]) -> None:
    """Records who downloaded what from the console."""
    with db.transaction(here.engine) as session:
        ledger.write_act(session, act, f"message:{ids.format_id(message_id)}", by=by, now=utcnow(), detail=detail)
    here.wake(["change"])


def put_fetch_on_record(here: Office, message_id: int, what: str, by: Actor, *, ahead: bool = False) -> None:
    """Records who fetched which part of a message, before it leaves. No other screen has to change for it."""
    with db.transaction(here.engine) as session:
        viewings.record_fetch(session, message_id, what, by=by, now=utcnow(), ahead=ahead)


def answer_download(content: bytes, name: str, media_type: str) -> Response:
    """Bytes that the browser saves and never opens by itself."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"  # RFC 6266
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition, "Content-Security-Policy": DOWNLOAD_CSP})


def safe_name(name: str, otherwise: str) -> str:
    """A file name from mail that harms no file system and hides nothing. Its ending is kept."""
    plain = UNSAFE_IN_NAMES.sub("_", OUR_ESCAPES.sub("_", name)).strip("_. ")
    stem, dot, ending = plain.rpartition(".")
    short = f"{stem[: NAME_LIMIT - len(ending) - 1]}.{ending}" if dot and stem and len(ending) <= 20 else plain[:NAME_LIMIT]
    return short or otherwise
