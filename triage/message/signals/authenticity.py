"""Signals of authentication: whether the message is really from its author, in words."""

from collections.abc import Iterable, Iterator

from triage.message.authentication import Result
from triage.message.signals.signal_context import Seen, Signal
from triage.say import list_with_and, say


def unclear_author(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the author is unclear: nobody, several people, or a From that programs read differently."""
    if not seen.summary.author:
        yield Signal("unclear-author", say("The author is unclear."), 30, seen.summary.authors)


def forged_own_domain(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when a message from outside claims our own domain without proof."""
    claimed = next((one for one in seen.summary.authors if seen.is_ours(one.rpartition("@")[2])), None)
    if claimed and not seen.authentication.proof:
        yield Signal(
            "own-domain-forged", say("Claims to come from your own domain ({claimed}) without proof.", claimed=claimed), 60, (claimed,)
        )


def find_unproven(seen: Seen) -> Iterable[Signal]:
    """Yields a signal about failed or missing authentication, unless the author is proven."""
    found, domain = seen.authentication, seen.author_domain
    if found.proof or not domain:
        return
    results = tuple(spell_results(seen))
    if found.unknown:
        yield Signal(
            "proof-unknown", say("Unknown whether it is from {domain}: the sender's DNS did not answer.", domain=domain), 15, results
        )
    elif found.dmarc.result in (Result.FAIL, Result.PERMERROR):
        yield Signal("authentication-failed", say("Authentication as {domain} failed.", domain=domain), 30, results)
    elif any(spf.result in (Result.FAIL, Result.SOFTFAIL) for spf in found.spf[:1]):
        yield Signal("authentication-failed", say("Sent from a server that {domain} does not list (SPF).", domain=domain), 25, results)
    else:
        yield Signal("unproven", say("Not proven to be from {domain}.", domain=domain), 10, results)


def find_proven(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the author's domain is proven."""
    if seen.authentication.proof and seen.author_domain:
        yield Signal("proven", really_from(seen), 0, tuple(spell_results(seen)))


def find_new_proof(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the known domain of the author is proven in a new way."""
    proof = seen.sender_proof
    if proof is not None and proof.is_new:
        yield Signal("sends-differently", say("{what}.", what=proof.sentence), 0, proof.ways)


def find_open_platform(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the author's domain is a service through which anybody can send: the proof is that service's."""
    if seen.platform:
        sentence = say("Sent through {platform}, which anybody can use: check who asks for what.", platform=seen.platform)
        yield Signal("open-platform", sentence, 0, (seen.platform,))


def really_from(seen: Seen) -> str:
    """Says which domain is proven to have sent the message, and by which means."""
    if seen.authentication.proof == "dmarc":
        return say("Really from {domain} (DMARC).", domain=seen.author_domain)
    ways = list_with_and(way.upper() for way in seen.authentication.dmarc.aligned) if seen.authentication.dmarc.aligned else "SPF, DKIM"
    return say("Really from {domain} ({ways}).", domain=seen.author_domain, ways=ways)


def spell_results(seen: Seen) -> Iterator[str]:
    """The single results, as they stand in an Authentication-Results field (RFC 8601)."""
    found = seen.authentication
    yield from (f"spf={one.result} {one.domain}".rstrip() for one in found.spf[:1])
    yield from (f"dkim={one.result} {one.domain}".rstrip() for one in found.dkim[:3])
    yield f"dmarc={found.dmarc.result} {found.dmarc.domain}".rstrip()
