"""Mail of ours to somebody here: as bytes, and into the queue like any other. Nobody outside the company ever gets one."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from html import escape
from quopri import encodestring

from sqlmodel import Session

from triage import contents, dsn, ledger
from triage.actor import Actor
from triage.authentication import Authentication
from triage.content import Summary
from triage.envelope import Envelope
from triage.errors import BadInput
from triage.ids import new_id, show
from triage.models import Message
from triage.settings import Settings
from triage.unread import unread
from triage.visible import visible

REPORT = "report"  # direction of what is told to somebody here
LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and lines below it, as people read them. `links`: a URL for a line, "" for none."""

    title: str
    lines: tuple[str, ...]
    links: tuple[str, ...] = ()
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody here is told."""

    to: str
    subject: str
    sections: tuple[Section, ...]
    footer: str


def sender(settings: Settings) -> str:
    """The address that mail of ours comes from."""
    return settings.notices.sender or f"postmaster@{settings.company.domains[0]}"


def send(
    session: Session, letter: Letter, *, folder: tuple[str, str], rule: str, reason: str, settings: Settings, by: Actor, now: datetime
) -> int:
    """Queue a letter; the id of its message. BadInput when it is to leave the company. `folder`: department and uid of who gets it."""
    number = new_id()
    names = {"number": show(number), "boundary": f"=_{secrets.token_hex(12)}", "hostname": settings.company.hostname}
    raw = written(letter, sender(settings), **names, now=now)
    return enter(session, raw, letter.to, number=number, folder=folder, rule=rule, reason=reason, settings=settings, by=by, now=now)


def enter(
    session: Session,
    raw: bytes,
    to: str,
    *,
    number: int,
    folder: tuple[str, str],
    rule: str,
    reason: str,
    settings: Settings,
    by: Actor,
    now: datetime,
) -> int:
    """Queue these bytes for an address of ours; the id of their message. Null reverse-path: no answer ever comes of it."""
    if to.rpartition("@")[2].casefold() not in settings.own_domains:
        raise BadInput(f"{to} is outside the company: nobody there is told what happens here")
    content_id, content = contents.keep(session, raw)
    envelope = Envelope(number, now, "", (to,), "", settings.company.hostname, protocol="local")
    author = sender(settings)
    message = Message(
        spool_id=number,
        content_id=content_id,
        received_at=now,
        envelope=envelope.as_json(),
        authentication=Authentication("").as_json(),
        summary=replace(Summary(), parsed=True, author=author, authors=(author,), automatic="auto-submitted").as_json(),
        signals=[],
        text="",
    )
    delivery = unread(
        message, to, recipient=to.casefold(), author=author, folder=folder, direction=REPORT, rule=rule, reason=reason, now=now
    )
    ledger.enter(session, message, content, [delivery], by=by, now=now)
    return message.id


def written(letter: Letter, sender: str, *, number: str, boundary: str, hostname: str, now: datetime) -> bytes:
    """The letter as a message with CRLF: plain text, and the same as simple HTML. It is automatic and wants no answer (RFC 3834, 5)."""
    head = [
        f"Date: {format_datetime(now)}",
        f"From: Mailroom <{sender}>",
        f"To: <{letter.to}>",
        f"Subject: {dsn.encoded(visible(letter.subject)[:LONGEST_SUBJECT])}",
        f"Message-ID: <{number}@{hostname}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\n\tboundary="{boundary}"',
    ]
    parts = (quoted("text/plain", text_of(letter)), quoted("text/html", html_of(letter)))
    body = b"".join(b"--" + boundary.encode() + b"\n" + one + b"\n" for one in parts) + b"--" + boundary.encode() + b"--\n"
    return ("\n".join([*head, "", ""]).encode("utf-8") + body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def quoted(media_type: str, text: str) -> bytes:
    """A part that every server carries."""
    return dsn.part(f"{media_type}; charset=utf-8", encodestring(text.encode("utf-8", "replace")), "quoted-printable")


def text_of(letter: Letter) -> str:
    """The letter as plain text."""
    parts = []
    for section in letter.sections:
        lines = [visible(section.title)]
        for place, line in enumerate(section.lines):
            lines.append(f"- {visible(line)}")
            if link := link_of(section, place):
                lines.append(f"  {section.link_words}: {link}")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, visible(letter.footer, lines=True)]) + "\n"


def html_of(letter: Letter) -> str:
    """The letter as HTML that every mail program shows. Nothing is loaded from anywhere."""
    parts = []
    for section in letter.sections:
        items = []
        for place, line in enumerate(section.lines):
            link = link_of(section, place)
            more = f' <a href="{escape(link)}">{escape(section.link_words)}</a>' if link else ""
            items.append(f"<li>{escape(visible(line))}{more}</li>")
        parts.append(f"<h3>{escape(visible(section.title))}</h3><ul>{''.join(items)}</ul>")
    footer = escape(visible(letter.footer, lines=True)).replace("\n", "<br>")
    return f'<!doctype html><html lang="en"><body>{"".join(parts)}<p>{footer}</p></body></html>\n'


def link_of(section: Section, place: int) -> str:
    """The link of a line."""
    return section.links[place] if place < len(section.links) else ""
