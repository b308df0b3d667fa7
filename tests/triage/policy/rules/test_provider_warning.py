"""Before all of a public mail provider is blocked or taken away it is said how many people that is."""

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from tests.triage.arriving import ANA, BEN, NOW, arrive, set_up
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.rules import provider_warning, store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
WHAT = "gmail.com is a public mail provider: anybody can have an address there."


@pytest.fixture
def written(engine: Engine, settings: Settings) -> Engine:
    """Three people at a public provider wrote to us, and a message of one was let in."""
    with db.transaction(engine) as session:
        set_up(session, settings)
        for number, to in enumerate((JOE, JOE, MARA)):
            messages = [arrive(session, settings, to, author=f"one{number}@gmail.com", subject=f"Number {count}") for count in range(2)]
        wanted = Selection.of(ids=messages[0])
        decisions.decide_messages(session, DecisionRequest(wanted, Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        for author in ("x@supplier.example", "y@web.de"):
            arrive(session, settings, JOE, author=author)
    return engine


@pytest.mark.parametrize(
    ("by", "domain", "says"),
    [
        (ANA, "gmail.com", f"{WHAT} 3 people there wrote to us in the last 30 days. Messages of 1 of them were released or passed."),
        (BEN, "gmail.com", f"{WHAT} 1 person there wrote to us in the last 30 days. Messages of 1 of them were released or passed."),
        (
            ANA,
            "gmx.de",
            "gmx.de is a public mail provider: anybody can have an address there. Nobody there wrote to us in the last 30 days.",
        ),
        (
            ANA,
            "web.de",
            "web.de is a public mail provider: anybody can have an address there. 1 person there wrote to us in the last 30 days. "
            "None of their messages were released or passed.",
        ),
        (ANA, "supplier.example", ""),
        (ANA, "", ""),
    ],
)
def test_what_is_said_of_a_domain(written: Engine, settings: Settings, by: Actor, domain: str, says: str) -> None:
    with db.read_transaction(written) as session:
        assert provider_warning.warn_about_provider(session, domain, settings.policy.freemail_domains, by=by, now=NOW) == says


@pytest.mark.parametrize(
    ("effect", "match", "value", "warned"),
    [("block", "domain", "gmail.com", True), ("block", "address", "one0@gmail.com", False), ("block", "domain", "supplier.example", False)],
)
def test_the_rule_says_so_too(written: Engine, settings: Settings, effect: str, match: str, value: str, warned: bool) -> None:
    with db.transaction(written) as session:
        made = rules.add_rule(session, RuleOrder(effect, match, value, "company"), by=ANA, now=NOW, settings=settings)
        assert made.doubt.startswith(WHAT) is warned
        assert bool(made.doubt) is warned


@pytest.mark.parametrize("rule", ["sweep", "take"])
def test_what_a_sweep_left_in_a_mailbox_was_not_released(written: Engine, settings: Settings, rule: str) -> None:
    with db.transaction(written) as session:
        session.execute(update(Delivery).where(col(Delivery.author) == "y@web.de").values(state=State.DELIVERED, rule=rule))
        said = provider_warning.warn_about_provider(session, "web.de", settings.policy.freemail_domains, by=ANA, now=NOW)
    assert said.endswith("None of their messages were released or passed.")
