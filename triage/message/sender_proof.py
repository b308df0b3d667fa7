"""Proofs that a message comes from its author's domain, and whether that domain was ever proven like that. Pure."""

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from triage.message.authentication import Authentication, Dkim, Result
from triage.say import Said, list_with_and, say, say_count

SPELLED = 3  # ways that a sentence names
PREFIXES = {4: 16, 6: 32}  # of a network: the servers of one mail system have many addresses


@dataclass(frozen=True, slots=True)
class SenderProof:
    """Proofs of the author's domain in a message, beside those that are usual for that domain."""

    domain: str
    ways: tuple[str, ...]  # dkim:DOMAIN; where none signed it, spf:DOMAIN NETWORK or dmarc:EDGE
    usual: frozenset[str] = frozenset()  # ways in which the domain is usually proven; empty: nothing is known of it
    awaited: frozenset[str] = frozenset()  # ways of which DNS did not say whether they are met
    is_recorded: bool = False  # what is usual is kept, not only read from earlier messages
    is_fresh: bool = False  # and was seen within the last day
    held: int = 0  # messages with these ways that were held
    is_refused: bool = False  # staff said of one of them that it is not the domain's

    @property
    def is_new(self) -> bool:
        """Whether none of its ways is a usual one, and none could become one when DNS answers."""
        return (bool(self.usual) or self.is_refused) and self.usual.isdisjoint((*self.ways, *self.awaited))

    @property
    def confirmed(self) -> frozenset[str]:
        """The ways that this message says are usual: its own only beside a usual one that passed, or where nothing is known yet. A
        signature that DNS could not check vouches for no server."""
        if self.usual:
            mine = () if self.usual.isdisjoint(self.ways) else self.ways
            return frozenset(mine if self.is_recorded else (*mine, *self.usual))
        return frozenset(lasting_ways(self.ways, self.awaited))

    @property
    def sentence(self) -> Said:
        """Difference from what is usual, without the end of a sentence."""
        given = {"domain": self.domain, "now": spell_ways(self.ways), "before": spell_ways(sorted(self.usual))}
        return say("{domain} now sends differently: {now}; until now: {before}", **given)


def proof_ways(found: Authentication, client: str) -> tuple[str, ...]:
    """Returns the ways in which a message is proven; () where nothing proves it. Its signatures count more than the server that sent it."""
    if not found.proof:
        return ()
    signed = [f"dkim:{one.domain}" for one in aligned_signatures(found) if one.result is Result.PASS]
    if signed:
        return tuple(dict.fromkeys(signed))
    if "spf" in found.dmarc.aligned and found.spf:
        network = "" if found.spf[0].origin else client_network(client)
        return (f"spf:{found.dmarc.organisational_domain or found.spf[0].domain} {network}".rstrip(),)
    return (f"dmarc:{found.dmarc.origin}",)


def lasting_ways(ways: Iterable[str], awaited: frozenset[str]) -> tuple[str, ...]:
    """Returns the ways of a message that can become usual: no server beside a signature that DNS could not check."""
    return tuple(way for way in ways if way.startswith("dkim:") or not awaited)


def awaited_ways(found: Authentication) -> frozenset[str]:
    """Signatures of which DNS did not say whether they are valid."""
    return frozenset(f"dkim:{one.domain}" for one in aligned_signatures(found) if one.result is Result.TEMPERROR)


def aligned_signatures(found: Authentication) -> Iterable[Dkim]:
    """The signatures of the author's organisation."""
    own = found.dmarc.organisational_domain or found.dmarc.domain
    return (one for one in found.dkim if own and (one.domain == own or one.domain.endswith(f".{own}")))


def client_network(client: str) -> str:
    """The network of the server that handed a message over, "" where that is not known."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return str(ipaddress.ip_network((address, PREFIXES[address.version]), strict=False))


def spell_ways(ways: Collection[str]) -> str:
    """Spells ways of proof in words."""
    return list_with_and(list_ways(ways))


def list_ways(ways: Collection[str]) -> list[Said]:
    """The first of these ways, each in words, and how many more there are."""
    first, rest = list(ways)[:SPELLED], len(list(ways)) - SPELLED
    return [*map(spell_way, first), *([say_count("{count} more way", "{count} more ways", count=rest)] if rest > 0 else [])]


def spell_way(way: str) -> Said:
    """Spells a way of proof in words."""
    kind, _, rest = way.partition(":")
    domain, _, network = rest.partition(" ")
    if kind == "dkim":
        return say("signed by {domain} (DKIM)", domain=domain)
    if kind == "spf" and network:
        return say("sent for {domain} by servers in {network} (SPF)", domain=domain, network=network)
    if kind == "spf":
        return say("sent for {domain} by a permitted server (SPF)", domain=domain)
    return say("proven by the edge server {edge} (DMARC)", edge=domain) if domain else say("proven (DMARC)")
