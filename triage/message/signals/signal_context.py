"""A signal, and everything that the rules which find signals may look at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

from triage.message.authentication import Authentication
from triage.message.mime.links import Destination, link_destination
from triage.message.sender_proof import SenderProof
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.summary import Summary
from triage.text.json_values import as_dict

LOOKED_AT = 4_000  # characters of the text: what matters stands near the top
TOGETHER = 64  # messages of which is remembered what several rules ask for: more than are judged together
FULL_WEIGHT = 100
OPENING = itemgetter(slice(4))  # the first four letters
BETWEEN = str.maketrans(dict.fromkeys("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~“”„‚’‘«»…–—\u00a0", " "))


@dataclass(frozen=True, slots=True)
class Signal:
    """Signal about a message. `sum_weights` 0-100 is its risk and never a verdict; `evidence` is its basis."""

    name: str
    sentence: str
    weight: int = 0
    evidence: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API."""
        return as_dict(self)


def sum_weights(signals: Iterable[Signal]) -> int:
    """The weights added up, at most 100: how much to mind."""
    return min(FULL_WEIGHT, sum(signal.weight for signal in signals))


@dataclass(frozen=True, slots=True)
class Met:
    """Whether this author has written here before."""

    wrote: bool = False  # there was mail from them before
    accepted: bool = False  # and some of it was released or passed
    colleagues: bool = False  # mail from others of their domain was accepted


@dataclass(frozen=True, slots=True)
class SimilarContacts:
    """Known senders that this author could be taken for."""

    namesakes: tuple[str, ...] = ()  # addresses of those who have the same display name
    domains: tuple[str, ...] = ()  # domains of known senders that may look alike
    siblings: tuple[str, ...] = ()  # those of them whose name the author's domain has too, and that domain has sent wanted messages


@dataclass(frozen=True)
class Seen:
    """Input of the rules that find signals. Everything beside the message itself was looked up before."""

    summary: Summary
    authentication: Authentication
    now: datetime
    own_domains: frozenset[str] = frozenset()
    people: Mapping[str, str] = field(default_factory=dict)  # folded full name -> mailbox of those whose names are worth imitating
    met: Met = Met(wrote=True, accepted=True)
    known: SimilarContacts = SimilarContacts()
    sender_proof: SenderProof | None = None  # how it proves the domain of a known sender
    recipients: int = 1  # mailboxes of ours that it came for
    platform: str = ""  # the service that its author's domain is, where anybody can send through that
    reverse_path: str = ""
    listed: str = ""  # who lists the client as bad
    scan: Scan = NOT_ASKED

    @cached_property
    def author_domain(self) -> str:
        """Domain of the one author, "" without one."""
        return self.summary.author.rpartition("@")[2]

    @cached_property
    def words(self) -> str:
        """Subject and the top of the text, folded, as one line."""
        return " ".join(top_of(self.summary).split())

    @cached_property
    def openings(self) -> frozenset[str]:
        """The first four letters of every word of `words`."""
        return word_openings(self.summary)

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """Destinations of its links, in their order."""
        return tuple(link_destination(link.target) for link in self.summary.links)

    def is_ours(self, host: str) -> bool:
        """Whether this is one of our own domains, or below one."""
        return any(host == own or host.endswith("." + own) for own in self.own_domains)


@lru_cache(maxsize=TOGETHER)  # asked by several rules and by the policy
def word_openings(summary: Summary) -> frozenset[str]:
    """The first four letters of every word of `Seen.words`. A pattern that needs one of some words is tried only when one may be there."""
    return frozenset(map(OPENING, top_of(summary).translate(BETWEEN).split()))


def top_of(summary: Summary) -> str:
    """Subject and the top of the text, folded."""
    return f"{summary.subject} {summary.text[:LOOKED_AT]}".casefold()
