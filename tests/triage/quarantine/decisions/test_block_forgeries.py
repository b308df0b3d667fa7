"""Block forgeries of a contact: forgeries are removed and blocked, and genuine messages are neither held nor deleted."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, DMARC_FAIL, DMARC_PASS, IDA, NOW, arrive, set_up
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.rules.rule_trial import try_rule
from triage.quarantine.search import listing, selection_summary
from triage.quarantine.search.selection import UNPROVEN, Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery

JOE, MARA, SALES = "it+joe.fern@company.example", "legal+mara.berg@company.example", "sales@supplier.example"
FORGERIES = Selection(sender=SALES, proof=UNPROVEN, states=("held", "queued"))
BLOCK = RuleOrder("block", "address", "", "company", unproven_only=True)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Iterator[Session]:
    """The small company."""
    with transaction(engine) as session:
        set_up(session, settings)
        yield session


def come(session: Session, settings: Settings, *, genuine: bool, to: str = JOE) -> int:
    (one,) = arrive(session, settings, to, author=SALES, dmarc=DMARC_PASS if genuine else DMARC_FAIL)
    return one


def state_of(session: Session, one: int) -> tuple[str, str]:
    state, rule = session.execute(select(col(Delivery.state), col(Delivery.rule)).where(col(Delivery.id) == one)).one()
    return state, rule


@pytest.mark.parametrize("allowed", [True, False])
def test_genuine_messages_still_arrive(company: Session, settings: Settings, allowed: bool) -> None:
    held = come(company, settings, genuine=True)  # before anybody knew them
    if allowed:
        rules.add_rule(company, RuleOrder("allow", "address", SALES, "company"), by=IDA, now=NOW, settings=settings)
    forged, other = (come(company, settings, genuine=False, to=to) for to in (JOE, MARA))
    (shown,) = (one for one in listing.list_deliveries(company, Selection(), by=ANA).items if one.id == forged)
    assert shown.suggested_act == ("block-forgeries" if allowed else "purge" if shown.severity.word == "dangerous" else "")
    evidence = selection_summary.selection_evidence(company, FORGERIES, by=ANA, now=NOW)
    trial = try_rule(company, RuleOrder("block", "address", SALES, "company", unproven_only=True), by=ANA, settings=settings, now=NOW)
    assert (evidence.count, trial.changed) == (2, 2)
    assert str(trial.sentence).endswith("Genuine messages still arrive: 1 message came in that time.")

    request = DecisionRequest(FORGERIES, Verb.PURGE, rule=BLOCK, expect=evidence.count, fence=evidence.fence)
    decide.decide_messages(company, request, by=ANA, now=NOW, settings=settings)
    assert [state_of(company, one)[0] for one in (held, forged, other)] == ["held", "purged", "purged"]
    after = [state_of(company, come(company, settings, genuine=genuine)) for genuine in (True, False)]
    assert after == [("queued", "allowed-sender") if allowed else ("held", "first-contact"), ("purged", "blocked-sender")]


def test_only_a_block_is_about_forgeries_alone(company: Session, settings: Settings) -> None:
    for effect in ("allow", "hold"):
        order = RuleOrder(effect, "address", SALES, "company", unproven_only=True, note="why")
        with pytest.raises(BadInput, match="only a block"):
            rules.add_rule(company, order, by=IDA, now=NOW, settings=settings)


def test_a_decision_about_genuine_messages_too_blocks_no_more_than_it_says(company: Session, settings: Settings) -> None:
    come(company, settings, genuine=True)
    request = DecisionRequest(Selection(sender=SALES, states=("held",)), Verb.PURGE, rule=BLOCK)
    decide.decide_messages(company, request, by=ANA, now=NOW, settings=settings)
    assert state_of(company, come(company, settings, genuine=True)) == ("held", "first-contact")
