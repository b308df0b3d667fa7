"""Senders who are only claimed: found, removed and blocked by their address, while whoever really has it is left alone."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW, arrive
from tests.triage.throwaways import write_to
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message.authentication import Authentication
from triage.message.summary import make_summary
from triage.policy.rules import smtp_blocks
from triage.policy.rules.rule_request import CLAIMED as ONLY_CLAIMS, RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.removal import removal_plan
from triage.quarantine.removal.removal_plan import BlockWish
from triage.quarantine.search import selection_summary
from triage.quarantine.search.listing import list_deliveries
from triage.quarantine.search.selection import CLAIMED, UNPROVEN, Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule

SALES = "sales@supplier.example"
CLAIMS = Selection(sender=SALES, proof=CLAIMED)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def claim(session: Session, settings: Settings, subject: str, address: str = SALES) -> int:
    """A message comes in that has no clear author; its delivery."""
    raw = f"From: Supplier, jehd <{address}>\r\nSubject: {subject}\r\n\r\n{subject}\r\n".encode()
    envelope = arriving.envelope(reverse_path="x@bulk.example")
    return intake.receive_message(session, envelope, raw, Authentication(""), make_summary(raw), settings=settings, now=NOW)[0]


def removal(selected: Selection, *, blocked: bool = True) -> DecisionRequest:
    """Take these away."""
    return DecisionRequest(selected, Verb.PURGE, "claims", block=BlockWish() if blocked else None)


def state(session: Session, delivery: int) -> str:
    """State of a delivery."""
    return session.get_one(Delivery, delivery, populate_existing=True).state


def found(session: Session, words: str) -> set[int]:
    """Deliveries that a search finds."""
    return {one.id for one in list_deliveries(session, Selection(q=words), by=ANA).items}


def test_a_claim_is_shown_and_found_and_proves_nothing(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        real, (forged, other) = arrive(session, settings)[0], (claim(session, settings, one) for one in ("Bill", "Prize"))
        listed = {
            one.id: (one.author, one.claimed, one.proof, one.proven_as) for one in list_deliveries(session, Selection(), by=ANA).items
        }
        assert listed == {real: (SALES, False, "", ""), forged: (SALES, True, "", ""), other: (SALES, True, "", "")}
        assert found(session, f"from:{SALES}") == {real, forged, other}
        assert found(session, "claimed:supplier") == {forged, other}
        selections = CLAIMS, replace(CLAIMS, proof=UNPROVEN)
        sheets = [selection_summary.selection_evidence(session, one, by=ANA, now=NOW) for one in selections]
        assert [(one.count, one.claimed) for one in sheets] == [(2, 2), (1, 0)]


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "contact"])
def test_a_removal_takes_and_blocks_the_claims_alone(company: Engine, settings: Settings, known: bool) -> None:
    settings = replace(settings, policy=replace(settings.policy, block_hold_hours=0))
    with transaction(company) as session:
        if known:
            write_to(session, settings, SALES)
        real, forged = arrive(session, settings)[0], claim(session, settings, "Bill")
        plan = removal_plan.plan_removal(session, CLAIMS, by=ANA, settings=settings, now=NOW)
        assert (plan.count, [(one.match, one.value, one.claimed_only) for one in plan.blocks.made]) == (1, [("address", SALES, True)])
        done = decisions.decide_messages(session, removal(CLAIMS), by=ANA, now=NOW, settings=settings)
        assert (done.done, state(session, forged), state(session, real)) == (1, "purged", "held")
        again = claim(session, settings, "Another"), claim(session, settings, "Else", "x@other.example")
        assert [state(session, one) for one in again] == ["purged", "held"]
        assert [one.proof for one in session.scalars(select(Rule))] == [ONLY_CLAIMS]
        assert smtp_blocks.list_smtp_blocks(session, NOW) == (frozenset(), frozenset())
        assert session.get_one(Delivery, arrive(session, settings)[0]).rule_id is None
        undoing.undo_decision(session, done.id, by=ANA, reason="", now=NOW, settings=settings)
        assert state(session, forged) == "held"


def test_late_copies_of_a_claim_are_claims(company: Engine, settings: Settings) -> None:
    with transaction(company) as session:
        claim(session, settings, "Bill")
        decisions.decide_messages(session, removal(CLAIMS, blocked=False), by=ANA, now=NOW, settings=settings)
        assert state(session, claim(session, settings, "Another")) == "purged"
        assert state(session, arrive(session, settings)[0]) == "held"


def test_whom_staff_blocks_is_blocked_where_they_are_claimed_too(company: Engine, settings: Settings) -> None:
    arriving.add_rules(company, settings, RuleOrder("block", "domain", "supplier.example", "company"))
    with transaction(company) as session:
        assert state(session, claim(session, settings, "Bill")) == "purged"


def test_nobody_is_allowed_for_a_claim(company: Engine, settings: Settings) -> None:
    arriving.add_rules(company, settings, RuleOrder("allow", "address", SALES, "company"))
    with transaction(company) as session:
        forged, real = claim(session, settings, "Bill"), arrive(session, settings, dmarc=DMARC_PASS)[0]
        assert (state(session, forged), state(session, real)) == ("held", "queued")
        order = RuleOrder("allow", "address", "", "company")
        with pytest.raises(BadInput, match="nothing proves"):
            decisions.decide_messages(session, DecisionRequest(CLAIMS, Verb.RELEASE, rule=order), by=ANA, now=NOW, settings=settings)
