"""Copies: what is suspicious and sent by nobody whom the company wants is one row of its campaign, whoever proves to have sent it."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, NO_DMARC, NOW
from tests.triage.looking import looked
from tests.triage.throwaways import BENIGN, many, wave, weigh_by_subject, write_to
from triage.actor import Actor
from triage.config.settings import Settings
from triage.message.authentication import Dmarc, Result
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import COPIES, Selection
from triage.quarantine.triage_items import item_list
from triage.store import db
from triage.store.models.deliveries import Delivery

HELD = {"states": ("held",)}


@pytest.fixture(autouse=True)
def weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    weigh_by_subject(monkeypatch)


def rows(engine: Engine, by: Actor = ANA) -> list[tuple[int, str]]:
    """Number of deliveries of each row, and the proof that its selection names; the largest first."""
    with db.read_transaction(engine) as session:
        page = item_list.list_items(session, Selection(**HELD), by=by, now=NOW, group="campaign")  # type: ignore[arg-type]
        return sorted(((one.count, one.select.proof or one.select.sender) for one in page.items), reverse=True)


def do(engine: Engine, settings: Settings, verb: Verb, *ids: int) -> int:
    with db.transaction(engine) as session:
        selected = Selection.of(ids=ids)
        seen = looked(session, settings, selected, verb, by=ANA) if verb is Verb.RELEASE else {}
        return decisions.decide_messages(session, DecisionRequest(selected, verb, **seen), by=ANA, now=NOW, settings=settings).id


def test_a_wave_is_one_row_whatever_its_domains_prove(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(9) * 2)
        wave(session, settings, [f"x{place}@unproven.example" for place in range(4)], dmarc=NO_DMARC)
    assert rows(known) == [(22, COPIES)]


def test_a_benign_group_keeps_a_row_for_each_proof(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, many(3), subject=BENIGN)
    assert rows(known) == [(1, f"throw-away-{place}.example") for place in (2, 1, 0)]


def test_a_genuine_sender_of_the_same_template_never_joins_the_wave_that_imitates_it(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, ["billing@genuine.example"] * 2, subject=BENIGN)
        wave(session, settings, many(5))
        wave(session, settings, ["billing@genuine.example"], dmarc=NO_DMARC)  # forged: it proves nothing
    assert rows(known) == [(6, COPIES), (2, "genuine.example")]


@pytest.mark.parametrize("how", ["contact", "contact without a proof", "allowed", "released"])
def test_who_is_wanted_is_in_no_row_of_copies(known: Engine, settings: Settings, how: str) -> None:
    rosa = "rosa@customer.example"
    with db.transaction(known) as session:
        (first,) = wave(session, settings, [rosa], subject=BENIGN)
        if how.startswith("contact"):
            write_to(session, settings, rosa)
        elif how == "allowed":
            rules.add_rule(session, RuleOrder("allow", "domain", "customer.example", "company"), by=ANA, now=NOW, settings=settings)
    if how == "released":
        do(known, settings, Verb.RELEASE, first)
    with db.transaction(known) as session:
        wave(session, settings, many(5))
        came = wave(session, settings, [rosa], dmarc=NO_DMARC if how == "contact without a proof" else None)
        assert session.get_one(Delivery, came[0]).is_copy is False
    assert (5, COPIES) in rows(known)


def test_a_forged_contact_is_a_copy_where_the_domain_refutes_it(known: Engine, settings: Settings) -> None:
    rosa = "rosa@customer.example"
    with db.transaction(known) as session:
        write_to(session, settings, rosa)
        wave(session, settings, many(5))
        wave(session, settings, [rosa], dmarc=Dmarc(Result.FAIL, "customer.example", "customer.example", "quarantine"))
    assert rows(known) == [(6, COPIES)]


@pytest.mark.parametrize("how", ["release", "learn", "allow"])
def test_who_becomes_wanted_leaves_the_row(known: Engine, settings: Settings, how: str) -> None:
    first, *others = many(4)
    with db.transaction(known) as session:
        came = wave(session, settings, [first, first, *others])
    assert rows(known) == [(5, COPIES)]
    if how == "release":
        made = do(known, settings, Verb.RELEASE, came[0])
    else:
        with db.transaction(known) as session:
            if how == "learn":
                write_to(session, settings, first)
            else:
                rules.add_rule(session, RuleOrder("allow", "address", first, "company"), by=ANA, now=NOW, settings=settings)
    left = 1 if how == "release" else 2
    assert rows(known) == [(3, COPIES), (left, "throw-away-0.example")]
    if how == "release":
        with db.transaction(known) as session:
            undoing.undo_decision(session, made, by=ANA, reason="", now=NOW, settings=settings)
        assert rows(known) == [(5, COPIES)]


def test_what_was_delivered_while_nothing_was_held_is_a_copy_too(known: Engine, settings: Settings) -> None:
    observing = replace(settings, company=replace(settings.company, enforcement="record-only"))
    with db.transaction(known) as session:
        passed = wave(session, observing, many(3))
        wave(session, settings, many(4))
        assert {session.get_one(Delivery, one).state for one in passed} == {"queued"}
        campaign = session.get_one(Delivery, passed[0]).campaign_id
        report = decisions.decide_messages(
            session, DecisionRequest(Selection.of(campaign=campaign), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert report.done == 7


def test_a_campaign_by_itself_means_its_copies(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        wave(session, settings, ["billing@genuine.example"] * 4, subject=BENIGN)
        wave(session, settings, many(3))
        campaign = session.scalars(select(col(Delivery.campaign_id))).first()
        report = decisions.decide_messages(
            session, DecisionRequest(Selection.of(campaign=campaign), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert report.done == 3
    assert rows(known) == [(4, "genuine.example")]
