"""Authentication results of a message as a table: each check with its result, domain, alignment and the reason in words.

They are results of this server or of a trusted edge, never what a stranger's Authentication-Results field states.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf
from triage.say import join_parts, list_with_and, say


@dataclass(frozen=True, slots=True)
class Check:
    """A check of who sent a message."""

    method: str  # SPF, DKIM, ARC or DMARC
    result: Result
    domain: str  # that the check is about, "" for none
    aligned: bool | None  # with the author's domain; None where that does not apply
    why: str


def tabulate_checks(found: Authentication) -> tuple[Check, ...]:
    """Returns all checks: SPF, each DKIM signature, ARC where there is a chain, DMARC."""
    return (*list_spf(found), *list_dkim(found), *list_arc(found), dmarc_check(found))


def list_spf(found: Authentication) -> Iterator[Check]:
    """Yields the SPF checks; DMARC counts the first one only."""
    for place, one in enumerate(found.spf):
        aligned = None if place else "spf" in found.dmarc.aligned
        checked = say("HELO name.") if one.identity == "helo" else say("Envelope sender.")
        yield Check("SPF", one.result, one.domain, aligned, explain_check(one, checked, aligned))


def list_dkim(found: Authentication) -> Iterator[Check]:
    """Yields the DKIM signatures."""
    for one in found.dkim:
        aligned = is_aligned(one, found.dmarc)
        selector = say("Selector {selector}.", selector=one.selector) if one.selector else ""
        yield Check("DKIM", one.result, one.domain, aligned, explain_check(one, selector, aligned))


def is_aligned(one: Dkim, dmarc: Dmarc) -> bool:
    """Whether this signature is one by which DMARC passes."""
    organisation = dmarc.organisational_domain
    return one.result is Result.PASS and "dkim" in dmarc.aligned and organisation != "" and f".{one.domain}".endswith(f".{organisation}")


def explain_check(one: Spf | Dkim, checked: str, aligned: bool | None) -> str:
    """Says what was checked, whether it passes and still proves nothing about the author, and the reason."""
    elsewhere = say("It passes for another domain than the author’s.") if one.result is Result.PASS and aligned is False else ""
    return join_parts(" ", [checked, elsewhere, reason_sentence(one.reason)])


def list_arc(found: Authentication) -> Iterator[Check]:
    """Yields the ARC chain, where there is one."""
    arc = found.arc
    if arc.instances or arc.result is not Result.NONE:
        sealed = say("ARC seals of {sealers}.", sealers=list_with_and(arc.sealers)) if arc.sealers else ""
        yield Check("ARC", arc.result, arc.sealer, None, join_parts(" ", [sealed, reason_sentence(arc.reason)]))


def dmarc_check(found: Authentication) -> Check:
    """Returns the DMARC result, which decides about the author."""
    dmarc = found.dmarc
    ways = list_with_and(way.upper() for way in dmarc.aligned) if dmarc.aligned else ""
    aligned = say("Aligned: {ways}.", ways=ways) if ways else say("Nothing is aligned.")
    policy = say("Policy of the domain: {policy}.", policy=dmarc.policy) if dmarc.policy else ""
    return Check("DMARC", dmarc.result, dmarc.domain, None, join_parts(" ", [aligned, policy, reason_sentence(dmarc.reason)]))


def reason_sentence(reason: str) -> str:
    """A stored reason, which is a clause, as a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""
