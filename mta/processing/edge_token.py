"""Our own tenant of a range that an edge shares with strangers is known by a token in the header (mail flow, point 4). Pure."""

import hmac
import re
from dataclasses import replace

from triage.addressing.envelope import Envelope

NAME = "X-Mailroom-Edge"  # like all fields of that family it comes out before the message goes on
FIELD = re.compile(rb"^x-mailroom-edge[ \t]*:[ \t]*([^\r\n]*)", re.I | re.M)
MOST_HEADER = 256 * 1024  # bytes looked at: the SMTP server takes more, and mail whose token stands further down is a stranger's


def trusted_envelope(envelope: Envelope, raw: bytes, token: str) -> Envelope:
    """The envelope as far as it may be believed.

    Where a token is set, who comes from a trusted edge without it is a stranger who uses the same machines: then the
    client is that machine, and what it said of another client or found out about the sender counts for nothing.
    """
    if not token or not envelope.edge or has_valid_token(raw, token):
        return envelope
    unnamed = {"client_name": "", "client_protocol": "", "edge": "", "edge_helo": ""}
    return replace(envelope, client=envelope.edge, helo=envelope.edge_helo, **unnamed)  # type: ignore[arg-type]


def has_valid_token(raw: bytes, token: str) -> bool:
    """Whether the header holds the token exactly once, and no other."""
    found = FIELD.findall(raw[: header_end(raw)])
    return len(found) == 1 and hmac.compare_digest(found[0].strip(), token.encode())


def header_end(raw: bytes) -> int:
    """Returns the offset where the header ends, bounded."""
    end = raw.find(b"\r\n\r\n", 0, MOST_HEADER)
    return MOST_HEADER if end < 0 else end
