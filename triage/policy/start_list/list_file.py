"""The file of the start list: one sender a line, read whole or not at all, with the number of each line that is wrong. Pure."""

import difflib
import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from triage.addressing.envelope import ancestor_domains, ascii_domain
from triage.addressing.open_platforms import PLATFORMS, platform_of
from triage.addressing.public_suffix import has_known_ending, is_shared
from triage.errors import BadInput, FaultyLines
from triage.message.mime.links import is_related_host
from triage.say import Said, error_sentence, mark, quote_text, say
from triage.text.sanitize import escape_visible

log = logging.getLogger(__name__)

HEAD = "mailroom-start-list"
CATEGORIES = {  # what a category's senders are, in the order in which they are offered
    "accounts": mark("Sign-in codes and accounts"),
    "banks": mark("Banks, cards and insurance"),
    "parcels": mark("Parcels and post"),
    "travel": mark("Travel and tickets"),
    "shops": mark("Shops and subscriptions"),
    "providers": mark("Telephone and internet"),
    "work": mark("Work, pay and learning"),
    "authorities": mark("Authorities"),
    "networks": mark("Social networks and services"),
}
SENDS = {  # what a sender sends
    "codes": mark("sign-in codes"),
    "confirmations": mark("confirmations"),
    "orders": mark("orders and invoices"),
    "bookings": mark("bookings"),
    "shipments": mark("shipments"),
    "notices": mark("notices"),
}
WORDS = ("category", "sends", "dkim", "source")  # each with a value
FLAGS = ("subdomains", "platform")
SOURCE = re.compile(r"[a-z0-9][a-z0-9./_-]{2,99}")
MOST_LINES = 5000
MOST_FAULTS = 100
MOST_LETTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class ListedSender:
    """A sender of the start list."""

    domain: str
    category: str  # of CATEGORIES
    sends: tuple[str, ...]  # of SENDS
    dkim: tuple[str, ...]  # domains that sign its messages, each with what lies below
    sources: tuple[str, ...]  # public lists that name it
    subdomains: bool = False  # everything below the domain is meant too
    platform: bool = False  # anybody can send messages through it: never offered together with others

    def covers(self, domain: str) -> bool:
        """Whether an author's domain is meant."""
        return domain == self.domain or (self.subdomains and domain.endswith(f".{self.domain}"))


@dataclass(frozen=True, slots=True)
class StartList:
    """A start list: its version, a day, and its senders by domain."""

    version: date
    senders: dict[str, ListedSender]

    def find(self, domain: str) -> ListedSender | None:
        """The nearest sender that covers an author's domain; None where none does."""
        named = (self.senders.get(one) for one in ancestor_domains(domain))
        return next((one for one in named if one is not None and one.covers(domain)), None)


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is wrong, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Domains that no list may name: the company's own, and where anybody can have an address or send through."""

    own: Collection[str] = ()
    free: Collection[str] = ()
    platforms: Collection[str] = PLATFORMS


def read_list(text: str, limits: Limits) -> StartList:
    """The list that a file holds. FaultyLines names each line that is wrong: a typo, a duplicate, a registry, a platform that is not
    marked as one."""
    found, faults = read_lines(text, limits)
    if not found.senders and not faults:
        faults.append(Fault(1, say("there is no sender in it")))
    if faults:
        raise FaultyLines(tuple(faults[:MOST_FAULTS]), len(faults[MOST_FAULTS:]), outcome=say("nothing was changed"))
    return found


def read_accepted(text: str) -> StartList:
    """A list that was accepted before, without the lines that are wrong by now: a domain became one under which anybody can register.

    Settings that changed since make it no worse, for each sender is checked again where it counts.
    """
    found, faults = read_lines(text, Limits(platforms=()))
    for one in faults:
        log.warning("the start list is used without its line %(line)s: %(why)s", {"line": one.line, "why": escape_visible(one.reason)})
    return found


def read_lines(text: str, limits: Limits) -> tuple[StartList, list[Fault]]:
    """The senders that a file holds, and its wrong lines. BadInput for too large a file."""
    if len(text) > MOST_LETTERS:
        raise BadInput(say("a start list has {most} letters at most", most=MOST_LETTERS))
    lines = list(filled_lines(text))
    if len(lines) > MOST_LINES:
        raise BadInput(say("a start list has {most} lines at most", most=MOST_LINES))
    faults: list[Fault] = []
    senders: dict[str, ListedSender] = {}
    first: dict[str, int] = {}
    version = date.min
    for place, (number, line) in enumerate(lines):
        try:
            if not place:
                version = read_head(line)
                continue
            one = read_sender(line, limits)
            if one.domain in senders:
                raise BadInput(say("{domain} is in line {line} already", domain=one.domain, line=first[one.domain]))
            senders[one.domain], first[one.domain] = one, number
        except BadInput as fault:
            faults.append(Fault(number, error_sentence(fault)))
    return StartList(version, senders), faults


