"""DoorSnapshot: all that the receiving daemon may know. May this envelope come in? Pure."""

import json
from dataclasses import dataclass
from typing import Self

from triage.envelope import Address

ALWAYS = frozenset({"postmaster", "abuse"})  # local parts that take mail from anybody (RFC 5321, 4.5.1; RFC 2142)


@dataclass(frozen=True, slots=True)
class DoorSnapshot:
    """Recipients and blocked senders as of one moment, written by the judge, read by every receiver.

    A blocked entry is an address or a domain (a domain covers its subdomains). `blocked` always refuses;
    `blocked_unsigned` refuses only what carries no DKIM-Signature of that domain: the block was made from
    unproven mail of a domain that publishes nothing, and signed mail is the judge's to weigh (mailflow.md 5).
    """

    domains: frozenset[str]  # the company's own
    recipients: frozenset[str]  # folded addresses: triage, legacy, alias, role
    blocked: frozenset[str] = frozenset()
    blocked_unsigned: frozenset[str] = frozenset()

    def admits(self, recipient: Address) -> bool:
        """Is this somebody's address here?"""
        return str(recipient) in self.recipients

    def takes_from_anybody(self, recipient: Address) -> bool:
        """Is this an address that no block applies to?"""
        return recipient.local in ALWAYS and recipient.domain in self.domains

    def refuses_reverse_path(self, sender: Address) -> bool:
        """Is exactly this address blocked for the whole company? Blocks of domains are about authors, not about who carries their mail."""
        return str(sender) in self.blocked

    def refuses(self, sender: Address, signers: frozenset[str] = frozenset()) -> bool:
        """Is this author blocked for the whole company? `signers`: d= domains of the signatures that the message carries."""
        if not self.blocked.isdisjoint(names(sender)):
            return True
        signed = any(sender.domain == signer or sender.domain.endswith("." + signer) for signer in signers)
        return not signed and not self.blocked_unsigned.isdisjoint(names(sender))

    def to_bytes(self) -> bytes:
        """The snapshot as its file holds it."""
        fields = ("domains", "recipients", "blocked", "blocked_unsigned")
        return json.dumps({name: sorted(getattr(self, name)) for name in fields}).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the file; ValueError when it is damaged."""
        try:
            return cls(**{name: frozenset(values) for name, values in json.loads(raw).items()})
        except (TypeError, AttributeError) as fault:
            raise ValueError(f"the door snapshot is damaged: {fault}") from fault


def names(sender: Address) -> list[str]:
    """Every entry that would block this sender: the address, its domain, the domains above."""
    return [str(sender), *ancestors(sender.domain)]


def ancestors(domain: str) -> list[str]:
    """The domain and each domain above it, nearest first, top-level domains left out."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
