"""Mail of ours to somebody here: as bytes, and into the queue like any other. Nobody outside the company ever gets one."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from html import escape
from quopri import encodestring

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import dsn
from triage.delivery.passthrough import message_of_ours, unread_delivery
from triage.errors import BadInput
from triage.ids import format_id, new_id
from triage.say import say
from triage.store import bodies, ledger
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.text.i18n import ENGLISH
from triage.text.i18n.translate import translate_sentence
from triage.text.sanitize import escape_visible

REPORT = "report"  # direction of what is told to somebody here
LONGEST_SUBJECT = 150
# No program is to make a telephone number, a date or an address of what strangers wrote into something that opens.
PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0; padding: 16px; font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }}
main {{ display: block; max-width: 600px; margin: 0 auto; overflow-wrap: anywhere; word-break: break-word }}
h2 {{ margin: 28px 0 4px; font-size: 18px; line-height: 1.3 }}
ul {{ margin: 0; padding: 0; list-style: none }}
li {{ margin: 0; padding: 12px 0; border-top: 1px solid #a9b6af }}
small {{ font-size: 14px; opacity: .8 }}
a {{ display: inline-block; margin-top: 8px; padding: 9px 14px; border: 1px solid; border-radius: 3px; color: #0a4a82;
  font-weight: bold; text-decoration: none }}
footer {{ display: block; margin-top: 20px; padding-top: 14px; border-top: 1px solid #a9b6af; font-size: 14px; opacity: .85 }}
@media (prefers-color-scheme: dark) {{ a {{ color: #8fc3f3 }} }}
</style></head><body><main>
{opening}{sections}{footer}
</main></body></html>
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Line of a notice. `more`: below it in smaller print, with commas between; `link`: a URL, "" for none.

    `link_words`: what the link is for, where that is something else than in the rest of the section.
    """

    words: str
    more: tuple[str, ...] = ()
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and lines below it, as people read them. `link_words`: what the links are for."""

    title: str
    lines: tuple[Line, ...]
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class EmployeeNotice:
    """Message from Mailroom to an employee."""

    to: str
    subject: str
    sections: tuple[Section, ...]
    footer: str
    opening: str = ""
    language: str = ENGLISH


def in_language(notice: EmployeeNotice, language: str) -> EmployeeNotice:
    """The notice in a language. Text of others stays as it is."""
    sections = tuple(
        Section(
            translate_sentence(one.title, language),
            tuple(line_in(line, language) for line in one.lines),
            translate_sentence(one.link_words, language),
        )
        for one in notice.sections
    )
    texts = {name: translate_sentence(getattr(notice, name), language) for name in ("subject", "opening", "footer")}
    return replace(notice, sections=sections, language=language, **texts)


def line_in(line: Line, language: str) -> Line:
    """Translates a line."""
    more = tuple(translate_sentence(one, language) for one in line.more)
    return Line(translate_sentence(line.words, language), more, line.link, translate_sentence(line.link_words, language))


def count_sent_since(session: Session, uid: str, rule: str, since: datetime) -> int:
    """Counts messages of a kind that somebody got from us since then: nobody is flooded, whatever program writes to us in their name."""
    mine = (col(Delivery.person) == uid, col(Delivery.direction) == REPORT, col(Delivery.rule) == rule, col(Delivery.received_at) > since)
    return session.scalar(select(func.count()).select_from(Delivery).where(*mine)) or 0


def was_sent(session: Session, number: int) -> bool:
    """Whether the notice of this number was queued already."""
    return session.scalar(select(col(Message.id)).where(col(Message.spool_id) == number)) is not None


def is_outside(address: str, settings: Settings) -> bool:
    """Whether it is at none of our domains. Below one is outside too: who reads there the directory does not know."""
    return address.rpartition("@")[2].casefold() not in settings.own_domains


def send_notice(
    session: Session,
    notice: EmployeeNotice,
    *,
    folder: tuple[str, str],
    rule: str,
    reason: str,
    settings: Settings,
    by: Actor,
    now: datetime,
    number: int | None = None,
) -> int:
    """Queue a notice; the id of its message. BadInput when it is to leave the company.

    `folder`: department and uid of who gets it; `number`: the notice's own, by which `was_sent` knows it.
    """
    number = number or new_id()
    names = {"number": format_id(number), "boundary": f"=_{secrets.token_hex(12)}", "hostname": settings.company.hostname}
    raw = write_notice_bytes(in_language(notice, settings.company.language), settings.sender, **names, now=now)
    return queue_bytes(session, raw, notice.to, number=number, folder=folder, rule=rule, reason=reason, settings=settings, by=by, now=now)


def queue_bytes(
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
    """Queue these bytes for an address of ours; the id of their message."""
    if is_outside(to, settings):
        raise BadInput(say("{to} is outside the company: no notice goes there", to=to))
    content_id, content = bodies.keep_body(session, raw)
    author = settings.sender
    message = message_of_ours(number, content_id, to, author, hostname=settings.company.hostname, now=now)
    delivery = unread_delivery(
        message.id,
        to,
        received_at=now,
        recipient=to.casefold(),
        author=author,
        folder=folder,
        direction=REPORT,
        rule=rule,
        reason=reason,
        now=now,
    )
    ledger.enter_message(session, message, content, [delivery], by=by, now=now)
    return message.id


def write_notice_bytes(notice: EmployeeNotice, sender: str, *, number: str, boundary: str, hostname: str, now: datetime) -> bytes:
    """The notice as a message with CRLF: plain text, and the same as simple HTML. It is automatic and wants no answer (RFC 3834, 5)."""
    head = [
        f"Date: {format_datetime(now)}",
        f"From: Mailroom <{sender}>",
        f"To: <{notice.to}>",
        f"Subject: {dsn.encode_subject(escape_visible(notice.subject)[:LONGEST_SUBJECT])}",
        f"Message-ID: <{number}@{hostname}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\n\tboundary="{boundary}"',
    ]
    parts = (quote_part("text/plain", text_of(notice)), quote_part("text/html", notice_html(notice)))
    return dsn.write_multipart(head, parts, boundary)


def quote_part(media_type: str, text: str) -> bytes:
    """A part that every server carries."""
    return dsn.write_part(f"{media_type}; charset=utf-8", encodestring(text.encode("utf-8", "replace")), "quoted-printable")


def text_of(notice: EmployeeNotice) -> str:
    """The notice as plain text."""
    sections = ["\n".join([escape_visible(one.title), *(text_line(one, line) for line in one.lines)]) for one in notice.sections]
    around = [escape_visible(text, lines=True) for text in (notice.opening, notice.footer)]
    return "\n\n".join(filter(None, [around[0], *sections, around[1]])) + "\n"


def text_line(section: Section, line: Line) -> str:
    """A line of plain text, and what stands below it."""
    below = [escape_visible(", ".join(line.more))] if line.more else []
    below += [f"{line.link_words or section.link_words} {line.link}"] if line.link else []
    return "\n  ".join([f"- {escape_visible(line.words)}", *below])


def notice_html(notice: EmployeeNotice) -> str:
    """The notice as HTML that every mail program shows, on a telephone too, in light and in dark. Nothing is loaded from anywhere."""
    sections = (
        f"<h2>{escape_html(one.title)}</h2><ul>{''.join(html_line(one, line) for line in one.lines)}</ul>" for one in notice.sections
    )
    opening = f"<p>{escape_html(notice.opening, lines=True)}</p>" if notice.opening else ""
    footer = f"<footer>{escape_html(notice.footer, lines=True)}</footer>" if notice.footer else ""
    return PAGE.format(language=notice.language, opening=opening, sections="".join(sections), footer=footer)


def html_line(section: Section, line: Line) -> str:
    """An item of a list."""
    more = f"<br><small>{escape_html(', '.join(line.more))}</small>" if line.more else ""
    opens = escape(line.link_words.removesuffix(":") or section.link_words)
    link = f'<br><a href="{escape(line.link)}">{opens}</a>' if line.link else ""
    words = f"<b>{escape_html(line.words)}</b>" if more else escape_html(line.words)
    return f"<li>{words}{more}{link}</li>"


def escape_html(text: str, *, lines: bool = False) -> str:
    """Text as HTML that is text."""
    return escape(escape_visible(text, lines=lines)).replace("\n", "<br>")
