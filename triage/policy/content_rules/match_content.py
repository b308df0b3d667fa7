"""Matches content rules to a message: rules are filed under their first condition, so that most are never looked at. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.policy.content_rules.conditions import DIRECTION, INCOMING, Conditions
from triage.policy.content_rules.message_content import MessageContent
from triage.policy.content_rules.patterns import is_pattern, longest_part, matches_pattern


@dataclass(frozen=True, slots=True)
class ContentRule:
    """A rule on content in force."""

    id: int
    name: str
    effect: str  # hold, purge, redirect, mark
    conditions: Conditions  # every one has to fit, by one of its values
    scope: str  # company, department:CODE, person:UID
    author: str = ""
    note: str = ""
    since: datetime | None = None
    until: datetime | None = None
    target: str = ""  # of a redirect


@dataclass(frozen=True, slots=True)
class ContentMatch:
    """A rule on content that a message matches, and by what."""

    rule: ContentRule
    found: tuple[str, ...]  # one value of the message for each condition


class ContentRules:
    """Rules on content, filed."""

    def __init__(self, rules: Iterable[ContentRule]) -> None:
        self.exact: dict[str, dict[str, list[ContentRule]]] = {}
        self.patterns: dict[str, list[tuple[str, ContentRule]]] = {}
        self.count = 0
        for rule in rules:
            self.file_rule(rule)
            self.count += 1

    def __bool__(self) -> bool:
        return self.count > 0

    def file_rule(self, rule: ContentRule) -> None:
        """File a rule under the values of its first condition: a pattern under the longest text that it needs."""
        name, values = rule.conditions[0]
        for value in values:
            if is_pattern(value):
                self.patterns.setdefault(name, []).append((longest_part(value), rule))
            else:
                self.exact.setdefault(name, {}).setdefault(value, []).append(rule)

    def match(self, message: MessageContent, now: datetime) -> tuple[ContentMatch, ...]:
        """Returns the rules in force that match the message, the oldest first."""
        likely = {rule.id: rule for rule in self.likely_rules(message)}
        found = (match_rule(rule, message) for _, rule in sorted(likely.items()) if rule.until is None or rule.until > now)
        return tuple(one for one in found if one is not None)

    def likely_rules(self, message: MessageContent) -> Iterator[ContentRule]:
        """Yields the rules whose first condition matches the message, or may match it."""
        for name, by_value in self.exact.items():
            for value in message.values(name):
                yield from by_value.get(value, ())
        for name, some in self.patterns.items():
            text = "\n".join(message.values(name))
            if text:
                yield from (rule for part, rule in some if part in text)


NO_RULES = ContentRules(())


def match_rule(rule: ContentRule, message: MessageContent) -> ContentMatch | None:
    """The rule with what fits its conditions, if each of them does. Unless it says otherwise it is about messages from outside."""
    asked: Sequence[tuple[str, tuple[str, ...]]] = rule.conditions
    if all(name != DIRECTION for name, _ in asked):
        asked = (*asked, (DIRECTION, (INCOMING,)))
    found: dict[str, str] = {}
    for name, wanted in asked:
        value = fitting_value(wanted, message.values(name))
        if value is None:
            return None
        found[name] = value
    return ContentMatch(rule, shown_values(rule, found))


def shown_values(rule: ContentRule, found: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the matched values as people read them, without the direction, which says nothing about the message."""
    return tuple(found[name] for name, _ in rule.conditions if name != DIRECTION)


def fitting_value(wanted: Iterable[str], values: frozenset[str]) -> str | None:
    """The first of the values that fits one of those wanted."""
    for one in wanted:
        if not is_pattern(one):
            if one in values:
                return one
        elif fitting := [value for value in sorted(values) if matches_pattern(one, value)]:
            return fitting[0]
    return None
