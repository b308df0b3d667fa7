"""RecipientMap: all that the receiving daemon may know. May this envelope come in? Pure."""

from collections.abc import Container
from dataclasses import dataclass

from triage.addressing import verp
from triage.addressing.envelope import Address, ancestor_domains
from triage.addressing.subaddress import base_addresses

ALWAYS = frozenset({"postmaster", "abuse"})  # local parts that take mail from anybody (RFC 5321, 4.5.1; RFC 2142)


@dataclass(frozen=True, slots=True)
class RecipientMap:
    """Recipients and blocked senders as of one moment, written by the judge, read by every receiver.

    A blocked entry is an address or a domain (a domain covers its subdomains). `blocked` always refuses;
    `blocked_unsigned` refuses only what carries no DKIM-Signature of that domain: the block was made from
    unproven mail of a domain that publishes nothing, and signed mail is the judge's to weigh (mailflow.md 5).
    No entry is here that an allow for a department or a person could go before.
    """

    domains: Container[str]  # the company's own
    recipients: Container[str]  # folded addresses that are taken as they are: roles, groups
    sub_addressed: Container[str] = frozenset()  # folded addresses that are taken with a detail too: people's
    blocked: Container[str] = frozenset()
    blocked_unsigned: Container[str] = frozenset()
    left: Container[str] = frozenset()  # folded addresses of people who have left
    closed: Container[str] = frozenset()  # folded addresses of groups that take mail from inside only
    delimiter: str = "+"

    def admits(self, recipient: Address) -> bool:
        """Whether this is somebody's address here, as it is or with a detail.

        As `recipients.resolve` finds it: the longest known one counts.
        """
        if str(recipient) in self.recipients or self.takes_from_anybody(recipient):
            return True
        known = (str(one) for one in (recipient, *base_addresses(recipient, self.delimiter)))
        whose = (self.sub_addressed, self.left, self.closed)
        return next((name in self.sub_addressed for name in known if any(name in some for some in whose)), False)

    def has_left(self, recipient: Address) -> bool:
        """Whether this is the address of somebody who has left, as it is or with a detail."""
        return self.is_one_of(self.left, recipient)

    def is_closed(self, recipient: Address) -> bool:
        """Whether this is the address of a group that takes mail from inside only, as it is or with a detail."""
        return self.is_one_of(self.closed, recipient)

    def is_one_of(self, addresses: Container[str], recipient: Address) -> bool:
        """Whether this is one of these addresses, as it is or with a detail."""
        return any(str(one) in addresses for one in (recipient, *base_addresses(recipient, self.delimiter)))

    def takes_from_anybody(self, recipient: Address) -> bool:
        """Whether this is an address that no block applies to."""
        return recipient.local in ALWAYS and recipient.domain in self.domains

    def takes_back(self, recipient: Address) -> bool:
        """Whether this is an address for bounces of what was sent on. Only the judge can tell whether we made it: the SMTP server knows no
        secret.
        """
        return recipient.domain in self.domains and verp.has_form(recipient)

    def refuses_reverse_path(self, sender: Address) -> bool:
        """Whether exactly this address is blocked for the whole company.

        Blocks of domains are about authors, not about who carries their messages.
        """
        return str(sender) in self.blocked

    def refuses(self, sender: Address, signers: frozenset[str] = frozenset()) -> bool:
        """Whether this author is blocked for the whole company. `signers`: d= domains of the signatures that the message carries."""
        return bool(self.refused_by(sender, signers))

    def refused_by(self, sender: Address, signers: frozenset[str] = frozenset()) -> str:
        """The address or domain whose block refuses this author, the most precise; "" where none does."""
        signed = any(sender.domain == signer or sender.domain.endswith("." + signer) for signer in signers)
        refused = (name in self.blocked or (not signed and name in self.blocked_unsigned) for name in blocking_names(sender))
        return next((name for name, refuses in zip(blocking_names(sender), refused, strict=True) if refuses), "")


def blocking_names(sender: Address) -> list[str]:
    """Yields the entries that would block this sender: the address, its domain, the domains above."""
    return [str(sender), *ancestor_domains(sender.domain)]
