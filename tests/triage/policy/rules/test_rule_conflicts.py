"""Conflicts between two rules, as a table, and the verdict of the policy."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from tests.triage.arriving import DMARC_PASS, NOW
from tests.triage.policy.test_decide import PRECEDENCE, facts, rule
from triage.policy.decide import decide_verdict
from triage.policy.facts import MatchedRule
from triage.policy.proof import rule_precision
from triage.policy.rules.rule_conflicts import find_conflicts

ALLOW, BLOCK = rule("allow"), rule("block", id=8)
DOMAIN = rule("allow", "domain", "supplier.example", id=9)
BELOW = rule("allow", "subdomains", "supplier.example", id=9)
BLOCKED = rule("block", "domain", "supplier.example", id=8)
HOLD = rule("hold", id=9, note="hacked", until=NOW)
HELD = replace(HOLD, match="domain", value="supplier.example", id=10)
DEEP = rule("allow", "address", "a@deep.supplier.example")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (ALLOW, BLOCK, "shadowed"),
        (ALLOW, BLOCKED, "exception"),
        (replace(ALLOW, origin="learned"), BLOCKED, "shadowed"),
        (DOMAIN, BLOCKED, "shadowed"),
        (replace(DOMAIN, scope="department:it"), BLOCKED, "exception"),
        (ALLOW, replace(BLOCK, unproven_only=True), ""),
        (ALLOW, replace(BLOCK, scope="department:it"), ""),
        (replace(ALLOW, scope="department:it"), BLOCK, "exception"),
        (ALLOW, DOMAIN, "same"),
        (ALLOW, replace(DOMAIN, proof="aligned"), "same"),
        (replace(ALLOW, proof="aligned"), DOMAIN, ""),
        (replace(ALLOW, risky=True), DOMAIN, ""),
        (ALLOW, replace(DOMAIN, origin="learned"), ""),
        (DEEP, DOMAIN, ""),
        (DEEP, BELOW, "same"),
        (DEEP, BLOCKED, "exception"),
        (BLOCK, DOMAIN, "exception"),
        (BLOCK, BLOCKED, "same"),
        (BLOCK, replace(BLOCKED, unproven_only=True), ""),
        (BLOCK, ALLOW, "exception"),
        (replace(BLOCK, unproven_only=True), ALLOW, ""),
        (rule("allow", "list", "dev.lists.example"), rule("block", "list", "dev.lists.example", id=8), "shadowed"),
        (ALLOW, HOLD, "shadowed"),
        (DEEP, HELD, "shadowed"),
        (HOLD, ALLOW, "exception"),
        (HELD, DOMAIN, ""),
        (HELD, BELOW, "exception"),
        (HOLD, BLOCK, "shadowed"),
        (HOLD, replace(BLOCK, unproven_only=True), ""),
        (BLOCK, HOLD, "exception"),
        (HOLD, HELD, "same"),
        (replace(HOLD, until=NOW + timedelta(days=1)), HELD, ""),
        (HELD, HOLD, ""),
        (rule("allow", "list", "dev.lists.example"), rule("block", "list", "other.lists.example", id=8), ""),
    ],
)
def test_how_two_rules_stand(one: MatchedRule, other: MatchedRule, kind: str) -> None:
    found = list(find_conflicts(one, [other]))
    assert [clash.kind for clash in found] == ([kind] if kind else [])
    assert all(clash.rule_id == other.id and other.value in clash.sentence for clash in found)


def test_a_conflict_names_the_department_of_the_directory() -> None:
    (clash,) = find_conflicts(
        replace(ALLOW, scope="person:joe.fern"), [replace(ALLOW, id=8, scope="department:it")], "it", {"department:it": "IT"}
    )
    assert "for the department IT, which says this already" in clash.sentence


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (replace(ALLOW, scope="person:joe.fern"), replace(ALLOW, id=8, scope="department:it"), "same"),
        (replace(ALLOW, scope="person:joe.fern"), replace(BLOCK, scope="department:it"), "exception"),
        (replace(ALLOW, scope="person:joe.fern", origin="learned"), replace(BLOCK, scope="department:it"), "shadowed"),
        (replace(BELOW, scope="person:joe.fern"), replace(BLOCKED, scope="department:it"), "shadowed"),
        (replace(ALLOW, scope="person:joe.fern"), replace(BLOCK, scope="department:legal"), ""),
        (replace(ALLOW, scope="department:it"), replace(ALLOW, id=8, scope="person:joe.fern"), ""),
    ],
)
def test_a_department_s_rule_reaches_its_people(one: MatchedRule, other: MatchedRule, kind: str) -> None:
    assert [clash.kind for clash in find_conflicts(one, [other], "it")] == ([kind] if kind else [])


def test_the_weightiest_comes_first() -> None:
    others = [replace(DOMAIN, id=20), replace(BLOCK, id=21)]
    assert [clash.kind for clash in find_conflicts(ALLOW, others)] == ["shadowed", "same"]


@given(PRECEDENCE, PRECEDENCE)
def test_a_shadowed_rule_does_not_decide_beside_the_other(one: MatchedRule, other: MatchedRule) -> None:
    other = replace(other, id=100)
    kinds = [clash.kind for clash in find_conflicts(one, [other], "it")]
    ordered = sorted([one, other], key=lambda each: (tuple(-part for part in rule_precision(each)), each.effect != "block"))
    decides = decide_verdict(facts(DMARC_PASS, *ordered)).rule_id
    if kinds == ["shadowed"]:
        assert decides != one.id
    if kinds == ["exception"] and not one.unproven_only:
        assert decides == one.id
