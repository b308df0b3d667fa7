"""Rules as a script: read back they are the same rules, their order does what the policy does, and what Sieve cannot say is named."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.triage import arriving
from tests.triage.arriving import NO_DMARC
from triage.addressing.recipient import Recipient
from triage.message.authentication import Dmarc, Result
from triage.policy.facts import Facts, MatchedRule
from triage.policy.proof import deciding_allow, deciding_block, deciding_hold
from triage.policy.rules.matching_rules import rules_for_recipient
from triage_cli.sieve.read_script import read_script
from triage_cli.sieve.rule_line import SenderRule, covers_subdomains
from triage_cli.sieve.write_script import order_rules, read_line, write_script

NOW = datetime(2026, 12, 1, tzinfo=UTC)
JOE = Recipient("it+joe.fern@company.example", "it", "joe.fern", "joe.fern@company.example")
SCOPES = st.sampled_from(["company", "department:it", "person:joe.fern"])
DOMAINS = st.sampled_from(["x.example", "sub.x.example", "deep.sub.x.example", "y.example"])
ADDRESSES = st.builds("{}@{}".format, st.sampled_from(["a", "b", '"a b"', "${x}", "a\\*?"]), DOMAINS)
SENDERS = st.one_of(
    st.tuples(st.just("address"), ADDRESSES), st.tuples(st.just("domain"), DOMAINS), st.tuples(st.just("subdomains"), DOMAINS)
)
ENDS = st.sampled_from(["2036-01-02T00:00:00+00:00", "2036-01-02T03:04:05.000006+00:00"])
NOTES = st.sampled_from(["", "why", 'he said "}" \\', "# twice */", "ä"])


@st.composite
def any_rule(draw: st.DrawFn) -> SenderRule:
    """A rule that Sieve can say."""
    effect = draw(st.sampled_from(["allow", "block", "hold", "redirect"]))
    lists = st.tuples(st.just("list"), st.just("dev.lists.example"))
    match, value = draw(st.one_of(SENDERS, lists) if effect in ("block", "redirect") else SENDERS)
    return SenderRule(
        effect,
        match,
        value,
        draw(SCOPES),
        proof=draw(st.sampled_from(["dmarc", "aligned"])) if effect == "allow" else "",
        unproven_only=effect == "block" and draw(st.booleans()),
        until=draw(ENDS) if effect == "hold" or draw(st.booleans()) else "",
        to=draw(st.sampled_from(["info@company.example", "joe.fern@company.example"])) if effect == "redirect" else "",
        note=draw(NOTES) or ("why" if effect == "hold" else ""),
    )


def exported(rules: Sequence[SenderRule]) -> list[dict[str, Any]]:
    """The rules as lines of `rules export`."""
    return [json.loads(one.as_line()) for one in rules]


@given(st.lists(any_rule(), max_size=8, unique_by=lambda one: (one.effect, one.match, one.value, one.scope, one.unproven_only)))
def test_read_back_they_are_the_same_rules(rules: list[SenderRule]) -> None:
    said, left = order_rules(rules)
    script = read_script(write_script(exported(rules), department="it", people=["joe.fern"], now=NOW), scope="company", people={})
    assert script.faults == []
    assert [one.rule for one in script.rules] == said
    assert sorted(map(repr, (*said, *(one for one, _ in left)))) == sorted(map(repr, rules))


@given(st.lists(any_rule().filter(lambda one: one.effect != "redirect" and one.match != "list"), max_size=6), ADDRESSES, st.booleans())
def test_the_first_that_fits_is_the_one_that_the_policy_follows(rules: list[SenderRule], author: str, proven: bool) -> None:
    said, _ = order_rules(rules)
    assert next((one.effect for one in said if fits(one, author, proven)), "") == followed(said, author, proven)


def fits(rule: SenderRule, author: str, proven: bool) -> bool:
    """Whether the tests of its command are true for a message to Joe."""
    if (rule.effect == "allow" and not proven) or (rule.unproven_only and proven):
        return False
    return names(rule, author)


def names(rule: SenderRule, author: str) -> bool:
    """Whether it is about an author."""
    domain = author.rpartition("@")[2]
    below = covers_subdomains(rule) and domain.endswith(f".{rule.value}")
    return rule.value == author if rule.match == "address" else domain == rule.value or below


def followed(rules: Sequence[SenderRule], author: str, proven: bool) -> str:
    """The effect of the rule that decides by the policy's own functions."""
    matched = [matched_rule(place, one) for place, one in enumerate(rules) if names(one, author)]
    dmarc = Dmarc(Result.PASS, author.rpartition("@")[2]) if proven else NO_DMARC
    facts = Facts(
        envelope=arriving.envelope(),
        authentication=arriving.authentication(author, dmarc),
        summary=arriving.summary(author),
        recipient=JOE,
        own_domains=frozenset({"company.example"}),
        rules=rules_for_recipient(matched, JOE),
    )
    deciding = {"block": deciding_block, "hold": deciding_hold, "allow": deciding_allow}
    return next((effect for effect, find in deciding.items() if find(facts) is not None), "")


def matched_rule(number: int, rule: SenderRule) -> MatchedRule:
    """A rule as the policy knows it."""
    said = (rule.effect, rule.match, rule.value, rule.scope, rule.proof, rule.unproven_only)
    return MatchedRule(number, *said, author="Ana Roth", origin="staff", since=NOW)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"effect": "allow", "sender": "a@x.example", "proof": "dkim:x.example"}, "no field names its proof"),
        ({"effect": "allow", "sender": "a@x.example", "proof": "dmarc", "risky": True}, "it allows risky attachments"),
        ({"effect": "allow", "sender": "a@x.example", "proof": "dmarc", "lapse_days": 9}, "its end moves with every message"),
        ({"effect": "block", "sender": "a@x.example", "proof": "claimed"}, "it is about messages without a clear author"),
        ({"effect": "block", "sender": "a@x.example", "origin": "removal"}, "a removal left it"),
        ({"effect": "redirect", "sender": "a@x.example", "to": "person:joe.fern"}, "whose address can change"),
        ({"effect": "redirect", "sender": "recipient:info@company.example", "to": "a@company.example"}, "which address of yours"),
        ({"effect": "hold", "sender": "content:wave", "conditions": {"wording": ["threat"]}, "note": "a\nkeep;"}, "Sieve does not see"),
    ],
)
def test_what_sieve_cannot_say_is_named(line: dict[str, Any], why: str) -> None:
    script = write_script([line | {"scope": "company"}], department="it", people=(), now=NOW)
    head, _, tail = script.partition("# Not said by this script:\n")
    assert (read_script(head, scope="company", people={}).rules, line["sender"] in tail, why in tail, tail.count("\n")) == (
        [],
        True,
        True,
        1,
    )


def test_rules_for_others_are_left_out() -> None:
    lines = [{"effect": "block", "sender": "a@x.example", "scope": scope} for scope in ("department:legal", "person:mara.berg")]
    assert "x.example" not in write_script(lines, department="it", people=["joe.fern"], now=NOW)


def test_a_hold_between_a_block_and_a_more_precise_allow_has_no_place() -> None:
    rules = [
        SenderRule("allow", "address", "a@x.example", "company", "dmarc"),
        SenderRule("block", "domain", "x.example", "company"),
        SenderRule("hold", "domain", "x.example", "company", until="2036-01-02T00:00:00+00:00", note="hacked"),
    ]
    said, left = order_rules(rules)
    assert ([one.effect for one in said], [one.effect for one, _ in left]) == (["allow", "block"], ["hold"])
    assert read_line(exported(rules)[2]) == rules[2]
