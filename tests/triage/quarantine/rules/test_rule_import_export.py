"""Rules as lines of a file: read back what was written, and nothing half done when a line is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, BEN, NOW, OTTO
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, FaultyLines, NotAllowed
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.rules import rule_import_export
from triage.quarantine.rules.rule_import_export import order_of
from triage.store import db
from triage.store.models.rules import Rule

ORDERS = [
    RuleOrder("allow", "address", "sales@supplier.example", "company", note='from "Ana", once'),
    RuleOrder("allow", "subdomains", "supplier.example", "department:it", "aligned", until=NOW + timedelta(days=9), risky=True),
    RuleOrder("allow", "list", "dev.lists.example", "person:joe.fern", "dkim:lists.example", lapse_days=400),
    RuleOrder("block", "domain", "junk.example", "company", unproven_only=True, unsigned_only=True),
    RuleOrder("hold", "domain", "hacked.example", "company", until=NOW + timedelta(days=9), note="their mailbox was hacked"),
    RuleOrder("redirect", "recipient", "info@company.example", "company", to="person:joe.fern"),
    RuleOrder("redirect", "address", "bills@supplier.example", "company", recipient="info@company.example", to="person:joe.fern"),
]


def load(engine: Engine, settings: Settings, text: str, by: Actor = ANA) -> tuple[int, int]:
    """Load rules; return the number of new ones and of those that existed."""
    with db.transaction(engine) as session:
        loaded = rule_import_export.load_rules(session, text, by=by, now=NOW, settings=settings)
        assert len(set(loaded.rules)) == loaded.made
        return loaded.made, loaded.kept


def shown(engine: Engine) -> list[tuple[object, ...]]:
    names = (
        "effect",
        "match",
        "value",
        "scope",
        "proof",
        "until",
        "lapse_days",
        "risky",
        "unproven_only",
        "unsigned_only",
        "note",
        "recipient",
        "target",
    )
    with db.read_transaction(engine) as session:
        found = session.scalars(select(Rule).where(rules.in_force(NOW)).order_by(col(Rule.value), col(Rule.match)))
        return [tuple(getattr(rule, name) for name in names) for rule in found]


def test_what_is_written_is_read_back(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        for order in ORDERS:
            rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        text = "\n".join(rule_import_export.write_rule_line(rule) for rule in session.scalars(select(Rule)))
    before = shown(known)
    assert load(known, settings, text) == (0, 7)
    with db.transaction(known) as session:
        for rule in session.scalars(select(Rule)).all():
            rules.remove_rule(session, rule.id, by=ANA, now=NOW)
    assert load(known, settings, text) == (7, 0)
    assert shown(known) == before
    with db.read_transaction(known) as session:
        assert set(session.scalars(select(col(Rule.origin)).where(rules.in_force(NOW)))) == {"import"}


WORDS = """
# what the old filter knew
allow .supplier.example scope=department:it proof=aligned note="from Ana"   # trailing words
block spam@junk.example until=2031-01-01

allow list:<Dev.Lists.example> proof=dkim:lists.example risky lapse=400
"""


def test_lines_in_words(known: Engine, settings: Settings) -> None:
    assert load(known, settings, WORDS) == (3, 0)
    assert [line[:6] for line in shown(known)] == [
        ("allow", "list", "dev.lists.example", "company", "dkim:lists.example", NOW + timedelta(days=400)),
        ("block", "address", "spam@junk.example", "company", "", datetime(2031, 1, 1, tzinfo=UTC)),
        ("allow", "subdomains", "supplier.example", "department:it", "aligned", None),
    ]


TYPOS = [
    ("alow sales@supplier.example", "effect: a rule allows, blocks, redirects or holds, not “alow”"),
    ("allow", "sender is missing"),
    ("allow nonsense@", "value: “nonsense@” is not an email address"),
    ("allow gmail.com", "value: anybody can get an address at gmail.com"),
    ("allow sales@supplier.example scop=company", "there is no “scop”; did you mean “scope”?"),
    ("allow sales@supplier.example scope=department:zoo", "scope: there is no department “zoo”"),
    ("allow sales@supplier.example until=soon", "until: “soon” is not a date"),
    ("allow sales@supplier.example lapse=often", "lapse_days: a number of days, not “often”"),
    ("allow sales@supplier.example why", "“why” is not name=value"),
    ("allow sales@supplier.example risky=perhaps", "risky: true or false, not “perhaps”"),
    ('allow sales@supplier.example note="open', "a quote is not closed"),
    ("block company.example", "value: company.example is your company's own"),
    ('{"effect": "allow"', "this is not JSON"),
    ('{"effect": ' + "[" * 100_000, "nested too deeply"),
    ('{"effect": "allow", "sender": 7}', "sender: text, not “7”"),
    ('{"effect": "allow", "sender": "a@b.example", "risky": "yes"}', "risky: true or false, not “yes”"),
    ('{"effect": "allow", "sendr": "a@b.example"}', "there is no “sendr”; did you mean “sender”?"),
    ("allow a\x1b[2J@b.example", "value: "),
]


def test_each_wrong_line_is_named_and_nothing_is_half_done(known: Engine, settings: Settings) -> None:
    lines = ["allow first@good.example", *(line for line, _ in TYPOS), "block last@good.example"]
    with pytest.raises(FaultyLines) as refused:
        load(known, settings, "\n".join(lines))
    told = [(fault.line, fault.reason) for fault in refused.value.faults]
    assert [line for line, _ in told] == list(range(2, len(TYPOS) + 2))
    for (_, reason), (line, says) in zip(told, TYPOS, strict=True):
        assert says in reason, line
        assert "\x1b" not in reason
    assert str(refused.value).endswith("no rule was created")
    assert shown(known) == []


@pytest.mark.parametrize(("by", "line"), [(BEN, "allow a@b.example"), (BEN, "allow a@b.example scope=department:it")])
def test_a_file_reaches_no_further_than_whose_it_is(known: Engine, settings: Settings, by: Actor, line: str) -> None:
    with pytest.raises(FaultyLines, match="line 1: your scope is department:legal"):
        load(known, settings, line, by)
    with pytest.raises(NotAllowed):
        load(known, settings, line, OTTO)


def test_what_needs_two_keys_is_not_for_a_file(known: Engine, settings: Settings) -> None:
    careful = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    with pytest.raises(FaultyLines, match="line 2: this needs approval"):
        load(known, careful, "allow a@supplier.example\nallow supplier.example")
    assert load(known, careful, "allow a@supplier.example\nblock supplier.example") == (2, 0)


@given(st.one_of(st.text(max_size=200), st.builds("allow {} {}".format, st.text(max_size=30), st.text(max_size=60))))
def test_no_line_makes_it_raise_anything_else(line: str) -> None:
    try:
        order_of(line)
    except BadInput:
        return
