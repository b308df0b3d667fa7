"""Simulated outcome of one past message, and the rules that would have released it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Remedy:
    """An allow for the whole company that would have let a message through, as the policy itself says."""

    match: str  # address, domain, subdomains, list
    value: str
    proof: str  # dmarc, aligned, dkim:DOMAIN


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Past message in a mailbox, judged as if it came today."""

    arrived: datetime
    mailbox: str
    department: str
    author: str
    disposition: str  # relay, quarantine, purge
    rule: str  # of the policy
    item: str  # held messages with the same one are one row in the queue
    remedies: tuple[Remedy, ...] = ()  # of a held one; of one that deceives all that are about its sender
    unknown: bool = False  # DNS did not answer
    answered: datetime | None = None  # when its reader answered it: then it was wanted
    deceives: str = ""  # what about it looks like an attack, in words
    subject: str = ""  # of such a one
    checks: tuple[str, ...] = ()  # of known senders, that would hold it once they do not only report

    @property
    def held(self) -> bool:
        """Whether staff would have had to review it."""
        return self.disposition == "quarantine"

    @property
    def passes(self) -> bool:
        """Whether it would have been delivered without a review."""
        return self.disposition == "relay"
