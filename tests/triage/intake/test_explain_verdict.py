"""Explanations of verdicts: why a message would pass, and why one did or did not."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, COMPANY, DMARC_PASS, NOW, SYNC, add_rules, arrive
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotFound
from triage.intake import explain_verdict
from triage.intake.explain_verdict import Explanation
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db

SALES, JOE, MARA = "sales@supplier.example", "joe.fern@company.example", "mara.berg@company.example"


def explain(engine: Engine, settings: Settings, to: str = JOE, by: Actor = ANA, **more: str) -> Explanation:
    with db.read_transaction(engine) as session:
        return explain_verdict.explain_verdict(session, SALES, to, by=by, settings=settings, now=NOW, **more)


def list_cases(found: Explanation) -> list[tuple[str, str, int | None]]:
    return [(one.proof, one.rule, one.rule_id) for one in found.cases]


def test_a_stranger_is_one_whatever_is_proven(known: Engine, settings: Settings) -> None:
    found = explain(known, settings)
    assert list_cases(found) == [("dmarc", "first-contact", None)]
    assert (found.department, found.person) == ("it", "joe.fern")


def test_each_proof_that_makes_a_difference(known: Engine, settings: Settings) -> None:
    allow, pinned, block = add_rules(
        known,
        settings,
        RuleOrder("allow", "address", SALES, "company"),
        RuleOrder("allow", "domain", "supplier.example", "company", "dkim:forwarder.example"),
        RuleOrder("block", "domain", "supplier.example", "person:joe.fern", unproven_only=True),
    )
    found = explain(known, settings)
    assert list_cases(found) == [
        ("dmarc", "allowed-sender", allow),
        ("dkim:forwarder.example", "allowed-sender", pinned),  # a signature that staff trusts is a proof, whatever the block
        ("aligned", "unproven-known-sender", None),
        ("none", "blocked-sender", block),
    ]
    dmarc = found.cases[0]
    assert [(one.rule, one.rule_id) for one in dmarc.beside] == [("block", block), ("allow", pinned)]
    assert list_cases(explain(known, settings, MARA)) == [
        ("dmarc", "allowed-sender", allow),
        ("dkim:forwarder.example", "allowed-sender", pinned),
        ("aligned", "unproven-known-sender", None),
    ]


def test_a_list(known: Engine, settings: Settings) -> None:
    (rule,) = add_rules(known, settings, RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example"))
    found = explain(known, settings, list_id="<Dev.Lists.example>")
    assert ("dkim:lists.example", "allowed-sender", rule) in list_cases(found)


@pytest.mark.parametrize(
    ("sender", "to", "fault", "says"),
    [
        ("nonsense", JOE, BadInput, "sender: “nonsense” is not an email address"),
        (SALES, "nonsense", BadInput, "to: “nonsense” is not an email address"),
        (SALES, "nobody@company.example", NotFound, "nobody in your scope has the address nobody@company.example"),
        (SALES, "joe@elsewhere.example", NotFound, "nobody in your scope"),
    ],
)
def test_mistakes(sqlite_engine: Engine, settings: Settings, sender: str, to: str, fault: type[Exception], says: str) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    with pytest.raises(fault, match=says), db.read_transaction(sqlite_engine) as session:
        explain_verdict.explain_verdict(session, sender, to, by=ANA, settings=settings, now=NOW)


def test_scope_and_seal(known: Engine, settings: Settings) -> None:
    with pytest.raises(NotFound):
        explain(known, settings, by=BEN)
    assert explain(known, settings, MARA, BEN).person == "mara.berg"
    with db.transaction(known) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry("person:mara.berg", ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    for by in (ANA, BEN):
        with pytest.raises(NotFound):
            explain(known, settings, MARA, by)


def test_a_past_delivery_then_and_today(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (came,) = arrive(session, settings, dmarc=DMARC_PASS)
    (rule,) = add_rules(known, settings, RuleOrder("allow", "address", SALES, "company"))
    with db.read_transaction(known) as session:
        past = explain_verdict.explain_delivery(session, came, by=ANA, settings=settings, now=NOW)
    assert (past.then.rule, past.then.disposition) == ("first-contact", "quarantine")
    assert past.today is not None
    assert (past.today.rule, past.today.rule_id, past.today.disposition) == ("allowed-sender", rule, "relay")
    with pytest.raises(NotFound), db.read_transaction(known) as session:
        explain_verdict.explain_delivery(session, came, by=BEN, settings=settings, now=NOW)


def test_what_matched_beside_is_kept_with_the_delivery(known: Engine, settings: Settings) -> None:
    (rule,) = add_rules(known, settings, RuleOrder("allow", "address", SALES, "company"))
    with db.transaction(known) as session:
        (came,) = arrive(session, settings)
        rules.remove_rule(session, rule, by=ANA, now=NOW)
    with db.read_transaction(known) as session:
        past = explain_verdict.explain_delivery(session, came, by=ANA, settings=settings, now=NOW)
    assert [(one.rule, one.rule_id) for one in past.then.beside] == [("allow", rule)]
    assert past.today is not None
    assert past.today.beside == ()


@pytest.mark.parametrize("seals", [(), (ConfidentialEntry("department:legal", ("hana",)),)])
def test_rules_of_the_folder_that_somebody_has_moved_to_are_not_told(
    known: Engine, settings: Settings, seals: tuple[ConfidentialEntry, ...]
) -> None:
    """Earlier decisions keep their folder; rules of the new folder are outside the scope."""
    before = ANA if seals else replace(ANA, scope=Scope(departments=frozenset({"it"})))
    joe = replace(COMPANY.people[1], department="legal")
    with db.transaction(known) as session:
        (came,) = arrive(session, settings)
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(came,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
        moved = replace(COMPANY, people=(COMPANY.people[0], joe), sealed=seals)
        directory.apply_directory(session, moved, settings.company, by=SYNC, now=NOW)
        hana = Actor.person("hana", Role.ADMIN, EVERYTHING, "Hana Novak")
        rules.add_rule(session, RuleOrder("block", "address", SALES, "department:legal"), by=hana, now=NOW, settings=settings)
        for by, today in ((hana, "blocked-sender"), (before, None)):
            past = explain_verdict.explain_delivery(session, came, by=by, settings=settings, now=NOW)
            assert (past.then.rule, past.today and past.today.rule) == ("first-contact", today)
