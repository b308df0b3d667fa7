"""Block forgeries of a contact: forgeries are removed and blocked, and genuine messages are neither held nor deleted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import (
    ANA,
    DMARC_FAIL,
    DMARC_PASS,
    IDA,
    NOW,
    UNKNOWN,
    arrive,
    authentication,
    envelope,
    set_up,
    summary,
)
from triage import ids
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.message.authentication import Arc, Authentication, Dkim, Result, Stated
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.rules.rule_trial import Trial, try_rule
from triage.quarantine.search import listing, selection_summary
from triage.quarantine.search.selection import FORGED, Selection
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery

JOE, MARA, SALES = "it+joe.fern@company.example", "legal+mara.berg@company.example", "sales@supplier.example"
FORGERIES = Selection(sender=SALES, proof=FORGED, states=("held", "queued"))
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


def block_forgeries(session: Session, settings: Settings) -> Trial:
    """Removes and blocks the forgeries, as the dialog does: exactly those that it counted. Returns the rule's trial."""
    evidence = selection_summary.selection_evidence(session, FORGERIES, by=ANA, now=NOW)
    trial = try_rule(session, RuleOrder("block", "address", SALES, "company", unproven_only=True), by=ANA, settings=settings, now=NOW)
    assert trial.changed == evidence.count
    request = DecisionRequest(FORGERIES, Verb.PURGE, rule=BLOCK, expect=evidence.count, fence=evidence.fence)
    decide.decide_messages(session, request, by=ANA, now=NOW, settings=settings)
    return trial


@pytest.mark.parametrize("allowed", [True, False])
def test_genuine_messages_still_arrive(company: Session, settings: Settings, allowed: bool) -> None:
    held = come(company, settings, genuine=True)  # before anybody knew them
    if allowed:
        rules.add_rule(company, RuleOrder("allow", "address", SALES, "company"), by=IDA, now=NOW, settings=settings)
    forged, other = (come(company, settings, genuine=False, to=to) for to in (JOE, MARA))
    (shown,) = (one for one in listing.list_deliveries(company, Selection(), by=ANA).items if one.id == forged)
    assert shown.suggested_act == ("block-forgeries" if allowed else "purge" if shown.severity.word == "dangerous" else "")

    trial = block_forgeries(company, settings)
    assert trial.changed == 2
    assert str(trial.sentence).endswith("Genuine messages still arrive: 1 message came in that time.")
    assert [state_of(company, one)[0] for one in (held, forged, other)] == ["held", "purged", "purged"]
    after = [state_of(company, come(company, settings, genuine=genuine)) for genuine in (True, False)]
    assert after == [("queued", "allowed-sender") if allowed else ("held", "first-contact"), ("purged", "blocked-sender")]


FAILED = authentication(SALES, DMARC_FAIL)
PINNED = replace(FAILED, dkim=(Dkim(Result.PASS, "esp.example"),))
VOUCHED = (Stated("dmarc", "pass", "supplier.example"),)
SEALED = replace(FAILED, arc=Arc(Result.PASS, "forwarder.example", 1, "", ("forwarder.example",), VOUCHED))
POSTED = replace(FAILED, dkim=(Dkim(Result.PASS, "list.example", signs_list=True),))
LIST = "users.list.example"


def come_by(session: Session, settings: Settings, found: Authentication, *, list_id: str = "") -> int:
    """A message from the sender comes another way."""
    raw = f"From: {SALES}\r\nSubject: {ids.new_id()}\r\n\r\nHello\r\n".encode()
    said = summary(SALES, list_id=list_id)
    return intake.receive_message(session, envelope(JOE, reverse_path=SALES), raw, found, said, settings=settings, now=NOW)[0]


@pytest.mark.parametrize(
    ("allow", "found", "list_id"),
    [
        (RuleOrder("allow", "address", SALES, "company", "dkim:esp.example", note="their newsletter"), PINNED, ""),
        (RuleOrder("allow", "domain", "supplier.example", "company", "dkim:esp.example", note="their newsletter"), PINNED, ""),
        (RuleOrder("allow", "address", SALES, "company", "arc:forwarder.example", note="our old address"), SEALED, ""),
        (RuleOrder("allow", "list", LIST, "company", "dkim:list.example", note="our list"), POSTED, LIST),
    ],
)
def test_what_an_allow_rule_lets_in_by_another_proof_still_arrives(
    company: Session, settings: Settings, allow: RuleOrder, found: Authentication, list_id: str
) -> None:
    settings = replace(settings, policy=replace(settings.policy, trusted_arc_sealers=("forwarder.example",)))
    rules.add_rule(company, allow, by=IDA, now=NOW, settings=settings)
    genuine, forged = come_by(company, settings, found, list_id=list_id), come(company, settings, genuine=False)
    assert block_forgeries(company, settings).changed == 1
    assert [state_of(company, one)[0] for one in (genuine, forged)] == ["queued", "purged"]
    after = [come_by(company, settings, found, list_id=list_id), come(company, settings, genuine=False)]
    assert [state_of(company, one) for one in after] == [("queued", "allowed-sender"), ("purged", "blocked-sender")]


def test_what_dns_has_not_answered_is_neither_counted_nor_removed(company: Session, settings: Settings) -> None:
    forged = come(company, settings, genuine=False)
    (unknown,) = arrive(company, settings, MARA, author=SALES, dmarc=UNKNOWN)
    assert block_forgeries(company, settings).changed == 1
    assert [state_of(company, one) for one in (forged, unknown)] == [("purged", "dmarc-reject"), ("held", "proof-unknown")]


@pytest.mark.parametrize(("found", "list_id"), [(PINNED, ""), (SEALED, ""), (FAILED, LIST)])
def test_no_block_is_offered_first_of_what_a_list_or_a_forwarder_passed_on(
    company: Session, settings: Settings, found: Authentication, list_id: str
) -> None:
    rules.add_rule(company, RuleOrder("allow", "address", SALES, "company"), by=IDA, now=NOW, settings=settings)
    passed_on, forged = come_by(company, settings, found, list_id=list_id), come_by(company, settings, FAILED)
    acts = {one.id: one.suggested_act for one in listing.list_deliveries(company, Selection(), by=ANA).items}
    assert acts[forged] == "block-forgeries" != acts[passed_on]


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
