"""The SMTP envelope (RFC 5321): who sent a message, from where, to whom."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Self

from triage.say import quote_text, say
from triage.times import from_micros, to_micros

ATOM = r"[^\x00-\x20\x7f-\x9f()<>@,;:\\\"\[\]]+"
PLAIN_ADDRESS = re.compile(rf"(?P<local>{ATOM})@(?P<domain>[^\x00-\x20\x7f-\x9f()<>@,;:\\\"\[\]%!]+)")
LONGEST_ADDRESS = 254  # letters
LONGEST_LOCAL = 64  # bytes of a local part (RFC 5321, 4.5.3.1.1)
LONGEST_DOMAIN, LONGEST_LABEL = 253, 63  # letters (RFC 1035, 2.3.4)
LONGEST_WRITTEN = 4 * LONGEST_DOMAIN  # the same as strangers write it, accents apart from their letters
DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what separates labels (RFC 3490, 3.1)
IGNORED = re.compile("[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]")  # by the old IDNA (RFC 3454, B.1)
MOST_MARKS = 30  # on one letter: to be put in order they take time in their square
KEPT = {"ß": "ß", "ẞ": "ß", "ς": "ς"}  # letters that casefold would make another domain of
LABEL = re.compile(r"(?!-)[^\W_](?:[\w-]*[^\W_])?|_[\w-]+", re.UNICODE)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A mailbox as local part and domain, both folded (`fold_text`, `ascii_domain`): equal addresses are equal values."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `local@domain`. Quoted local parts, source routes, literals, `%` and `!` routing raise ValueError."""
        found = PLAIN_ADDRESS.fullmatch(text.strip())
        if not found or len(text) > LONGEST_ADDRESS:
            raise ValueError(say("{text} is not an email address", text=quote_text(text[:80])))
        local, domain = fold_text(found["local"]), ascii_domain(found["domain"])
        if len(local.encode()) > LONGEST_LOCAL or ".." in local or local.startswith(".") or local.endswith("."):
            raise ValueError(say("{text} is not an email address", text=quote_text(text[:80])))
        return cls(local, domain)

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def fold_text(text: str) -> str:
    """Text without differences of case and of composed letters (Unicode 3.13, canonical caseless matching), in NFC."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


@lru_cache(4096)
def parse_or_none(text: str) -> Address | None:
    """The address, None where it is none. Asked several times about each message."""
    try:
        return Address.parse(text)
    except ValueError:
        return None


@lru_cache(4096)
def ascii_domain(domain: str) -> str:
    """The domain in lower case, without a trailing dot, U-labels as A-labels (IDNA 2008). ValueError if it is none."""
    if len(domain) > LONGEST_WRITTEN:
        raise ValueError(say("{domain} is not a domain", domain=quote_text(domain[:80])))
    found: list[str] = []
    room = LONGEST_DOMAIN + 1
    for label in DOTS.split(domain.strip()):
        found.append(ascii_label(label))
        room -= len(found[-1])
        if room < 0:
            break  # it is too long: whatever follows is not looked at
    encoded = ".".join(found).removesuffix(".")
    labels = encoded.split(".")
    if len(encoded) > LONGEST_DOMAIN or not all(len(label) <= LONGEST_LABEL and LABEL.fullmatch(label) for label in labels):
        raise ValueError(say("{domain} is not a domain", domain=quote_text(domain[:80])))
    return encoded


def ascii_label(label: str) -> str:
    """DNS form of a label (RFC 5891). Unlike Python's codec, which is IDNA 2003, it keeps ß and ς apart from ss and σ.

    ValueError for what no label holds: anything but letters, marks, digits and hyphens, and more of them than a label has, for
    Punycode takes its time over those.
    """
    if label.isascii():
        return label.lower()
    normal = unicodedata.normalize("NFKC", label)
    if len(normal) > LONGEST_LABEL:
        raise ValueError(say("{label} is not a valid part of a domain", label=quote_text(label[:80])))
    lower = unicodedata.normalize("NFKC", "".join(KEPT.get(letter) or letter.casefold() for letter in normal))
    if lower.isascii():
        return lower
    spelt = all(unicodedata.category(letter)[0] in "LMN" or letter == "-" for letter in lower) and not unicodedata.combining(lower[0])
    fits = len(lower) <= LONGEST_LABEL - len("xn--")  # each letter takes one or more
    encoded = "xn--" + lower.encode("punycode").decode("ascii") if spelt and fits else ""
    if not encoded or len(encoded) > LONGEST_LABEL:
        raise ValueError(say("{label} is not a valid part of a domain", label=quote_text(label[:80])))
    return encoded


def old_ascii_domain(domain: str) -> str:
    """The domain as a program with the old IDNA reads it (RFC 3490, Python's codec). ValueError if it is none."""
    normal = normal_domain(domain)
    if any(len(label) > LONGEST_LABEL for label in DOTS.split(normal)):
        raise ValueError(say("{domain} is not a domain", domain=quote_text(domain[:80])))
    return normal.encode("idna").decode("ascii")


def normal_domain(domain: str) -> str:
    """Normalises a domain by NFKC, without letters that do not count. ValueError where no domain is as long, before it takes its time."""
    counted = IGNORED.sub("", domain)
    if len(counted) > LONGEST_WRITTEN or is_overladen(counted):
        raise ValueError(say("{domain} is not a domain", domain=quote_text(domain[:80])))
    normal = unicodedata.normalize("NFKC", counted)
    if len(normal) > LONGEST_DOMAIN + len("."):
        raise ValueError(say("{domain} is not a domain", domain=quote_text(domain[:80])))
    return normal


def is_overladen(text: str) -> bool:
    """Whether there are more marks on one letter than any has."""
    runs = groupby(text, lambda letter: unicodedata.combining(letter) > 0)
    return not text.isascii() and any(is_marks and len(list(run)) > MOST_MARKS for is_marks, run in runs)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Envelope of an SMTP transaction, as the SMTP server took it.

    `client` and what goes with it is whoever gave the message to the company: the other end of the connection, or
    behind an edge whom the edge named. `edge` is set only where an edge MTA has answered for the message already.
    """

    spool_id: int
    received_at: datetime
    reverse_path: str  # "" is the null reverse-path
    recipients: tuple[str, ...]  # as the client wrote them, order kept
    client: str  # its IP address; "" when the edge does not tell
    helo: str
    tls: str = ""  # of the connection to us, e.g. "TLSv1.3", "" without TLS
    protocol: str = "ESMTP"  # of the connection to us: the "with" word of our Received field (RFC 3848)
    smtputf8: bool = False
    normalised: bool = False  # bare CR or LF were made CRLF: such a message is never proven (security.md)
    edge: str = ""  # address of the trusted edge that handed the message over, "local" for a unix socket; "" from the client itself
    edge_helo: str = ""  # the edge's own greeting
    proxy: str = ""  # address of the proxy that only passed the client's connection through
    client_name: str = ""  # the client's host name as the edge has verified it
    client_protocol: str = ""  # SMTP or ESMTP, as the edge took it

    def is_to(self, addresses: Collection[str]) -> bool:
        """Whether one of these addresses, which are folded, is a recipient."""
        return any(str(parse_or_none(one)) in addresses for one in self.recipients if addresses)

    def as_json(self) -> dict[str, Any]:
        """Plain values for the spool; `from_json` reads them back."""
        values = {name: getattr(self, name) for name in ENVELOPE_FIELDS}
        return values | {"received_at": to_micros(self.received_at), "recipients": list(self.recipients)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The envelope that `as_json` wrote. What a newer version has added is left out; what an older one did not know has its default."""
        known = {name: values[name] for name in ENVELOPE_FIELDS if name in values}
        return cls(**known | {"received_at": from_micros(values["received_at"]), "recipients": tuple(values["recipients"])})


ENVELOPE_FIELDS = tuple(one.name for one in fields(Envelope))


def ancestor_domains(domain: str) -> list[str]:
    """The domain and each domain above it, nearest first, top-level domains left out."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
