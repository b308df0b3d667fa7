"""A rule from a Sieve script passes the second look and the approvals of the console's form, or is refused with the same sentence."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, FactorNeeded, FaultyLines, SecondLookNeeded
from triage.message.signals.second_look import Look
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import approvals
from triage.quarantine.rules import rule_import_export
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage_cli.sieve.read_script import read_script

DUE = replace(ANA, factor_due=True)
WHOLE = 'address :domain :matches "from" ["{0}", "*.{0}"]'
DOMAIN, ADDRESS = 'address :domain "from" "{0}"', 'address "from" "{0}"'


@pytest.fixture
def house(engine: Engine, settings: Settings) -> tuple[Engine, Settings]:
    """A company that wants two people for broad allows; a message of the supplier, that needs a second look, is held."""
    careful = replace(settings, policy=replace(settings.policy, approvals=("domain-allow", "platform-allow")))
    with db.transaction(engine) as session:
        arriving.set_up(session, careful)
        (one,) = arriving.arrive(session, careful, dmarc=DMARC_PASS)
        session.get_one(Delivery, one).second_look = int(Look.DANGER_FOUND)
    return engine, careful


def outcome(engine: Engine, make: Callable[[Session], Rule | PendingAct]) -> tuple[object, ...]:
    """Result of making a rule in a transaction that is rolled back."""
    with Session(engine) as session:
        try:
            made = make(session)
        except SecondLookNeeded as need:
            return "second look", tuple(one.name for one in need.asked)
        except FactorNeeded:
            return ("second factor",)
        except FaultyLines as fault:
            said = fault.faults[0].reason
            names = re.match(r"this needs approval \((.*?)\)", said)
            return ("approval", tuple(names[1].split(", "))) if names else ("refused", str(said).partition(": ")[2] or str(said))
        except BadInput as fault:
            return "refused", str(fault.sentence)
        if isinstance(made, PendingAct):
            return "approval", tuple(made.needs)
        return "made", made.effect, made.match, made.value, made.scope, made.proof, made.doubt


@pytest.mark.parametrize(
    ("test", "match", "value", "scope", "by", "becomes"),
    [
        (DOMAIN, "domain", "gmail.com", "company", ANA, "refused"),
        (DOMAIN, "domain", "gmail.com", "person:joe.fern", ANA, "refused"),
        (WHOLE, "subdomains", "co.uk", "department:it", ANA, "refused"),
        (DOMAIN, "domain", "docusign.net", "department:it", ANA, "approval"),
        (ADDRESS, "address", "a@docusign.net", "department:it", ANA, "made"),
        (DOMAIN, "domain", "partner.example", "company", ANA, "approval"),
        (WHOLE, "subdomains", "partner.example", "company", ANA, "approval"),
        (WHOLE, "subdomains", "partner.example", "company", DUE, "second factor"),
        (WHOLE, "subdomains", "partner.example", "department:it", DUE, "made"),
        (ADDRESS, "address", "ann@partner.example", "company", ANA, "made"),
        (DOMAIN, "domain", "supplier.example", "person:joe.fern", ANA, "second look"),
        (WHOLE, "subdomains", "supplier.example", "department:it", ANA, "second look"),
        (ADDRESS, "address", "sales@supplier.example", "company", ANA, "second look"),
        (ADDRESS, "address", "sales@supplier.example", "department:legal", ANA, "made"),
    ],
)
def test_a_script_asks_what_the_form_asks(
    house: tuple[Engine, Settings], test: str, match: str, value: str, scope: str, by: Actor, becomes: str
) -> None:
    engine, settings = house
    script = read_script(f"if {test.format(value)} {{ keep; }}", scope=scope, people={})
    assert not script.faults
    text = "\n".join(one.rule.as_line() for one in script.rules)
    order = RuleOrder("allow", match, value, scope, "dmarc")
    common = {"by": by, "now": NOW, "settings": settings}

    def imported(session: Session) -> Rule:
        (made,) = rule_import_export.load_rules(session, text, **common).rules  # type: ignore[arg-type]
        return session.get_one(Rule, made)

    form = outcome(engine, lambda session: approvals.add_rule(session, order, **common))  # type: ignore[arg-type]
    assert outcome(engine, imported) == form
    assert form[0] == becomes
