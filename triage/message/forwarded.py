"""Finds the message that somebody means who forwards one: those attached, itself where it was only sent on, or the quoted one. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Self

from triage.message.authors import named_addresses
from triage.message.mime.mime_parts import Part, TooMuch, fields_of, first_field, headers_of, parts_of
from triage.message.summary import Summary, fingerprint_of, make_summary
from triage.text.json_values import as_dict

MARKER = "x-mailroom-message"
MOST = 5  # attached messages that are looked at
LINES = 400  # of the text, among which the quoted mail begins
FORWARDS = re.compile(r"^(?:(?:fwd?|wg|tr|rv|i|enc|vs|vb|doorst|pd|re|aw|sv|antw)(?:\[\d+\])?\s?:\s*)+", re.IGNORECASE)
QUOTED = re.compile(r"^[>\s*]*([^\W\d_][\w -]{0,20}?)\s?\*?:\*?[ \t]+(\S.*)$")  # From: …, *Von:* …, > De : …
SUBJECTS = frozenset({"subject", "betreff", "objet", "asunto", "oggetto", "onderwerp", "assunto", "emne", "ämne", "temat", "aihe"})


@dataclass(frozen=True, slots=True)
class Pointed:
    """Identifying details of the message that is meant."""

    marker: str = ""  # our own trace field, where the program kept it
    message_id: str = ""
    author: str = ""
    subject: str = ""
    digest: str = ""  # of what it says
    fingerprint: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return as_dict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(**values)


def referenced_messages(raw: bytes) -> tuple[Pointed, ...]:
    """The messages that a forwarded one is about. Bounded, never raises; what it attaches says more than what it quotes."""
    try:
        parts = parts_of(raw)
    except TooMuch:
        return ()
    attached = tuple(of_message(part.content()) for part in attached_messages(parts))
    if attached:
        return attached
    sent_on = of_message(raw)
    return (sent_on,) if sent_on.marker else (quoted_message(make_summary(raw)),)


def attached_messages(parts: list[Part]) -> Iterator[Part]:
    """The attached messages, and none that lies in one of them."""
    found = 0
    within: int | None = None
    for part in parts[1:]:
        if within is not None and part.depth > within:
            continue
        within = None
        if found < MOST and part.is_message:
            found, within = found + 1, part.depth
            yield part


def of_message(raw: bytes) -> Pointed:
    """Reads the identifying details of a whole message."""
    said = make_summary(raw)
    try:
        marker = first_field(fields_of(headers_of(raw))[0], MARKER)
    except TooMuch:
        marker = ""
    author = said.author or next(iter(said.authors), "")
    return Pointed(marker, said.message_id, author, said.subject, content_digest(said.text, attachments_of(said)), said.fingerprint)


def quoted_message(said: Summary) -> Pointed:
    """The message that is quoted in the text, below the lines that say from whom it was, in whatever language."""
    lines = said.text.splitlines()
    found = [QUOTED.match(line) for line in lines[:LINES]]
    begin = next((number for number in range(len(found) - 1) if is_quote_head(found, number)), None)
    subject = FORWARDS.sub("", said.subject)
    if begin is None:
        return Pointed(subject=subject, fingerprint=said.fingerprint)
    end = next((number for number in range(begin, len(found)) if found[number] is None), len(found))
    head = [(one[1].strip().casefold(), one[2]) for one in found[begin:end] if one]
    author = next((address for _, value in head for address in named_addresses([value.encode()]) if "@" in address), "")
    subject = next((value.strip() for name, value in head if name in SUBJECTS), subject)
    below = "\n".join(line.removeprefix("> ").removeprefix(">") for line in lines[end:]).strip()
    alike = fingerprint_of(replace(said, subject=subject, text=below, authors=(), author_name="", reply_to=(), to=()))
    return Pointed("", "", author, subject, content_digest(below, attachments_of(said)), alike.as_text() if alike else "")


def is_quote_head(found: list[re.Match[str] | None], number: int) -> bool:
    """Whether the lines that name a quoted mail begin here: several in a row, one of them with an address."""
    run = []
    for one in found[number : number + 6]:
        if one is None:
            break
        run.append(one)
    return len(run) > 1 and any("@" in one[2] for one in run)


def attachments_of(said: Summary) -> Iterable[str]:
    """Returns the SHA-256 digests of a message's attachments."""
    return (one.sha256 for one in said.attachments)


def content_digest(text: str, attachments: Iterable[str]) -> str:
    """SHA-256 over what a message says, however it is folded and encoded; "" where it says nothing."""
    said = " ".join([*text.split(), *sorted(attachments)])
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest() if said else ""
