"""Trace fields: what we put on top of a message that goes on, and what was forged in our name and comes out. Pure."""

import ipaddress
import re
from email.utils import format_datetime

from triage.authentication import Authentication, Spf
from triage.envelope import Envelope
from triage.ids import show

FIELD_START = re.compile(rb"[\x21-\x39\x3b-\x7e]+[ \t]*:")  # RFC 5322, 2.2 and 4.5
MBOX_START = re.compile(rb">*From (?![ \t]*:)")
# The whole of a field that may speak in our name, folded lines included
OURS = re.compile(
    rb"^(?P<name>x-mailroom-[^\r\n:]*+|authentication-results)[ \t]*:(?P<value>(?:[^\r\n]++|\r\n[ \t])*+)(?:\r\n|\Z)", re.I | re.M
)
BARE = re.compile(rb"\r\n|\r|\n")
TOKEN = re.compile(r"[^\x00-\x20\x7f-\U0010ffff()<>@,;:\\\"/\[\]?=]+")  # RFC 2045, 5.1
PARTS = re.compile(r'\\.|[^\\"();]+|.', re.S)  # of a structured field: quoted pairs, text, delimiters
DOMAIN = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
PATH = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")


def stamp(
    raw: bytes, *, envelope: Envelope, authentication: Authentication, hostname: str, authserv_id: str, message_id_text: str, rule: str
) -> bytes:
    """The message with our trace fields on top and without what was forged in our name.

    Everything else is as it came in, byte for byte, so that the author's DKIM signature still verifies; only line
    ends that are not CRLF become CRLF. `message_id_text` is `ids.show(message id)`, `rule` the name of the verdict's rule.
    """
    header, body = split(crlf(raw))
    fields = (
        received(envelope, hostname),
        authentication_results(authentication, authserv_id),
        f"X-Mailroom-Message: {word(message_id_text)}\r\n",
        f"X-Mailroom-Verdict: {word(rule)}\r\n",
    )
    own = "".join(fields).encode("ascii")
    if body_only(header):
        return own + b"\r\n" + header + body
    kept = OURS.sub(lambda found: b"" if forged(found, authserv_id) else found[0], header)
    return own + separator(kept) + kept + body


def crlf(raw: bytes) -> bytes:
    """The same lines, each ended by CRLF: what is passed on can smuggle nothing (RFC 5321, 2.3.8)."""
    if raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n"):
        return raw
    return BARE.sub(b"\r\n", raw)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The header block with its last line end, and the rest from the empty line on."""
    if raw.startswith(b"\r\n"):
        return b"", raw
    end = raw.find(b"\r\n\r\n")
    return (raw, b"") if end < 0 else (raw[: end + 2], raw[end + 2 :])


def body_only(header: bytes) -> bool:
    """Does the message begin with something else than a field: text without a header, or a continuation of nothing?"""
    return bool(header) and not FIELD_START.match(header) and not MBOX_START.match(header)


def separator(header: bytes) -> bytes:
    """What keeps our fields and the first line apart where that line is no field; as Postfix does."""
    if MBOX_START.match(header):
        return b"Mailbox-Line: "
    return b"\r\n" if body_only(header) else b""


def received(envelope: Envelope, hostname: str) -> str:
    """Our Received field (RFC 5321, 4.4). What the client said of itself appears only where it is a domain or an address."""
    lines = [f"Received: from {origin(envelope)}", *way(envelope)]
    lines.append(f"by {word(hostname)} with {word(envelope.protocol)} id {show(envelope.spool_id)}")
    if envelope.tls:
        lines.append(f"(using {word(envelope.tls)})")
    if len(envelope.recipients) == 1 and PATH.fullmatch(envelope.recipients[0]):  # several would tell each of the others
        lines.append(f"for <{envelope.recipients[0]}>")
    return "\r\n\t".join(lines) + f";\r\n\t{format_datetime(envelope.received_at)}\r\n"


def origin(envelope: Envelope) -> str:
    """Extended-Domain of the client; of the edge where that did not tell who the client was."""
    if envelope.edge and not envelope.client:
        return extended_domain(envelope.edge_helo, envelope.edge)
    return extended_domain(envelope.helo, envelope.client, envelope.client_name)


def way(envelope: Envelope) -> list[str]:
    """Through whom of ours the client's mail came, as a comment."""
    if envelope.proxy:
        return [f"(through the proxy {literal(envelope.proxy) or word(envelope.proxy)})"]
    if not envelope.edge or not envelope.client:
        return []
    taken = f", which took it with {word(envelope.client_protocol)}" if envelope.client_protocol else ""
    greeting = envelope.edge_helo if DOMAIN.fullmatch(envelope.edge_helo) else ""
    return [" ".join(part for part in ("(through the edge", greeting, literal(envelope.edge) or word(envelope.edge)) if part) + f"{taken})"]


