"""Rules tried out on what came: what they would have let in or kept out, what is against them, and which to offer first."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ALIGNED, ANA, BEN, DMARC_FAIL, DMARC_PASS, NO_DMARC, NOW, arrive
from triage.access import confidential_folders
from triage.actor import Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message.authentication import Authentication, Dkim, Result
from triage.policy.rules import rule_warnings, store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.rules import rule_trial
from triage.quarantine.rules.rule_trial import Trial
from triage.quarantine.search.selection import Selection
from triage.store import db

SALES, JOE, MARA = "sales@supplier.example", "it+joe.fern@company.example", "legal+mara.berg@company.example"
ALLOW = RuleOrder("allow", "address", SALES, "company")


def tried(engine: Engine, settings: Settings, order: RuleOrder, by: Actor = ANA) -> Trial:
    with db.read_transaction(engine) as session:
        return rule_trial.try_rule(session, order, by=by, settings=settings, now=NOW)


def numbers(found: Trial) -> tuple[int, int, int, int]:
    return found.came, found.changed, found.people, found.against


def came(session: Session, settings: Settings, *to: str, **more: object) -> tuple[int, ...]:
    return arrive(session, settings, *to, **more)  # type: ignore[arg-type]


def test_what_an_allow_would_have_let_in(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        came(session, settings, JOE, MARA, dmarc=DMARC_PASS)
        came(session, settings, JOE, dmarc=NO_DMARC)
        came(session, settings, JOE, author="other@supplier.example", dmarc=DMARC_PASS)
        (bad,) = came(session, settings, JOE, dmarc=DMARC_PASS)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(bad,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
    found = tried(known, settings, ALLOW)
    assert numbers(found) == (4, 3, 2, 1)
    assert found.sentence == "In the last 30 days the rule would have released 3 messages to 2 people. Staff removed 1 of them."
    assert numbers(tried(known, settings, replace(ALLOW, scope="person:joe.fern"))) == (3, 2, 1, 1)
    assert numbers(tried(known, settings, replace(ALLOW, match="domain", value="supplier.example"))) == (5, 4, 2, 1)
    assert numbers(tried(known, settings, ALLOW, BEN)) == (1, 1, 1, 0)
    with db.read_transaction(known) as session:
        later = rule_trial.try_rule(session, ALLOW, by=ANA, settings=settings, now=NOW + timedelta(days=31))
    assert (later.came, later.sentence) == (0, "No message from this sender came in the last 30 days.")


def test_what_a_block_would_have_kept_out(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (good,) = came(session, settings, JOE, dmarc=DMARC_PASS)
        came(session, settings, JOE, author="x@deep.supplier.example")
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(good,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
    found = tried(known, settings, RuleOrder("block", "domain", "supplier.example", "company"))
    assert numbers(found) == (2, 2, 1, 1)
    assert found.sentence == "In the last 30 days the rule would have blocked 2 messages to 1 person. Staff released 1 of them."


def test_what_a_hold_would_have_held(known: Engine, settings: Settings) -> None:
    hold = RuleOrder("hold", "domain", "supplier.example", "company", note="their mailbox was hacked")
    with db.transaction(known) as session:
        came(session, settings, JOE, dmarc=DMARC_PASS)
    assert (
        tried(known, settings, hold).sentence == "In the last 30 days the rule would have held nothing more (1 message from this sender)."
    )
    with db.transaction(known) as session:
        rules.add_rule(session, ALLOW, by=ANA, now=NOW, settings=settings)
        came(session, settings, JOE, MARA, dmarc=DMARC_PASS)
    found = tried(known, settings, hold)
    assert found.sentence == "In the last 30 days the rule would have held 2 messages to 2 people."
    assert (numbers(found), [one.kind for one in found.clashes]) == ((3, 2, 2, 0), [])


def test_a_list_is_found_by_its_id(known: Engine, settings: Settings) -> None:
    signed = Authentication("anna@home.example", dkim=(Dkim(Result.PASS, "lists.example", signs_list=True),))
    with db.transaction(known) as session:
        said = arriving.summary("anna@home.example", list_id="dev.lists.example")
        intake.receive_message(session, arriving.envelope(JOE), b"From: a\r\n\r\n", signed, said, settings=settings, now=NOW)
        came(session, settings, JOE)
    order = RuleOrder("allow", "list", "dev.lists.example", "company", "dkim:lists.example")
    assert numbers(tried(known, settings, order)) == (1, 1, 1, 0)


def test_what_can_be_no_rule_is_named(sqlite_engine: Engine, settings: Settings) -> None:
    with pytest.raises(BadInput, match="anybody can get an address"):
        tried(sqlite_engine, settings, RuleOrder("allow", "domain", "gmail.com", "company"))


@pytest.mark.parametrize(
    ("dmarc", "order", "says"),
    [
        (NO_DMARC, ALLOW, "All of the last 2 messages from there fail dmarc: this rule would have allowed nothing."),
        (NO_DMARC, ALLOW, "The domain publishes neither SPF nor DMARC."),
        (DMARC_FAIL, ALLOW, "fail dmarc"),
        (NO_DMARC, replace(ALLOW, effect="block", match="domain", value="supplier.example"), ""),
        (ALIGNED, ALLOW, "Ask for “aligned” instead: all of them pass that."),
        (ALIGNED, replace(ALLOW, proof="aligned"), ""),
        (DMARC_PASS, ALLOW, ""),
        (NO_DMARC, replace(ALLOW, match="subdomains", value="supplier.example"), "fail dmarc"),
        (NO_DMARC, replace(ALLOW, value="nobody@supplier.example"), ""),
        (NO_DMARC, replace(ALLOW, effect="block"), ""),
    ],
)
def test_a_rule_that_cannot_work_says_so_when_it_is_made(
    known: Engine, settings: Settings, dmarc: object, order: RuleOrder, says: str
) -> None:
    with db.transaction(known) as session:
        came(session, settings, JOE, dmarc=dmarc)
        came(session, settings, JOE, dmarc=dmarc)
        made = rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        assert says in made.doubt
        assert bool(made.doubt) is bool(says)


def test_nobody_learns_from_a_doubt_that_others_got_mail(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        came(session, settings, JOE)
        made = rules.add_rule(session, ALLOW, by=ANA, now=NOW, settings=settings)
        assert made.doubt
        assert rules.known_to(session, [made.id], by=BEN)[0].doubt == ""
    assert tried(known, settings, ALLOW).doubt
    assert tried(known, settings, replace(ALLOW, scope="department:legal"), BEN).doubt == ""
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:it", ("ida",))])
    assert tried(known, settings, ALLOW).doubt == ""


def test_the_signature_that_all_of_it_bears_is_named(known: Engine, settings: Settings) -> None:
    signed = replace(arriving.authentication(SALES), dkim=(Dkim(Result.PASS, "sender.example"),))
    with db.transaction(known) as session:
        intake.receive_message(
            session, arriving.envelope(JOE), b"From: a\r\n\r\n", signed, arriving.summary(SALES), settings=settings, now=NOW
        )
        made = rules.add_rule(session, ALLOW, by=ANA, now=NOW, settings=settings)
        assert "signed by sender.example: ask for “dkim:sender.example”" in made.doubt


def test_clashes_are_told_to_those_who_may_know(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        block = rules.add_rule(session, RuleOrder("block", "domain", "supplier.example", "company"), by=ANA, now=NOW, settings=settings)
        allow = rules.add_rule(session, RuleOrder("allow", "domain", "supplier.example", "company"), by=ANA, now=NOW, settings=settings)
        told = rule_warnings.of_rules(session, [allow, block], NOW, by=ANA)
        assert [(one.kind, one.rule_id) for one in told[allow.id]] == [("shadowed", block.id)]
    assert [one.kind for one in tried(known, settings, ALLOW).clashes] == ["same", "exception"]


def test_a_person_is_reached_by_rules_for_their_department(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        rules.add_rule(session, RuleOrder("block", "domain", "supplier.example", "department:it"), by=ANA, now=NOW, settings=settings)
    below = RuleOrder("allow", "subdomains", "supplier.example", "person:joe.fern")
    assert [one.kind for one in tried(known, settings, below).clashes] == ["shadowed"]
    assert tried(known, settings, replace(below, scope="person:mara.berg")).clashes == ()


def test_the_narrowest_sensible_rule_is_offered_first(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail, _) = came(session, settings, JOE, MARA, dmarc=DMARC_PASS)

    def offered(by: Actor, **features: object) -> list[tuple[str, str, str, int]]:
        with db.read_transaction(known) as session:
            found = rule_trial.offer_rules(session, Selection.of(**features), by=by, settings=settings, now=NOW)
        return [(one.order.match, one.order.value, one.order.scope, one.changed) for one in found]

    assert offered(ANA, ids=(mail,)) == [
        ("address", SALES, "person:joe.fern", 1),
        ("address", SALES, "department:it", 1),
        ("address", SALES, "company", 2),
        ("domain", "supplier.example", "company", 2),
    ]
    assert offered(BEN, sender=SALES) == [("address", SALES, "department:legal", 1), ("domain", "supplier.example", "department:legal", 1)]
    assert offered(ANA, sender=SALES)[0] == ("address", SALES, "company", 2)
    assert offered(BEN, ids=(mail,)) == []


@pytest.mark.parametrize(
    ("scope", "first"),
    [
        (Scope(persons=frozenset({"joe.fern", "mara.berg"})), {"person:joe.fern", "person:mara.berg"}),
        (Scope(departments=frozenset({"it", "legal"})), {"department:it", "department:legal"}),
        (Scope(departments=frozenset({"it"}), persons=frozenset({"joe.fern", "mara.berg"})), {"person:joe.fern", "person:mara.berg"}),
        (Scope(departments=frozenset({"it"}), persons=frozenset({"mara.berg"})), {"department:it", "person:mara.berg"}),
    ],
)
def test_where_no_scope_of_theirs_holds_all_of_it_several_together_are_offered(
    known: Engine, settings: Settings, scope: Scope, first: set[str]
) -> None:
    with db.transaction(known) as session:
        came(session, settings, JOE, MARA, dmarc=DMARC_PASS)
    with db.read_transaction(known) as session:
        eva = Actor.person("eva", Role.TRIAGE, scope, "Eva")
        found = rule_trial.offer_rules(session, Selection.of(sender=SALES), by=eva, settings=settings, now=NOW)
    offered = [{(one.order.match, one.order.scope, one.changed) for one in found if one.step == step} for step in (0, 1)]
    assert offered == [{(match, scope, 1) for scope in first} for match in ("address", "domain")]
    assert len(found) == 4


def test_a_free_mail_domain_is_never_offered(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = came(session, settings, JOE, author="someone@gmail.com", dmarc=DMARC_PASS)
    with db.read_transaction(known) as session:
        found = rule_trial.offer_rules(session, Selection.of(ids=(mail,)), by=ANA, settings=settings, now=NOW)
    assert {one.order.match for one in found} == {"address"}
