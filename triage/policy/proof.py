"""Finds the sender rule that decides, by whether its proof is met, not met, or not known yet. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from triage.policy.facts import Facts, MatchedRule


def names_its_author(facts: Facts) -> bool:
    """Whether it names one author, the one that was authenticated. A message whose bytes we had to normalise proves nothing."""
    author = facts.summary.author
    return facts.summary.parsed and not facts.envelope.normalised and author != "" and author == facts.authentication.author


def proof_of_author(facts: Facts) -> str:
    """Returns how the author is proven: "dmarc", "aligned" or ""."""
    return facts.authentication.proof if names_its_author(facts) else ""


def proven_as(facts: Facts, freemail: Collection[str]) -> str:
    """Returns whom the proof is good for: the author's whole domain, at a free-mail provider their address alone, "" without one."""
    author = facts.summary.author
    domain = author.rpartition("@")[2]
    return "" if not proof_of_author(facts) else author if domain in freemail else domain


def proof_awaited(facts: Facts) -> bool:
    """Whether the author could still be proven when DNS answers."""
    return names_its_author(facts) and facts.authentication.unknown


def deciding_allow(facts: Facts) -> MatchedRule | None:
    """The most precise allow whose proof is met."""
    return next((rule for rule in provable_allows(facts) if is_proof_met(rule, facts)), None)


def encrypted_allow(facts: Facts) -> MatchedRule | None:
    """The most precise allow of staff that lets encrypted files pass and whose proof is met."""
    return next((rule for rule in provable_allows(facts) if rule.encrypted and rule.by_staff and is_proof_met(rule, facts)), None)


def awaited_allow(facts: Facts) -> MatchedRule | None:
    """The most precise allow whose proof could still be met when DNS answers."""
    return next((rule for rule in provable_allows(facts) if is_proof_awaited(rule, facts)), None)


def is_proof_met(allow: MatchedRule, facts: Facts) -> bool:
    """Whether the proof is there that an allow asks for."""
    return is_proof_trusted(allow.proof, facts) and facts.authentication.satisfies(allow.proof, as_list=allow.match == "list")


def is_proof_awaited(allow: MatchedRule, facts: Facts) -> bool:
    """Whether it could still come when DNS answers."""
    return is_proof_trusted(allow.proof, facts) and facts.authentication.awaits(allow.proof)


def is_proof_trusted(proof: str, facts: Facts) -> bool:
    """A seal proves something only as long as the company trusts the sealer; every other kind of proof always counts."""
    kind, _, domain = proof.partition(":")
    return kind != "arc" or domain in facts.trusted_arc_sealers


def provable_allows(facts: Facts) -> Iterator[MatchedRule]:
    """The allows that a proof could put in force, most precise first."""
    return (rule for rule in facts.rules if rule.effect == "allow" and names_its_author(facts))


def deciding_block(facts: Facts) -> MatchedRule | None:
    """The most precise block in force. A staff allow that is met and more precise goes before it; a learned allow never does.

    A staff allow that is met goes before every block of a sender that is about unproven mail only, however precise: a signature or a
    seal that staff trusts is a proof too.

    What DNS has not answered yet is not held against the author: neither by a block that is about unproven mail only, nor
    where such an allow may still be met.
    """
    if proof_of_author(facts) or proof_awaited(facts):
        return block_beside(facts, [rule for rule in facts.rules if not rule.unproven_only], hopeful=True)
    return block_beside(facts, facts.rules, hopeful=True)


def awaited_block(facts: Facts) -> MatchedRule | None:
    """The block that is in force if DNS answers that the author is not proven."""
    return block_beside(facts, facts.rules, hopeful=False) if proof_awaited(facts) else None


def deciding_hold(facts: Facts) -> MatchedRule | None:
    """The most precise hold of this sender. It asks for no proof: a message that only uses the name is held too."""
    return next((rule for rule in facts.rules if rule.effect == "hold"), None)


def block_beside(facts: Facts, rules: Iterable[MatchedRule], *, hopeful: bool) -> MatchedRule | None:
    """The most precise block among these that no staff allow goes before; `hopeful` counts allows that may still be met."""
    blocks = (rule for rule in rules if rule.effect == "block" and not (facts.wanted and leaves_wanted_alone(rule)))
    return next((one for one in blocks if not any(goes_before(allow, one, facts, hopeful) for allow in provable_allows(facts))), None)


def leaves_wanted_alone(rule: MatchedRule) -> bool:
    """Whether it is what a removal without a block left behind for late copies of a campaign. It takes nothing of a wanted sender along."""
    return rule.origin == "standing" and rule.match == "campaign"


def goes_before(allow: MatchedRule, block: MatchedRule, facts: Facts, hopeful: bool) -> bool:
    """Says whether an allow rule by staff takes precedence over a block rule and its proof is met, or with `hopeful` may still be."""
    possible = is_proof_met(allow, facts) or (hopeful and is_proof_awaited(allow, facts))
    return possible and allow.by_staff and (spares_proven(block) or rule_precision(allow) > rule_precision(block))


def spares_proven(block: MatchedRule) -> bool:
    """Whether a block is about a sender's messages without proof. A campaign's block is about what its copies say, so it is not."""
    return block.unproven_only and block.match != "campaign"


Precision = tuple[int, int, int, int]


class Scoped(Protocol):
    """Protocol of anything with the scope and subject of a rule."""

    @property
    def match(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def scope(self) -> str: ...


def rule_precision(rule: Scoped) -> Precision:
    """Precision of a rule, for comparing: the sender match first (of domains the deeper one, then the one alone), then the scope."""
    match = {"campaign": 3, "address": 2, "list": 1}.get(rule.match, 0)
    depth = rule.value.count(".") if rule.match in ("domain", "subdomains") else 0
    scope = {"company": 0, "department": 1, "person": 2}[rule.scope.partition(":")[0]]
    return match, depth, int(rule.match != "subdomains"), scope
