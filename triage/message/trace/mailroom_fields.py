"""The fields that say what we found out about a message, for people and for filters in their mail programs; forged ones come out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.header import Header
from itertools import count
from typing import Any

from triage.ids import format_id
from triage.message.authentication import Authentication
from triage.message.signals.severity import Severity
from triage.message.trace.authentication_results import authentication_results, is_forged_field
from triage.say import as_sentence
from triage.text.sanitize import escape_visible

# The whole of a field that may speak in our name, folded lines included
OURS = re.compile(
    rb"^(?P<name>x-mailroom-[^\r\n:]*+|authentication-results)[ \t]*:(?P<value>(?:[^\r\n]++|\r\n[ \t])*+)(?:\r\n|\Z)", re.I | re.M
)
LONGEST_RESULTS = 8 * 1024  # bytes of an Authentication-Results field that is read; mail_auth.authentication_results reads no longer one
MOST_RESULTS = 50  # such fields of a message that are read
LONGEST_WHY = 300  # characters
MOST_SENTENCES, MOST_NAMES = 2, 10  # signals that Why tells, the heaviest first
UNVERIFIED = "none"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Findings about a delivery: its severity, why it was held or passed, and its campaign."""

    severity: Severity = Severity.NONE
    why: str = ""  # sentences for staff, names for recipients
    campaign: int | None = None  # None: like no other message


NO_EVIDENCE = Evidence()


def explain_to_staff(reason: str, signals: Sequence[dict[str, Any]]) -> str:
    """The reason and the heaviest signals as sentences, which may name colleagues and quote their notes on rules."""
    return " ".join([as_sentence(reason), *(one["sentence"] for one in signals[:MOST_SENTENCES])])


def explain_to_recipients(rule: str, signals: Sequence[dict[str, Any]]) -> str:
    """The names of the verdict's rule and of the message's signals: a recipient, or whom they forward to, reads no colleague's words."""
    return " ".join(dict.fromkeys([rule, *(one["name"] for one in signals[:MOST_NAMES])]))


def evidence_fields(authentication: Authentication, evidence: Evidence, authserv_id: str) -> str:
    """Our Authentication-Results, and what a filter can be made of: verified by whom, the risk, the reason, the campaign.

    There is always one X-Mailroom-Verified: "dmarc example.com", "aligned example.com" (where the domain publishes no DMARC
    record), or "none". X-Mailroom-Group stands on messages that belong to a campaign, the same on each of its copies.
    """
    fields = [
        authentication_results(authentication, authserv_id),
        f"X-Mailroom-Verified: {verified_value(authentication)}\r\n",
        f"X-Mailroom-Risk: {field_atom(evidence.severity.word)}\r\n",
        f"X-Mailroom-Why: {text_value(evidence.why)}\r\n",
    ]
    if evidence.campaign is not None:
        fields.append(f"X-Mailroom-Group: {format_id(evidence.campaign)}\r\n")
    return "".join(fields)


def verified_value(authentication: Authentication) -> str:
    """By what the author's domain is proven, and the domain; "none" where it is not."""
    proof, domain = authentication.proof, authentication.dmarc.domain
    return f"{proof} {field_atom(domain)}" if proof and domain else UNVERIFIED


def text_value(text: str) -> str:
    """A text on a line of at most 998 octets (RFC 5322, 2.1.1).

    Where it is not ASCII, or could be read as such, it is in encoded words (RFC 2047), each on a line of its own.
    """
    visible = escape_visible(" ".join(text.split()))[:LONGEST_WHY]
    plain = visible.isascii() and "=?" not in visible
    return visible if plain else "\r\n ".join(Header(visible, "utf-8").encode().split())


def field_atom(text: str) -> str:
    """The text as one atom of a field of ours: whatever could end or fold the field, or close a comment, becomes "?"."""
    return re.sub(r"[^A-Za-z0-9!#$%&'*+/=^_`{|}~.:-]", "?", text)[:255] or "?"


def remove_forged_fields(header: bytes, authserv_id: str) -> bytes:
    """The header without what was forged in our name and results that nobody reads; every other byte as it is."""
    places = count()
    return OURS.sub(lambda found: b"" if comes_out(found, places, authserv_id) else found[0], header)


def comes_out(found: re.Match[bytes], places: Iterator[int], authserv_id: str) -> bool:
    """Whether this is a field that only we may write, or one that nobody reads: left in, it could be in our name, and be believed.

    `places` counts the Authentication-Results of the message, from 0.
    """
    if found["name"].lower() != b"authentication-results":
        return True
    return next(places) >= MOST_RESULTS or len(found["value"]) > LONGEST_RESULTS or is_forged_field(found["value"], authserv_id)
