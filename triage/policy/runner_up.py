"""What else matched a delivery, and why it did not decide: in words for staff. Pure."""

from dataclasses import dataclass
from typing import Any

from triage.policy.facts import Facts, MatchedRule
from triage.policy.proof import is_proof_awaited, is_proof_met, names_its_author, proof_of_author
from triage.text.json_values import as_dict

DID = {"allow": "allowed", "block": "blocked", "hold": "holds"}  # what the maker of a sender rule did


@dataclass(frozen=True, slots=True)
class Beside:
    """A rule of the policy, or a sender rule, that matched too."""

    rule: str  # name of the policy's rule; allow, block or hold for a sender rule
    reason: str
    rule_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API."""
        return as_dict(self)


def sender_rule(rule: MatchedRule, facts: Facts) -> Beside:
    """A sender rule that did not decide."""
    return Beside(rule.effect, f"{describe_rule(rule)}, {why_not(rule, facts)}", rule.id)


def describe_rule(rule: MatchedRule) -> str:
    """A sender rule in words."""
    if rule.origin == "learned":
        return f"{rule.author} has written to {rule.value}"
    if rule.match == "campaign":
        return f"{rule.author} purged this campaign"
    below = " with its subdomains" if rule.match == "subdomains" else ""
    return f"{rule.author} {DID[rule.effect]} {rule.value}{below}"


def why_not(rule: MatchedRule, facts: Facts) -> str:
    """Why a sender rule that matches did not decide."""
    if rule.effect == "block":
        aside = rule.unproven_only and proof_of_author(facts)
        return "for mail that does not prove who sent it" if aside else "but another rule goes before it"
    if rule.effect == "hold":
        return "but another rule goes before it"
    if not names_its_author(facts) or not (is_proof_met(rule, facts) or is_proof_awaited(rule, facts)):
        return f"but it does not prove itself as the rule asks ({describe_proof(rule.proof)})"
    return "but another rule goes before it" if is_proof_met(rule, facts) else "but the DNS that could prove it did not answer"


def describe_proof(proof: str) -> str:
    """What a rule asks for, in words."""
    kind, _, domain = proof.partition(":")
    named = {"dkim": f"a signature of {domain}", "arc": f"the seal of {domain}", "aligned": "DMARC, or aligned SPF or DKIM"}
    return named.get(kind, "DMARC")
