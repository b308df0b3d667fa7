"""The one look that the receiving daemon takes into a message: author, signers and hops, in bounded time. Pure."""

import re
from dataclasses import dataclass
from itertools import islice

from triage.addressing.envelope import Address, ascii_domain
from triage.message.authors import author_of

LONGEST_HEADER = 256 * 1024  # bytes looked at
MOST_FIELDS = 2_000
MOST_SIGNATURES = 10  # of which the judge looks at the first ones as well
LONGEST_AUTHOR = 8 * 1024  # bytes of a From field that are read

FIELD = re.compile(
    rb"^(?P<name>from|received|dkim-signature)[ \t]*:(?P<value>[^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)
# what nearly every message has: a name of plain words, and a plain address in angle brackets or alone (RFC 5322, 3.4)
WORDS = rb"[A-Za-z0-9]++(?:[._+-][A-Za-z0-9]++)*+"
PLAIN = WORDS + rb"@[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+(?:\.[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+)*\.[A-Za-z]{2,20}"
PLAIN_AUTHOR = re.compile(rb" *+(?:[A-Za-z0-9 ]*+<(?P<named>" + PLAIN + rb")>|(?P<alone>" + PLAIN + rb"))")
SIGNER = re.compile(rb"(?:^|;)[ \t\r\n]*d[ \t\r\n]*=[ \t\r\n]*(?P<domain>[^;\s]+)")


@dataclass(frozen=True, slots=True)
class HeaderScan:
    """Parts of a header that the SMTP server may act on."""

    author: Address | None = None  # None unless there is exactly one From field with exactly one readable mailbox
    signers: frozenset[str] = frozenset()  # d= of the DKIM-Signature fields, the first ones of many
    hops: int = 0  # Received fields
    own_hops: int = 0  # Received fields that say "by" our own name


def scan_header(raw: bytes, hostname: str) -> HeaderScan:
    """Look at the header block of a message whose line ends are CRLF."""
    end = 0 if raw.startswith(b"\r\n") else raw.find(b"\r\n\r\n", 0, LONGEST_HEADER)
    head = raw[: end if end >= 0 else LONGEST_HEADER]
    own = re.compile(rb"\bby[ \t\r\n]+" + re.escape(hostname.encode()) + rb"(?![\w.-])", re.IGNORECASE)
    authors: list[bytes] = []
    signatures: list[bytes] = []
    hops = own_hops = 0
    for field in islice(FIELD.finditer(head), MOST_FIELDS):
        name, value = field["name"].lower(), field["value"]
        if name == b"from":
            authors.append(value)
        elif name == b"received":
            hops += 1
            own_hops += bool(own.search(value))
        else:
            signatures.append(value)
    signers = frozenset(filter(None, map(signing_domain, signatures[:MOST_SIGNATURES])))
    return HeaderScan(author_mailbox(authors[0]) if len(authors) == 1 else None, signers, hops, own_hops)


def signing_domain(value: bytes) -> str:
    """The d= domain of a DKIM-Signature field (RFC 6376, 3.5), "" when it names none."""
    found = SIGNER.search(value)
    try:
        return ascii_domain(found["domain"].decode()) if found else ""
    except ValueError:
        return ""


def author_mailbox(value: bytes) -> Address | None:
    """The one mailbox of a From field, None when it is not plainly one."""
    if len(value) > LONGEST_AUTHOR:
        return None
    if plain := PLAIN_AUTHOR.fullmatch(value):
        try:
            return Address.parse((plain["named"] or plain["alone"]).decode())
        except ValueError:
            return None
    mailbox = author_of([value])
    return Address.parse(mailbox.address) if mailbox.address else None
