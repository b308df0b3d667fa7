"""Explains which other rules matched a delivery, and why they did not decide. Pure."""

from dataclasses import dataclass
from typing import Any

from triage.policy.facts import Facts, MatchedRule
from triage.policy.proof import is_proof_awaited, is_proof_met, names_its_author, proof_of_author
from triage.say import join_parts, mark, say
from triage.text.json_values import as_dict

DID = {  # what the maker of a sender rule did
    "allow": mark("{author} allowed {value}"),
    "block": mark("{author} blocked {value}"),
    "hold": mark("{author} holds {value}"),
}
DID_BELOW = {
    "allow": mark("{author} allowed {value} with its subdomains"),
    "block": mark("{author} blocked {value} with its subdomains"),
    "hold": mark("{author} holds {value} with its subdomains"),
}


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A rule of the policy, or a sender rule, that matched too."""

    rule: str  # name of the policy's rule; allow, block or hold for a sender rule
    reason: str
    rule_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API."""
        return as_dict(self)


def sender_rule(rule: MatchedRule, facts: Facts) -> RunnerUp:
    """A sender rule that did not decide."""
    return RunnerUp(rule.effect, join_parts(", ", (describe_rule(rule), why_not(rule, facts))), rule.id)


def describe_rule(rule: MatchedRule) -> str:
    """A sender rule in words."""
    if rule.origin == "learned":
        return say("{author} has written to {value}", author=rule.author, value=rule.value)
    if rule.match == "campaign":
        return say("{author} removed this campaign", author=rule.author)
    did = DID_BELOW if rule.match == "subdomains" else DID
    return say(did[rule.effect], author=rule.author, value=rule.value)


ANOTHER_FIRST = say("but another rule takes precedence")


def why_not(rule: MatchedRule, facts: Facts) -> str:
    """Returns the reason why a matching sender rule did not decide."""
    if rule.effect == "block":
        aside = rule.unproven_only and proof_of_author(facts)
        return say("but only for messages without proof of their sender") if aside else ANOTHER_FIRST
    if rule.effect == "hold":
        return ANOTHER_FIRST
    if not names_its_author(facts) or not (is_proof_met(rule, facts) or is_proof_awaited(rule, facts)):
        return say("but it lacks the proof that the rule asks for ({proof})", proof=describe_proof(rule.proof))
    return ANOTHER_FIRST if is_proof_met(rule, facts) else say("but the DNS that could prove it did not answer")


def describe_proof(proof: str) -> str:
    """Names in words the proof that a rule asks for."""
    kind, _, domain = proof.partition(":")
    named = {
        "dkim": say("a signature of {domain}", domain=domain),
        "arc": say("the seal of {domain}", domain=domain),
        "aligned": say("DMARC, or aligned SPF or DKIM"),
    }
    return named.get(kind, "DMARC")
