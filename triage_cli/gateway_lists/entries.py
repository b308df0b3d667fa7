"""Entry of another gateway's allowlist or blocklist: the rule that it means, or the reason why it is unclear."""

import ipaddress
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_NOTE = 200  # characters of a remark that come along
NET_DATE = re.compile(r"/Date\((\d+)\)/")  # milliseconds since 1970, as Windows PowerShell writes JSON
GLOB = re.compile(r"[*?\[\]{}()|\\^$/]")
SUBDOMAINS = re.compile(r"(?:\*?@)?\*?\.([^*?@]+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry of another gateway's list. `rule` is a line for `POST /rules/import`; "" where `why` says what is unsure."""

    place: str  # in the file, such as line 7
    text: str
    rule: str = ""
    why: str = ""


class Unsure(Exception):
    """Reason why an entry is not imported."""


def read_entry(place: str, text: str, effect: str, *, proof: str = "", until: str = "", note: str = "", bare: bool = True) -> Entry:
    """The entry of one sender. `bare`: a word without @ is a domain. `until`: when it ends, "" for never."""
    try:
        rule = {"effect": effect, "sender": sender_of(text, effect, bare=bare)}
        ends = end_of(until)
    except Unsure as fault:
        return Entry(place, text, why=str(fault))
    more = {"proof": proof if effect == "allow" else "", "until": ends, "note": " ".join(note.split())[:MOST_NOTE]}
    return Entry(place, text, json.dumps(rule | {name: value for name, value in more.items() if value}))


def sender_of(text: str, effect: str, *, bare: bool) -> str:
    """An address or a domain as rules name it. Unsure of every pattern that a rule would widen or narrow."""
    word = text.strip().lower()
    if below := SUBDOMAINS.fullmatch(word):
        raise Unsure(f"means the subdomains only. If {below[1]} itself is meant too: mailroom {effect} .{below[1]}")
    word = word.removeprefix("*").removeprefix("@") if re.fullmatch(r"\*?@[^*?@]+", word) else word if bare or "@" in word else ""
    if not word:
        raise Unsure("matches no whole address there, so nobody can tell what was meant")
    if is_network(word):
        raise Unsure("is an IP address or network; rules are about senders")
    if GLOB.search(word):
        raise Unsure("is a pattern; rules name whole addresses and domains")
    return word


def is_network(word: str) -> bool:
    """Whether a word is an IP address or a network."""
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True


def end_of(text: str) -> str:
    """Returns when the entry expires, in ISO 8601. Unsure of dates that are read differently in other countries."""
    if not text:
        return ""
    if found := NET_DATE.fullmatch(text):
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Unsure(f"ends on {text}, which is no date such as 2026-11-24") from fault
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
