"""Trace fields: what we put on top of a message that goes on, and what was forged in our name and comes out. Pure."""

import ipaddress
import re
from email.utils import format_datetime

from mta.spool.line_endings import normalise_crlf
from triage.addressing.envelope import Envelope
from triage.ids import format_id
from triage.message.authentication import Authentication
from triage.message.trace.mailroom_fields import Evidence, evidence_fields, field_atom, remove_forged_fields

FIELD_START = re.compile(rb"[\x21-\x39\x3b-\x7e]+[ \t]*:")  # RFC 5322, 2.2 and 4.5
MBOX_START = re.compile(rb">*From (?![ \t]*:)")
DOMAIN = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
PATH = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")


def stamp_message(
    raw: bytes,
    *,
    envelope: Envelope,
    authentication: Authentication,
    hostname: str,
    authserv_id: str,
    message_id_text: str,
    rule: str,
    evidence: Evidence,
    marks: str = "",
) -> bytes:
    """The message with our trace fields on top and without what was forged in our name.

    Everything else is as it came in, byte for byte, so that the author's DKIM signature still verifies; only line
    ends that are not CRLF become CRLF. `message_id_text` is `ids.show(message id)`, `rule` the name of the verdict's rule,
    `marks` the names of rules on content that mark it.
    """
    header, body = split_header(normalise_crlf(raw))
    fields = (
        received_field(envelope, hostname),
        evidence_fields(authentication, evidence, authserv_id),
        f"X-Mailroom-Message: {field_atom(message_id_text)}\r\n",
        f"X-Mailroom-Verdict: {field_atom(rule)}\r\n",
        *(f"X-Mailroom-Mark: {field_atom(name)}\r\n" for name in marks.split()),
    )
    own = "".join(fields).encode("ascii")
    if body_only(header):
        return own + b"\r\n" + header + body
    kept = remove_forged_fields(header, authserv_id)
    return own + header_separator(kept) + kept + body


def passed_on(raw: bytes, *, envelope: Envelope, hostname: str) -> bytes:
    """An employee's mail on its way out: our Received field on top, everything else as it came."""
    header, body = split_header(normalise_crlf(raw))
    return received_field(envelope, hostname).encode("ascii") + header_separator(header) + header + body


def split_header(raw: bytes) -> tuple[bytes, bytes]:
    """The header block with its last line end, and the rest from the empty line on."""
    if raw.startswith(b"\r\n"):
        return b"", raw
    end = raw.find(b"\r\n\r\n")
    return (raw, b"") if end < 0 else (raw[: end + 2], raw[end + 2 :])


def body_only(header: bytes) -> bool:
    """Whether the message begins with something else than a field: text without a header, or a continuation of nothing."""
    return bool(header) and not FIELD_START.match(header) and not MBOX_START.match(header)


def header_separator(header: bytes) -> bytes:
    """Returns the line that keeps our trace fields apart from a first line that is no field; as Postfix does."""
    if MBOX_START.match(header):
        return b"Mailbox-Line: "
    return b"\r\n" if body_only(header) else b""


def received_field(envelope: Envelope, hostname: str) -> str:
    """Our Received field (RFC 5321, 4.4). What the client said of itself appears only where it is a domain or an address."""
    lines = [f"Received: from {client_identity(envelope)}", *edge_comment(envelope)]
    lines.append(f"by {field_atom(hostname)} with {field_atom(envelope.protocol)} id {format_id(envelope.spool_id)}")
    if envelope.tls:
        lines.append(f"(using {field_atom(envelope.tls)})")
    if len(envelope.recipients) == 1 and PATH.fullmatch(envelope.recipients[0]):  # several would tell each of the others
        lines.append(f"for <{envelope.recipients[0]}>")
    return "\r\n\t".join(lines) + f";\r\n\t{format_datetime(envelope.received_at)}\r\n"


def client_identity(envelope: Envelope) -> str:
    """Extended-Domain of the client; of the edge where that did not tell who the client was."""
    if envelope.edge and not envelope.client:
        return extended_domain(envelope.edge_helo, envelope.edge)
    return extended_domain(envelope.helo, envelope.client, envelope.client_name)


def edge_comment(envelope: Envelope) -> list[str]:
    """Through whom of ours the client's mail came, as a comment."""
    if envelope.proxy:
        return [f"(through the proxy {address_literal(envelope.proxy) or field_atom(envelope.proxy)})"]
    if not envelope.edge or not envelope.client:
        return []
    taken = f", which took it with {field_atom(envelope.client_protocol)}" if envelope.client_protocol else ""
    greeting = envelope.edge_helo if DOMAIN.fullmatch(envelope.edge_helo) else ""
    return [
        " ".join(part for part in ("(through the edge", greeting, address_literal(envelope.edge) or field_atom(envelope.edge)) if part)
        + f"{taken})"
    ]


def extended_domain(helo: str, client: str, name: str = "") -> str:
    """The greeting and the real address; the address alone where the greeting is neither domain nor address (RFC 5321, 4.4)."""
    address = address_literal(client)
    greeting = helo if DOMAIN.fullmatch(helo) else address_literal(helo.removeprefix("[").removesuffix("]"))
    named = f"{name} {address}" if DOMAIN.fullmatch(name) else address
    return f"{greeting or address or 'unknown'} ({named})" if address else greeting or "unknown"


def address_literal(text: str) -> str:
    """An IP address as address literal (RFC 5321, 4.1.3); "" when it is none."""
    try:
        address = ipaddress.ip_address(text.removeprefix("IPv6:").partition("%")[0])
    except ValueError:
        return ""
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