def extended_domain(helo: str, client: str, name: str = "") -> str:
    """The greeting and the real address; the address alone where the greeting is neither domain nor address (RFC 5321, 4.4)."""
    address = literal(client)
    greeting = helo if DOMAIN.fullmatch(helo) else literal(helo.removeprefix("[").removesuffix("]"))
    named = f"{name} {address}" if DOMAIN.fullmatch(name) else address
    return f"{greeting or address or 'unknown'} ({named})" if address else greeting or "unknown"


def literal(text: str) -> str:
    """An IP address as address literal (RFC 5321, 4.1.3); "" when it is none."""
    try:
        address = ipaddress.ip_address(text.removeprefix("IPv6:").partition("%")[0])
    except ValueError:
        return ""
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def authentication_results(authentication: Authentication, authserv_id: str) -> str:
    """Our Authentication-Results field (RFC 8601): every result that was found, SPF, DKIM, ARC and DMARC."""
    results = [result("spf", spf.result, (f"smtp.{identity_of(spf)}", spf.domain)) for spf in authentication.spf]
    for dkim in authentication.dkim:
        results.append(result("dkim", dkim.result, ("header.d", dkim.domain), ("header.s", dkim.selector), ("header.a", dkim.algorithm)))
    if not authentication.dkim:
        results.append("dkim=none")
    if authentication.arc.instances:
        results.append(result("arc", authentication.arc.result))
    dmarc = authentication.dmarc
    results.append(result("dmarc", dmarc.result, ("header.from", dmarc.domain)))
    return "Authentication-Results: " + ";\r\n\t".join([value(authserv_id), *results]) + "\r\n"


def identity_of(spf: Spf) -> str:
    """The property that SPF spoke about (RFC 8601, 2.7.2)."""
    return "helo" if spf.identity == "helo" else "mailfrom"


def result(method: str, outcome: str, *properties: tuple[str, str]) -> str:
    """One resinfo: method, outcome and the properties that are known."""
    return " ".join([f"{method}={outcome}", *(f"{name}={value(text)}" for name, text in properties if text)])


def value(text: str) -> str:
    """A token, or a quoted string when it needs to be one (RFC 2045, 5.1). What is no printable ASCII becomes "?"."""
    if TOKEN.fullmatch(text):
        return text
    plain = re.sub(r"[^\x20-\x7e]", "?", text)[:255]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def word(text: str) -> str:
    """The text as one atom of a field of ours: whatever could end or fold the field, or close a comment, becomes "?"."""
    return re.sub(r"[^A-Za-z0-9!#$%&'*+/=^_`{|}~.:-]", "?", text)[:255] or "?"


def forged(found: re.Match[bytes], authserv_id: str) -> bool:
    """Does this field speak in our name? One that cannot be read and mentions us does too."""
    if found["name"].lower() != b"authentication-results":
        return True
    text, ours = found["value"].decode("latin-1").replace("\r\n", ""), authserv_id.casefold().rstrip(".")
    named = authserv_id_of(text)
    if named is None:
        return ours in text.casefold()
    words = re.split(r"[\x00-\x20\x7f]+", named.strip())
    if len(words) > 1 and words[-1].isdigit():
        words.pop()  # the version
    first_word, squeezed = re.split(r"[<>@,:/\[\]?=]", words[0])[0], "".join(words)
    return ours in (first_word.casefold().rstrip("."), squeezed.casefold().rstrip("."))


def authserv_id_of(text: str) -> str | None:
    """What an unfolded Authentication-Results value says before its first ";", comments and quotes taken away.

    None when a comment or a quoted string never ends (RFC 5322, 3.2.2 and 3.2.4; RFC 8601, 2.2).
    """
    depth, quoted, kept = 0, False, []
    for part in PARTS.findall(text):
        if part == '"' and not depth:
            quoted = not quoted
        elif part in ("(", ")") and not quoted:
            depth = max(0, depth + (1 if part == "(" else -1))
        elif part == ";" and not depth and not quoted:
            break
        elif not depth:
            kept.append(part.removeprefix("\\"))
    return None if depth or quoted else "".join(kept)
