"""Profile of a sender within a scope: number of messages, proof, display names, recipients."""

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, NOW, arrive
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import NotFound
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import sender_profile
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.sender_profile import Sender
from triage.store.db import transaction

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SALES, POST = "sales@supplier.example", "post@mail.supplier.example"


@pytest.fixture(autouse=True)
def mail(engine: Engine, settings: Settings) -> None:
    """Three messages of one address, one from below its domain, one of somebody at a free-mail provider; a purged one."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
        (gone,) = arrive(session, settings, JOE, author=SALES, dmarc=DMARC_PASS)
        arrive(session, settings, JOE, MARA, author=SALES, dmarc=DMARC_PASS)
        arrive(session, settings, JOE, author=SALES)
        arrive(session, settings, MARA, author=POST)
        arrive(session, settings, JOE, author="kim@gmail.com")
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(gone,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)


def about(session: Session, name: str, by: Actor = ANA) -> Sender:
    return sender_profile.get_sender(session, name, freemail=("gmail.com",), by=by)


def test_an_address(engine: Engine) -> None:
    with transaction(engine) as session:
        found = about(session, SALES.title())
        assert (found.name, found.messages, found.deliveries, found.held, found.people, found.departments) == (SALES, 3, 4, 3, 2, 2)
        assert found.by_state == (("held", 3), ("purged", 1))
        assert found.by_proof == (("supplier.example", 3), ("", 1))
        assert found.by_folder == (("it+joe.fern", 3), ("legal+mara.berg", 1))
        assert found.by_address == ((SALES, 4), (POST, 1))


def test_a_domain_with_those_below_it(engine: Engine) -> None:
    with transaction(engine) as session:
        found = about(session, "@Supplier.example")
        assert (found.name, found.deliveries, found.by_address) == ("supplier.example", 5, ((SALES, 4), (POST, 1)))


def test_nobody_else_is_named_beside_somebody_at_a_free_mail_provider(engine: Engine) -> None:
    with transaction(engine) as session:
        assert about(session, "kim@gmail.com").by_address == ()


def test_only_what_lies_in_the_scope_is_told(engine: Engine) -> None:
    with transaction(engine) as session:
        mine = about(session, SALES, BEN)
        assert (mine.deliveries, mine.by_folder, mine.lead.person) == (1, (("legal+mara.berg", 1),), "mara.berg")
        with pytest.raises(NotFound, match="in your scope"):
            about(session, "kim@gmail.com", BEN)
        with pytest.raises(NotFound):
            about(session, "nobody@nowhere.example")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Sales@supplier.example", "address domain above"),
        ("else@supplier.example", "domain above"),
        ("x@mail.supplier.example", "above below"),  # a block of a domain reaches below it, an allow does not
        ("supplier.example", "address domain above below"),
        ("other.example", ""),
    ],
)
def test_which_rules_are_about_a_sender(engine: Engine, settings: Settings, name: str, told: str) -> None:
    with transaction(engine) as session:
        for note, effect, match, value in (
            ("address", "block", "address", SALES),
            ("domain", "allow", "domain", "supplier.example"),
            ("above", "block", "domain", "supplier.example"),
            ("below", "allow", "domain", "mail.supplier.example"),
            ("elsewhere", "block", "domain", "lier.example"),
        ):
            rules.add_rule(session, RuleOrder(effect, match, value, "company", note=note), by=ANA, now=NOW, settings=settings)
        found = rules.list_rules(session, NOW, by=ANA, sender=name)
        assert " ".join(sorted((rule.note for rule in found), key=["address", "domain", "above", "below"].index)) == told
