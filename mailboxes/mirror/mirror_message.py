"""Messages that the mirror puts into a department's account: held messages with our fields on top, and notes. Pure."""

import hashlib
import re
from datetime import datetime
from email.utils import format_datetime

from mailboxes.canonical_body import content_digest
from triage.delivery import dsn
from triage.ids import format_id, parse_id
from triage.message.authors import author_of
from triage.message.mime.mime_parts import TooMuch, fields_of, first_field, headers_of
from triage.message.trace.mailroom_fields import evidence_fields, remove_forged_fields
from triage.quarantine.mail_moves.mirror_copies import Held
from triage.say import say
from triage.text.i18n.translate import translate_sentence
from triage.text.sanitize import escape_visible

COPY = "X-Mailroom-Copy"
FIELD_START = re.compile(rb"[\x21-\x39\x3b-\x7e]+[ \t]*:")  # RFC 5322, 2.2 and 4.5
ANSWER = re.compile(r"<mirror\.ask\.(\w+)\.(\w+)@")
LINE_END = re.compile(rb"\r\n|\r|\n")


def annotate_message(held: Held, *, copy: int, authserv_id: str) -> bytes:
    """The message as it came in, with what we found out about it on top, and without what was forged in our name.

    IMAP carries no NUL (RFC 9051, 9).
    """
    head, body = split_header(LINE_END.sub(b"\r\n", held.raw).replace(b"\0", b""))
    found = evidence_fields(held.authentication, held.evidence, authserv_id)
    own = f"X-Mailroom-Message: {format_id(held.message_id)}\r\n{found}{COPY}: {format_id(copy)}\r\n"
    return own.encode("ascii") + remove_forged_fields(head, authserv_id) + body


def split_header(text: bytes) -> tuple[bytes, bytes]:
    """The header block, and the rest from the empty line on; where it begins with no field, an empty line keeps it apart from ours."""
    if text.startswith(b"\r\n"):
        return b"", text
    if not FIELD_START.match(text):
        return b"", b"\r\n" + text
    end = text.find(b"\r\n\r\n")
    return (text, b"") if end < 0 else (text[: end + 2], text[end + 2 :])


def exact_digest(raw: bytes) -> str:
    """Returns the digest by which an exact copy is known again: of every byte, whatever its header says."""
    return hashlib.sha256(raw).hexdigest()


def alike_digest(raw: bytes) -> str:
    """By what a copy is known whose header was written again: its body, Message-ID and author; "" where that cannot be read."""
    try:
        fields = fields_of(headers_of(raw))[0]
    except TooMuch:
        return ""
    body, author = content_digest(raw), author_of([one.value for one in fields if one.name == "from"]).address
    message_id = first_field(fields, "message-id")
    return hashlib.sha256("\0".join((body, message_id, author)).encode("utf-8", "surrogatepass")).hexdigest() if body else ""


def copy_number(raw: bytes) -> int:
    """The number of the copy that a message says it is; 0: none."""
    try:
        return parse_id(first_field(fields_of(headers_of(raw))[0], COPY.lower()))
    except (TooMuch, ValueError):
        return 0


def note_message(number: str, subject: str, words: str, *, sender: str, to: str, hostname: str, language: str, now: datetime) -> bytes:
    """A short message on top that says why something was not done. `number`: the same for the same occasion, so that it is said once."""
    head = [
        f"Date: {format_datetime(now)}",
        f"From: Mailroom <{sender}>",
        f"To: <{to}>",
        f"Subject: {dsn.encode_subject(escape_visible(translate_sentence(subject, language))[:150])}",
        f"Message-ID: {note_id(number, hostname)}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        escape_visible(translate_sentence(words, language), lines=True),
        "",
        translate_sentence(say("You may delete this note. Deleting it decides nothing."), language),
        "",
    ]
    return "\n".join(head).replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")


def answer_number(request: int, token: str) -> str:
    """The number of the note that answers a request; without a token the beginning that all its answers share."""
    return f"ask.{format_id(request)}.{token}"


def answer_named(raw: bytes) -> tuple[int, str]:
    """The request that a message answers, and the token of the answer; 0 and "" where it is no answer of ours."""
    try:
        found = ANSWER.search(first_field(fields_of(headers_of(raw))[0], "message-id"))
        return (parse_id(found[1]), found[2]) if found else (0, "")
    except (TooMuch, ValueError):
        return 0, ""


def note_id(number: str, hostname: str) -> str:
    """The Message-ID of a note."""
    return f"<mirror.{number}@{hostname}>"
