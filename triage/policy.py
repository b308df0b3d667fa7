"""What happens to a delivery and why: the rules one by one, in order, and `decide`. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from triage.facts import Facts, MatchedRule


class Disposition(StrEnum):
    """What happens to a delivery on arrival."""

    RELAY = "relay"
    QUARANTINE = "quarantine"
    PURGE = "purge"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A disposition, the name of the rule that made it, and the reason in words that reception understands."""

    disposition: Disposition
    rule: str
    reason: str
    rule_id: int | None = None  # the sender rule that decided, if one did
    withheld: str = ""  # in observe mode: the name of the rule that would have held or purged it


HELD_OR_PURGED = {"hold": Disposition.QUARANTINE, "purge": Disposition.PURGE}


def postmaster(facts: Facts) -> Verdict | None:
    """postmaster@ and abuse@ are always delivered: the one stated exception (RFC 5321, 4.5.1; RFC 2142)."""
    if facts.recipient.always:
        return Verdict(Disposition.RELAY, "postmaster", f"{facts.recipient.address} is always delivered")
    return None


def blocked_sender(facts: Facts) -> Verdict | None:
    """Somebody here has said no to this sender."""
    block = deciding_block(facts)
    if block is None:
        return None
    return Verdict(Disposition.PURGE, "blocked-sender", f"{block.author} blocked {block.value} on {block.since:%d %b %Y}", block.id)


def own_domain_forged(facts: Facts) -> Verdict | None:
    """From outside, in our own name, without proof: never passes, whatever rule or mode exists."""
    domains = {address.rpartition("@")[2] for address in facts.summary.authors}
    if proof_of_author(facts) or not any(is_within(domain, own) for domain in domains for own in facts.own_domains):
        return None
    return Verdict(
        HELD_OR_PURGED[facts.own_domain_forged], "own-domain-forged", "it claims to come from our own domain and cannot prove it"
    )


def ambiguous_author(facts: Facts) -> Verdict | None:
    """Without exactly one author there is nobody to know."""
    if facts.summary.parsed and not facts.summary.author:
        return Verdict(Disposition.QUARANTINE, "ambiguous-author", "it does not name exactly one author")
    return None


def unparsable(facts: Facts) -> Verdict | None:
    """What cannot be read safely is looked at by a person."""
    if not facts.summary.parsed:
        return Verdict(Disposition.QUARANTINE, "unparsable", "it could not be read safely")
    return None


def rejected_by_author_domain(facts: Facts) -> Verdict | None:
    """The author's domain asks receivers to reject what fails its DMARC check."""
    dmarc = facts.authentication.dmarc
    if dmarc.result == "fail" and dmarc.policy == "reject" and deciding_allow(facts) is None:  # a list's pinned signature counts
        reason = f"{dmarc.domain} asks to reject mail that cannot prove it comes from there, and this cannot"
        return Verdict(HELD_OR_PURGED[facts.dmarc_reject], "dmarc-reject", reason)
    return None


def proof_unknown(facts: Facts) -> Verdict | None:
    """DNS did not answer: not known is not proven."""
    if facts.authentication.unknown:
        return Verdict(Disposition.QUARANTINE, "proof-unknown", "it is not known who sent it: the sender's DNS did not answer")
    return None


def dangerous_content(facts: Facts) -> Verdict | None:
    """Attachments that run when opened need a staff allow that says so."""
    name = next((one.name for one in facts.summary.attachments if one.name.casefold().endswith(tuple(facts.dangerous_attachments))), None)
    allow = deciding_allow(facts)
    if name is None or not facts.dangerous_attachments or (allow and allow.risky and allow.origin == "staff"):
        return None
    return Verdict(Disposition.QUARANTINE, "dangerous-attachment", f"the attachment {name} could run a program")


def allowed_sender(facts: Facts) -> Verdict | None:
    """The company knows this sender, and the sender can prove who they are."""
    if allow := deciding_allow(facts):
        return Verdict(
            Disposition.RELAY, "allowed-sender", f"{allow.author} allowed {allow.value}, and it proves that it comes from there", allow.id
        )
    return None


def unproven_known_sender(facts: Facts) -> Verdict | None:
    """It uses an allowed sender's name and cannot prove it."""
    allow = next((rule for rule in facts.rules if rule.effect == "allow"), None)
    if allow is None:
        return None
    return Verdict(
        Disposition.QUARANTINE, "unproven-known-sender", f"it says it is from {allow.value}, who is allowed, but cannot prove it"
    )


def first_contact(facts: Facts) -> Verdict | None:
    """Nobody here knows this sender yet: a person decides."""
    return Verdict(Disposition.QUARANTINE, "first-contact", f"nobody here knows {facts.summary.author} yet")


RULES: tuple[Callable[[Facts], Verdict | None], ...] = (
    postmaster,
    blocked_sender,
    own_domain_forged,
    ambiguous_author,
    unparsable,
    proof_unknown,
    rejected_by_author_domain,
    dangerous_content,
    allowed_sender,
    unproven_known_sender,
    first_contact,
)
NEVER_WAIVED = frozenset({"own-domain-forged", "blocked-sender", "unparsable"})  # what cannot be read may claim our own domain


def decide(facts: Facts) -> Verdict:
    """The verdict of the first rule that speaks. The last line of RULES always speaks."""
    verdict = next(verdict for rule in RULES if (verdict := rule(facts)))
    if facts.observe and verdict.disposition is not Disposition.RELAY and verdict.rule not in NEVER_WAIVED:
        return Verdict(
            Disposition.RELAY, "observe", f"observe mode: would have been stopped because {verdict.reason}", withheld=verdict.rule
        )
    return verdict


def deciding_allow(facts: Facts) -> MatchedRule | None:
    """The most precise allow whose proof is met."""
    if not names_its_author(facts):
        return None
    allows = (rule for rule in facts.rules if rule.effect == "allow")
    return next((rule for rule in allows if facts.authentication.satisfies(rule.proof)), None)


def deciding_block(facts: Facts) -> MatchedRule | None:
    """The most precise block in force. A staff allow that is met and more precise goes before it; a learned allow never does."""
    proven = bool(proof_of_author(facts))
    block = next((rule for rule in facts.rules if rule.effect == "block" and not (rule.unproven_only and proven)), None)
    allow = deciding_allow(facts)
    if block and allow and allow.origin == "staff" and precision(allow) > precision(block):
        return None
    return block


def names_its_author(facts: Facts) -> bool:
    """Does it name one author, the one that was authenticated? A message whose bytes we had to normalise proves nothing."""
    author = facts.summary.author
    return facts.summary.parsed and not facts.envelope.normalised and author != "" and author == facts.authentication.author


def proof_of_author(facts: Facts) -> str:
    """How the author proved who they are: "dmarc", "aligned" or ""."""
    return facts.authentication.proof if names_its_author(facts) else ""


class Scoped(Protocol):
    """What says how narrowly a rule fits."""

    @property
    def match(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def scope(self) -> str: ...


def precision(rule: Scoped) -> tuple[int, int, int]:
    """How narrowly a rule fits: the sender match first (of domains the deeper one), then the scope."""
    match = {"address": 2, "list": 1, "domain": 0}[rule.match]
    depth = rule.value.count(".") if rule.match == "domain" else 0
    return match, depth, {"company": 0, "department": 1, "person": 2}[rule.scope.partition(":")[0]]


def is_within(domain: str, parent: str) -> bool:
    """Is `domain` the parent itself or below it?"""
    return domain == parent or domain.endswith("." + parent)
