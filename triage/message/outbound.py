"""Parses an outgoing message, a copy of one, or an Exchange journal report about one.

A journal report is a text with the real envelope, one line a recipient, and behind it the message as an attachment.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from triage.message.forwarded import referenced_messages
from triage.message.mime.mime_parts import Part, TooMuch, parts_of
from triage.message.summary import Summary, make_summary
from triage.text.sanitize import escape_visible

READ_LIMIT = 1024 * 1024  # characters of a report
RECIPIENT_LIMIT = 10_000
LINE = re.compile(r"^[ \t]*(sender|to|cc|bcc|recipient)[ \t]*:[ \t]*+((?:.*[^ \t\r\n])?)[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
TRACE = re.compile(rb"^X-Mailroom-Message[ \t]*:", re.IGNORECASE | re.MULTILINE)
ADDRESS = re.compile(r"<?([^\s<>,;]{1,254})>?")  # what follows a comma says how Exchange came to it: Expanded, Forwarded


@dataclass(frozen=True, slots=True)
class Journaled:
    """The real envelope of a message, as a journal report tells it, and what the message says."""

    sender: str
    recipients: tuple[str, ...]
    summary: Summary

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return {"sender": self.sender, "recipients": list(self.recipients), "summary": self.summary.as_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(values["sender"], tuple(values["recipients"]), Summary.from_json(values["summary"]))


def read_journal(raw: bytes) -> Journaled | None:
    """Parses a journal report; None when the message is none. Bounded, never raises."""
    try:
        parts = parts_of(raw)
    except TooMuch:
        return None
    text = next((part for part in parts if part.media_type == "text/plain" and part.depth == 1), None)
    mail = next((part for part in parts if part.media_type == "message/rfc822" and part.depth == 1), None)
    marked = any(field.name == "x-ms-journal-report" for field in parts[0].fields)
    if text is None or mail is None:
        return None
    sender, recipients = envelope_of(text)
    if not marked and not (sender and recipients):
        return None
    return Journaled(sender, recipients, make_summary(mail.content()))


def envelope_of(report: Part) -> tuple[str, tuple[str, ...]]:
    """Sender and recipients in the text of a report."""
    sender = ""
    recipients: dict[str, None] = {}
    for name, value in LINE.findall(report.text()[:READ_LIMIT]):
        found = ADDRESS.match(value)
        if found is None:
            continue
        if name.casefold() == "sender":
            sender = sender or escape_visible(found[1])
        elif len(recipients) < RECIPIENT_LIMIT:
            recipients[escape_visible(found[1])] = None
    return sender, tuple(recipients)


def read_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Parses an outgoing message in the sandbox: its summary, and the journal report where it is one, as JSON. Options: headers_only,
    journal, forwarded: also which messages it forwards."""
    is_copy = bool(options.get("journal"))
    report = read_journal(raw) if is_copy else None
    summary = make_summary(raw, headers_only=bool(options.get("headers_only")))
    read: dict[str, Any] = {
        "summary": summary.as_json(),
        "journaled": report.as_json() if report else None,
        "came_in": is_copy and came_in(raw),
    }
    if options.get("forwarded"):
        read["pointed"] = [one.as_json() for one in referenced_messages(raw)]
    return json.dumps(read).encode()


def came_in(raw: bytes) -> bool:
    """Says whether the message has our trace fields. Nobody outside can add them: those in our name are removed from what comes in."""
    return TRACE.search(raw[: raw.find(b"\r\n\r\n")] if b"\r\n\r\n" in raw else raw) is not None
