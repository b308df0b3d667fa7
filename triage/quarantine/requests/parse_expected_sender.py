"""Parses from whom somebody expects messages, as they say it: addresses and domains in a few words. Pure."""

import re
from collections.abc import Collection, Iterator

from triage.addressing.envelope import Address, ancestor_domains, ascii_domain

MOST = 5
LINES = 20  # of the text, above the signature
ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']{1,64}@[\w.-]{3,255}")
DOMAIN = re.compile(r"(?<![\w@.-])@?((?:[\w-]{1,63}\.)+[^\W\d_]{2,63})(?![\w@-])")


def parse_senders(subject: str, text: str, *, ours: Collection[str], freemail: Collection[str] = ()) -> tuple[str, ...]:
    """The senders that are named, folded: in the subject, else in the first lines of the text. Never one of us, no whole provider."""
    return tuple(named_senders(subject, ours, freemail)) or tuple(named_senders("\n".join(above_signature(text)), ours, freemail))


def above_signature(text: str) -> Iterator[str]:
    """The lines that somebody wrote for this message."""
    for line in text.splitlines()[:LINES]:
        if line.rstrip() == "--" or line.startswith(">"):
            return
        yield line


def named_senders(text: str, ours: Collection[str], freemail: Collection[str]) -> list[str]:
    """The addresses in a text, and the domains that stand by themselves."""
    found: dict[str, None] = {}
    for one in ADDRESS.findall(text):
        if (sender := sender_of(one.rstrip("."), ours, freemail)) and len(found) < MOST:
            found[sender] = None
    for one in DOMAIN.findall(ADDRESS.sub(" ", text)):
        if (sender := sender_of(one, ours, freemail)) and len(found) < MOST:
            found[sender] = None
    return list(found)


def sender_of(text: str, ours: Collection[str], freemail: Collection[str] = ()) -> str:
    """Parses an address or domain, folded; "" when it names nobody outside, or far too many."""
    text = text.strip().removeprefix("@")
    try:
        sender = str(Address.parse(text)) if "@" in text else ascii_domain(text)
    except ValueError:
        return ""
    domain = sender.rpartition("@")[2]
    if "." not in domain or not set(ours).isdisjoint(ancestor_domains(domain)) or (sender == domain and domain in freemail):
        return ""
    return sender
