"""Rules on content: what they do with the next message, how they end, and that none lets anything in or sees into a confidential folder."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, add_rules, arrive
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.errors import ApprovalNeeded, BadInput, NotAllowed, NotFound
from triage.policy.content_rules.conditions import Conditions
from triage.policy.rules import content_store, store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.search.search_condition import match_rule
from triage.quarantine.search.search_query import Term
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

SALES, JOE, MARA = "sales@supplier.example", "joe.fern@company.example", "mara.berg@company.example"
FRAUD = "Please note that our bank details have changed. Pay the invoice to the new account."
BANK: Conditions = (("wording", ("bank-details",)),)
HOLD = RuleOrder("hold", "content", "new-account", "company", note="a wave of fraud", conditions=BANK)
PURGE = replace(HOLD, effect="purge")
REDIRECT = replace(HOLD, effect="redirect", to="mara.berg")
ALLOW = RuleOrder("allow", "address", SALES, "company")


@pytest.fixture
def alone(settings: Settings) -> Settings:
    """Settings that need no second person."""
    return replace(settings, policy=replace(settings.policy, approvals=()))


def came(engine: Engine, settings: Settings, to: str = JOE, text: str = FRAUD, **more: object) -> Delivery:
    with db.transaction(engine) as session:
        (one,) = arrive(session, settings, to, text=text, dmarc=DMARC_PASS, **more)  # type: ignore[arg-type]
        return Delivery(**session.get_one(Delivery, one).model_dump())


def test_it_holds_the_next_message_of_an_allowed_sender_and_says_why(known: Engine, settings: Settings) -> None:
    made, _ = add_rules(known, settings, HOLD, ALLOW)
    held = came(known, settings)
    assert (held.state, held.rule, held.rule_id) == ("held", "held-by-content", made)
    assert held.reason == "Ana Roth made the rule “new-account” about messages with bank-details: a wave of fraud"
    assert came(known, settings, text="Hello").state == "queued"
    with db.transaction(known) as session:
        assert session.get_one(Rule, made).used == 1
        assert session.scalars(select(col(Delivery.id)).where(match_rule(Term("rule", "new-account")))).all() == [held.id]
        rules.remove_rule(session, made, by=ANA, now=NOW)
    assert came(known, settings).state == "queued"


def test_what_each_effect_does(known: Engine, alone: Settings) -> None:
    marked = replace(HOLD, effect="mark", value="marked")
    add_rules(known, alone, ALLOW, marked, replace(REDIRECT, value="sent-on"))
    one = came(known, alone)
    assert (one.state, one.mailbox, one.redirected, one.marks) == ("queued", MARA, True, " marked sent-on ")
    assert {beside["rule"] for beside in one.beside} == {"mark", "redirect"}
    stranger = came(known, alone, author="other@stranger.example")
    assert (stranger.state, stranger.rule) == ("held", "first-contact")
    add_rules(known, alone, replace(PURGE, value="away"))
    assert (came(known, alone).state, came(known, alone, "postmaster@company.example").state) == ("purged", "queued")
    with db.read_transaction(known) as session:
        assert {rule.value: rule.used for rule in session.scalars(select(Rule).where(col(Rule.match) == "content"))} == {
            "marked": 3,
            "sent-on": 3,
            "away": 1,
        }


def test_it_reaches_into_a_confidential_folder_only_where_it_is_for_that(known: Engine, settings: Settings) -> None:
    add_rules(known, settings, ALLOW, HOLD)
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    assert came(known, settings, MARA).state == "queued"
    with pytest.raises(NotAllowed):
        add_rules(known, settings, replace(HOLD, value="for-legal", scope="department:legal"))
    with db.transaction(known) as session:
        rules.add_rule(session, replace(HOLD, value="for-legal", scope="department:legal"), by=BEN, now=NOW, settings=settings)
    assert came(known, settings, MARA).state == "held"


def test_it_is_paused_resumed_and_runs_out(known: Engine, settings: Settings) -> None:
    made, _ = add_rules(known, settings, replace(HOLD, until=NOW + timedelta(days=1), paused=True), ALLOW)
    assert came(known, settings).state == "queued"
    with db.transaction(known) as session:
        content_store.pause_rule(session, made, paused=False, by=ANA, now=NOW, settings=settings)
    assert came(known, settings).state == "held"
    with db.transaction(known) as session:
        for _ in range(2):
            content_store.pause_rule(session, made, paused=True, by=ANA, now=NOW, settings=settings)
        assert [rule.id for rule in rules.list_rules(session, NOW, by=ANA) if rule.paused_at] == [made]
        written = select(col(AuditRecord.act)).where(col(AuditRecord.act).in_(("resume-rule", "pause-rule")))
        assert sorted(session.scalars(written)) == ["pause-rule", "resume-rule"]
        content_store.pause_rule(session, made, paused=False, by=ANA, now=NOW, settings=settings)
    assert came(known, settings, at=NOW + timedelta(days=2)).state == "queued"


def test_only_a_rule_on_content_that_is_known_is_paused(known: Engine, settings: Settings) -> None:
    made, allow = add_rules(known, settings, replace(HOLD, scope="department:it"), ALLOW)
    with db.transaction(known) as session:
        with pytest.raises(BadInput, match="only a rule on content can be paused"):
            content_store.pause_rule(session, allow, paused=True, by=ANA, now=NOW, settings=settings)
        with pytest.raises(NotFound):
            content_store.pause_rule(session, made, paused=True, by=BEN, now=NOW, settings=settings)


@pytest.mark.parametrize("order", [PURGE, REDIRECT])
def test_what_takes_messages_away_needs_a_second_person(known: Engine, settings: Settings, alone: Settings, order: RuleOrder) -> None:
    with db.transaction(known) as session:
        with pytest.raises(ApprovalNeeded):
            rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        made = rules.add_rule(session, replace(order, paused=True), by=ANA, now=NOW, settings=alone)
        with pytest.raises(ApprovalNeeded):
            content_store.pause_rule(session, made.id, paused=False, by=ANA, now=NOW, settings=settings)


WRONG: list[tuple[Mapping[str, object], str, str]] = [
    ({"effect": "allow"}, "effect", "holds, purges, redirects or marks"),
    ({"value": "My rule!"}, "value", "is no name for a rule"),
    ({"note": " "}, "note", "say why the rule is there"),
    ({"conditions": ()}, "conditions", "needs a condition"),
    ({"conditions": (("author", ("*@*",)),)}, "author", "would match everything"),
    ({"proof": "dmarc"}, "effect", "takes neither proof"),
    ({"to": "mara.berg"}, "to", "only a redirect has a destination"),
    ({"effect": "redirect"}, "to", "person, a department"),
    ({"until": NOW}, "until", "in the past"),
    ({"scope": "department:nowhere"}, "scope", "there is no department"),
    ({"match": "address", "value": SALES}, "conditions", "only a rule on content has conditions"),
]


@pytest.mark.parametrize(("more", "field", "says"), WRONG)
def test_what_can_be_no_rule(known: Engine, alone: Settings, more: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        add_rules(known, alone, replace(HOLD, **more))  # type: ignore[arg-type]
    assert refused.value.field == field


def make(session: Session, settings: Settings, order: RuleOrder, origin: str = "staff") -> Rule:
    return rules.add_rule(session, order, by=ANA, now=NOW, settings=settings, origin=origin)


def test_a_name_is_there_once_and_a_file_replaces_it(known: Engine, settings: Settings) -> None:
    other = replace(HOLD, note="another reason")
    with db.transaction(known) as session:
        first = make(session, settings, HOLD)
        assert make(session, settings, HOLD).id == first.id
        with pytest.raises(BadInput, match="there is a rule “new-account” already"):
            make(session, settings, other)
        assert make(session, settings, other, rules.IMPORTED).id != first.id
        assert session.get_one(Rule, first.id).removed_at == NOW


def test_of_a_rule_in_a_confidential_folder_only_its_name_is_taken(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
        rules.add_rule(session, replace(HOLD, scope="department:legal"), by=BEN, now=NOW, settings=settings)
        for origin in ("staff", rules.IMPORTED):
            with pytest.raises(BadInput, match=r"^value: this name is taken; choose another one$"):
                make(session, settings, HOLD, origin)


def test_a_rule_is_found_by_an_address_in_letters_of_its_own(known: Engine, settings: Settings) -> None:
    address = "jürgen@xn--mller-kva.example"
    (made,) = add_rules(known, settings, replace(HOLD, conditions=(("author", ("Jürgen@müller.example",)),)))
    with db.read_transaction(known) as session:
        assert session.scalars(select(col(Rule.id)).where(content_store.names_address(address))).all() == [made]


def test_there_are_only_so_many(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_store, "MOST_RULES", 1)
    add_rules(known, settings, HOLD)
    with pytest.raises(BadInput, match="there are 1 rules on content"):
        add_rules(known, settings, replace(HOLD, value="another"))
