"""Limits that a server announces in EHLO (LIMITS, RFC 9422), and what a connection may still use. Pure."""

import re
from collections.abc import Sequence

MESSAGES, RECIPIENTS, DOMAINS = "MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"  # of a connection, of a message, of a connection
LIMIT = re.compile(r"([A-Z]+)=([1-9][0-9]{0,5})", re.ASCII)  # RFC 9422, 4; what is malformed or not known says nothing
NO_LIMIT = 1_000_000


class Allowance:
    """Counts down with each transaction of the connection."""

    def __init__(self, announced: str = "") -> None:
        """`announced`: what stands behind LIMITS."""
        said = {found[1]: int(found[2]) for word in announced.upper().split() if (found := LIMIT.fullmatch(word))}
        self.messages, self.recipients, self.domains = (said.get(name, NO_LIMIT) for name in (MESSAGES, RECIPIENTS, DOMAINS))
        self.named: set[str] = set()  # domains that recipients of this connection were in

    def lasts_for(self, mailboxes: Sequence[str]) -> bool:
        """Whether there is anything left for a message to some of these."""
        return self.messages > 0 and bool(self.chosen(mailboxes, set(self.named)))

    def spend(self, mailboxes: Sequence[str]) -> list[int]:
        """The places of those for whom the next transaction may be; it counts as begun."""
        self.messages -= 1
        return self.chosen(mailboxes, self.named)

    def chosen(self, mailboxes: Sequence[str], named: set[str]) -> list[int]:
        """The places of as many as fit, the first ones first; their domains are added to those that were `named`."""
        places: list[int] = []
        for place, mailbox in enumerate(mailboxes):
            domain = mailbox.rpartition("@")[2].lower()
            if len(places) < self.recipients and (domain in named or len(named) < self.domains):
                named.add(domain)
                places.append(place)
        return places