def filled_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def read_head(line: str) -> date:
    """The version of a list, from its first line."""
    word, _, given = line.strip().partition(" ")
    try:
        if word != HEAD:
            raise ValueError
        return date.fromisoformat(given.strip())
    except ValueError:
        raise BadInput(say("a start list begins with {head} and a day", head=quote_text(f"{HEAD} 2026-12-01"))) from None


def read_sender(line: str, limits: Limits) -> ListedSender:
    """The sender that one line names."""
    first, *words = line.split()
    domain = read_domain(first)
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in (WORDS if equals else FLAGS):
            raise BadInput(say("there is no {word}{close}", word=quote_text(name[:40]), close=did_you_mean(name, (*WORDS, *FLAGS))))
        if name in values:
            raise BadInput(say("it is listed twice"), field=name)
        values[name] = value
    if missing := next((name for name in WORDS if not values.get(name)), None):
        raise BadInput(say("{missing} is missing", missing=missing))
    sender = ListedSender(
        domain,
        read_words(values, "category", CATEGORIES)[0],
        read_words(values, "sends", SENDS),
        tuple(read_domain(one) for one in values["dkim"].split(",")),
        read_sources(values["source"]),
        "subdomains" in values,
        "platform" in values,
    )
    refuse_strangers(sender, limits)
    return sender


def did_you_mean(word: str, known: Collection[str]) -> str | Said:
    """The nearest known word as the end of a sentence; "" where none is near."""
    close = difflib.get_close_matches(word, list(known), 1)
    return say("; did you mean {close}?", close=quote_text(close[0])) if close else say("; there are {names}", names=", ".join(known))


def read_words(values: dict[str, str], name: str, known: Collection[str]) -> tuple[str, ...]:
    """The words of a value, each of them known; a category is one word."""
    found = tuple(values[name].split(","))
    if name == "category" and len(found) > 1:
        raise BadInput(say("one word, not {found}", found=quote_text(values[name][:80])), field=name)
    for one in found:
        if one not in known:
            raise BadInput(say("there is no {word}{close}", word=quote_text(one[:40]), close=did_you_mean(one, known)), field=name)
    return found


def read_sources(text: str) -> tuple[str, ...]:
    """The public lists that name the sender."""
    found = tuple(text.split(","))
    for one in found:
        if not SOURCE.fullmatch(one):
            raise BadInput(say("{source} names no source, such as rspamd-3.12.1/dmarc_whitelist.inc", source=quote_text(one[:80])))
    return found


def read_domain(text: str) -> str:
    """A domain that one organisation owns."""
    try:
        domain = ascii_domain(text)
    except ValueError as fault:
        raise BadInput(error_sentence(fault)) from fault
    if "." not in domain or not has_known_ending(domain):
        raise BadInput(say("{domain} ends in no known top-level domain: is it a typo?", domain=quote_text(domain)))
    if is_shared(domain):
        raise BadInput(say("anybody can register a domain under {value}; name the domain of one organisation", value=domain))
    return domain


def refuse_strangers(sender: ListedSender, limits: Limits) -> None:
    """BadInput for a sender that nobody may be offered: ourselves, a free-mail provider, an unmarked platform, a foreign signature."""
    names = ancestor_domains(sender.domain)
    if any(one in names or one.endswith(f".{sender.domain}") for one in limits.own):
        raise BadInput(say("{domain} is your company's own domain", domain=sender.domain))
    if free := next((one for one in limits.free if one in names or (sender.subdomains and one.endswith(f".{sender.domain}"))), ""):
        raise BadInput(say("anybody can get an address at {free}; allow single addresses there", free=free))
    if not sender.platform and (found := platform_of(sender.domain, limits.platforms)):
        raise BadInput(say("anybody can send messages through {platform}: mark the line as platform", platform=found))
    for one in sender.dkim:
        if not is_related_host(one, sender.domain):
            raise BadInput(say("{one} belongs to another organisation than {domain}", one=one, domain=sender.domain), field="dkim")


def write_sender(one: ListedSender) -> str:
    """A sender as a line of the file, which `read_sender` reads back."""
    flags = [name for name in FLAGS if getattr(one, name)]
    values = {"category": (one.category,), "sends": one.sends, "dkim": one.dkim, "source": one.sources}
    return " ".join([one.domain, *(f"{name}={','.join(some)}" for name, some in values.items()), *flags])
