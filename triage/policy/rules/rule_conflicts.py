"""Rules that stand in each other's way: which never take effect, which are exceptions, which say what another one says. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triage.access.scope import NO_NAMES, ScopeNames, describe_scope
from triage.policy.proof import Scoped, rule_precision
from triage.policy.runner_up import DID
from triage.say import say

ORDER = ("block", "hold", "allow")  # whose word counts first, where one of them is a hold


class Ruled(Scoped, Protocol):
    """A rule as far as others can stand in its way."""

    @property
    def id(self) -> int: ...
    @property
    def effect(self) -> str: ...
    @property
    def proof(self) -> str: ...
    @property
    def unproven_only(self) -> bool: ...
    @property
    def origin(self) -> str: ...
    @property
    def risky(self) -> bool: ...
    @property
    def unchecked(self) -> bool: ...
    @property
    def encrypted(self) -> bool: ...
    @property
    def author(self) -> str: ...
    @property
    def until(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Clash:
    """Conflict of a rule with another one."""

    kind: str  # shadowed: it never takes effect; exception: it goes before the other; same: the other one says it already
    rule_id: int  # the other one
    sentence: str


def find_conflicts(rule: Ruled, others: Iterable[Ruled], department: str = "", names: ScopeNames = NO_NAMES) -> Iterable[Clash]:
    """Returns the conflicts of a rule with others that cover all of its messages, the most serious first. `department`: of the person whom
    it is for; `names`: of the scopes of the others."""
    over = [one for one in others if covers_rule(one, rule, department)]
    found = [clash for one in over if (clash := clash_of(rule, one, names))]
    return sorted(found, key=lambda clash: ["shadowed", "same", "exception"].index(clash.kind))


def clash_of(rule: Ruled, other: Ruled, names: ScopeNames) -> Clash | None:
    """Returns the conflict of a rule with one that covers all of its messages; None for none."""
    did = say(DID[other.effect], author=other.author, value=rule_subject(other))
    who = say("{did} for {scope}", did=did, scope=describe_scope(other.scope, names))
    if rule.effect == other.effect:
        if says_as_much(other, rule):
            return Clash("same", other.id, say("{who}, which says this already.", who=who))
        return None
    if rule.effect == "block" and rule.unproven_only and other.effect == "allow":
        return None  # each is about messages that the other one is not about
    if rule.effect == "block":
        return exception_to(other, who) if takes_precedence(rule, other) else None
    if other.unproven_only:  # it leaves proven mail alone: an allow asks for proof, and a hold is about proven messages too
        return None
    if takes_precedence(rule, other):
        return exception_to(other, who)
    return Clash("shadowed", other.id, say("It never takes effect: {who}, and that rule takes precedence.", who=who))


def exception_to(other: Ruled, who: str) -> Clash:
    """A rule that takes precedence over the wider `other`. `who`: who made that one."""
    return Clash("exception", other.id, say("It is an exception: {who}.", who=who))


def takes_precedence(rule: Ruled, other: Ruled) -> bool:
    """Whether the rule decides where both match.

    A block beats an allow of equal precision, and every learned one; a hold beats every allow.
    """
    if "hold" in (rule.effect, other.effect):
        return ORDER.index(rule.effect) < ORDER.index(other.effect)
    if rule.effect == "block":
        return rule_precision(rule) >= rule_precision(other) or other.origin not in ("staff", "import")
    return rule.origin in ("staff", "import") and rule_precision(rule) > rule_precision(other)


def covers_rule(wide: Ruled, narrow: Ruled, department: str) -> bool:
    """Whether the one rule reaches all messages that the other one reaches."""
    return wide.scope in ("company", narrow.scope, f"department:{department}") and sender_covers(wide, narrow)


def sender_covers(wide: Ruled, narrow: Ruled) -> bool:
    """Whether one match covers every sender of the other."""
    if wide.match in ("list", "campaign", "address") or narrow.match in ("list", "campaign"):
        return (wide.match, wide.value) == (narrow.match, narrow.value)
    domain = narrow.value.rpartition("@")[2]
    alone = wide.match == "domain" and wide.effect == "allow"
    if alone:
        return domain == wide.value and narrow.match != "subdomains" and not (narrow.match == "domain" and narrow.effect != "allow")
    return domain == wide.value or domain.endswith("." + wide.value)


def says_as_much(wide: Ruled, narrow: Ruled) -> bool:
    """Whether the wider rule of the same effect does all that the narrower one does."""
    if wide.effect == "hold":
        return wide.until is None or (narrow.until is not None and wide.until >= narrow.until)
    if wide.effect == "block":
        return not wide.unproven_only or narrow.unproven_only
    easier: Sequence[str] = (narrow.proof, "aligned") if narrow.proof == "dmarc" else (narrow.proof,)
    stronger = wide.origin in ("staff", "import") or narrow.origin not in ("staff", "import")
    more = (wide.risky, wide.unchecked, wide.encrypted or wide.risky)
    asked = (narrow.risky, narrow.unchecked, narrow.encrypted)
    return wide.proof in easier and stronger and all(has or not asks for has, asks in zip(more, asked, strict=True))


def rule_subject(rule: Ruled) -> str:
    """Subject of a rule as text, with a leading dot for subdomains."""
    return f".{rule.value}" if rule.match == "subdomains" else rule.value
