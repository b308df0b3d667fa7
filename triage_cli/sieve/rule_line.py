"""A rule as a line for `POST /rules/import`, and which of two rules Mailroom follows. Pure."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from triage.addressing.envelope import ancestor_domains
from triage.policy.proof import rule_precision
from triage.policy.rules.rule_subject import word_of

T = TypeVar("T")
BY_RANK = ("block", "hold", "redirect", "allow")  # of rules about one message, unless an allow is more precise than a block


@dataclass(frozen=True, slots=True)
class SenderRule:
    """A rule that Sieve can say, too."""

    effect: str  # allow, block, hold, redirect
    match: str  # address, domain, subdomains, list, recipient
    value: str
    scope: str  # company, department:CODE, person:UID
    proof: str = ""  # allow: dmarc, aligned
    unproven_only: bool = False  # block
    until: str = ""  # ISO 8601
    to: str = ""  # redirect: an address
    recipient: str = ""  # redirect: only messages to this address
    note: str = ""

    @property
    def action(self) -> tuple[str, str]:
        """Act and target: two rules with the same one never differ about a message."""
        return self.effect, self.to

    def as_line(self) -> str:
        """The rule as `rules export` writes it."""
        values = {name: getattr(self, name) for name in ("effect", "scope", "proof", "unproven_only", "until", "to", "recipient", "note")}
        return json.dumps({"sender": word_of(self.match, self.value)} | {name: value for name, value in values.items() if value})

    def words(self) -> str:
        """The rule in words, without its note."""
        more = [f"{name} {value}" for name, value in (("to", self.to), ("proof", self.proof), ("until", self.until)) if value]
        only = ["unproven messages only"] if self.unproven_only else []
        only += [f"to {self.recipient} only"] if self.recipient and self.match != "recipient" else []
        return ", ".join((" ".join((self.effect, word_of(self.match, self.value), "for", self.scope, *more)), *only))


def covers_subdomains(rule: SenderRule) -> bool:
    """Whether it is about everything below its domain too: only an allow of a domain is not."""
    return rule.match == "subdomains" or (rule.match == "domain" and rule.effect != "allow")


def can_meet(one: SenderRule, two: SenderRule) -> bool:
    """Whether there can be a message that both are about."""
    if {one.effect, two.effect} == {"allow", "block"} and (one.unproven_only or two.unproven_only):
        return False  # an allow is about proven messages
    kinds = {one.scope.partition(":")[0], two.scope.partition(":")[0]}
    if len(kinds) == 1 and one.scope != two.scope:
        return False
    if {one.match, two.match} & {"list", "recipient"}:
        return (one.match, one.value) == (two.match, two.value) or one.match != two.match
    return reaches(one, two) or reaches(two, one)


def reaches(one: SenderRule, two: SenderRule) -> bool:
    """Whether the first is about a sender whom the second names."""
    if one.match == "address":
        return (two.match, one.value) == ("address", two.value)
    domain = two.value.rpartition("@")[2]
    return domain == one.value or (covers_subdomains(one) and domain.endswith(f".{one.value}"))


def goes_before(one: SenderRule, two: SenderRule) -> bool:
    """Whether Mailroom follows the first of two rules that meet and do something else."""
    if {one.effect, two.effect} in ({"allow", "block"}, {"redirect"}):
        return sort_key(one) < sort_key(two)
    return BY_RANK.index(one.effect) < BY_RANK.index(two.effect)


def sort_key(rule: SenderRule) -> tuple[int, ...]:
    """The more precise rule first, of equal ones the block, or the redirect that names a recipient."""
    return (*(-part for part in rule_precision(rule)), int(rule.effect != "block"), int(not rule.recipient))


@dataclass(slots=True)
class RuleIndex(Generic[T]):
    """Rules by their domains, so that few have to be compared. The value of each is the caller's."""

    at: dict[str, list[T]] = field(default_factory=lambda: defaultdict(list))
    below: dict[str, list[T]] = field(default_factory=lambda: defaultdict(list))
    anywhere: list[T] = field(default_factory=list)  # of no domain
    all: list[T] = field(default_factory=list)

    def add(self, rule: SenderRule, value: T) -> None:
        """Add a rule."""
        self.all.append(value)
        if rule.match in ("list", "recipient"):
            self.anywhere.append(value)
            return
        domain, *parents = ancestor_domains(rule.value.rpartition("@")[2])
        self.at[domain].append(value)
        for one in parents:
            self.below[one].append(value)

    def list_near(self, rule: SenderRule) -> list[T]:
        """All rules that could be about a message that this one is about, and few others."""
        if rule.match in ("list", "recipient"):
            return list(self.all)
        domains = list(ancestor_domains(rule.value.rpartition("@")[2]))
        return [one for domain in domains for one in self.at.get(domain, ())] + self.below.get(domains[0], []) + self.anywhere
