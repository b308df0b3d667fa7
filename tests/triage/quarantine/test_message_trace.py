"""The life of a message as one list: complete, in order, and only what is in the actor's scope."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from triage import ids
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Outcome
from triage.errors import NotFound
from triage.quarantine import message_trace, viewings
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.message_trace import Trace
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
HOP = "smtp://mail.company.example:25"


@pytest.fixture
def lived(known: Engine, settings: Settings) -> tuple[Engine, int, tuple[int, ...]]:
    """A message to two people: viewed, released for one of them, deferred once and then delivered."""
    with db.transaction(known) as session:
        both = arrive(session, settings, JOE, MARA)
        message = session.get_one(Delivery, both[0]).message_id
        viewings.record_fetch(session, message, "html", by=ANA, now=NOW + timedelta(seconds=20))
        viewings.record_view(session, message, by=ANA, now=NOW + timedelta(seconds=21))
        order = DecisionRequest(Selection.of(ids=both[:1]), Verb.RELEASE, "she waits for it")
        decisions.decide_messages(session, order, by=ANA, now=NOW + timedelta(minutes=1), settings=settings)
    later = NOW + timedelta(hours=1)
    for outcome in (Outcome("deferred", "451 4.3.0 busy", HOP), Outcome("delivered", "250 2.0.0 Ok: queued as 4XYZ", HOP)):
        with db.transaction(known) as session:
            (claim,) = queue.claim_deliveries(session, limit=9, settings=settings, now=later)
            queue.settle_many(session, [(claim, outcome)], settings=settings, now=later)
        later += timedelta(hours=2)
    return known, message, both


def test_everything_is_told_in_order(lived: tuple[Engine, int, tuple[int, ...]]) -> None:
    engine, message, both = lived
    with db.read_transaction(engine) as session:
        found = message_trace.trace_message(session, message, by=OTTO)
    assert found.id == message
    assert [step.act for step in found.steps if step.delivery != both[1]] == [
        *("received", "authenticated", "receive", "fetch", "viewed", "release", "defer", "deliver")
    ]
    said = "\n".join(step.sentence for step in found.steps)
    assert f"queued as {ids.format_id(message)}" in found.steps[0].sentence
    assert "DMARC none" in found.steps[1].sentence
    assert said.count("Held by rule first-contact") == 2
    assert "Ana Roth: release: she waits for it" in said
    deferred, delivered = (step for step in found.steps if step.attempt)
    assert (deferred.attempt, delivered.attempt, delivered.next_hop) == (1, 2, HOP)
    assert "451 4.3.0 busy" in deferred.sentence
    assert "250 2.0.0 Ok: queued as 4XYZ" in delivered.sentence
    assert sum(step.act == "viewed" for step in found.steps) == 1  # of the message: not once for each recipient


@pytest.mark.parametrize("which", [0, 1])
def test_a_delivery_s_id_leads_to_its_message(lived: tuple[Engine, int, tuple[int, ...]], which: int) -> None:
    engine, message, both = lived
    with db.read_transaction(engine) as session:
        assert message_trace.trace_message(session, both[which], by=ANA).id == message


def test_only_what_is_in_the_scope_is_followed(lived: tuple[Engine, int, tuple[int, ...]]) -> None:
    engine, message, both = lived

    def trace_deliveries(found: Trace) -> set[int | None]:
        return {step.delivery for step in found.steps}

    with db.read_transaction(engine) as session:
        own = message_trace.trace_message(session, message, by=BEN)
        assert trace_deliveries(own) == {None, both[1]}
        assert "joe.fern" not in repr(own)
        assert trace_deliveries(message_trace.trace_message(session, message, by=ANA)) == {None, *both}
        with pytest.raises(NotFound):
            message_trace.trace_message(session, both[0], by=BEN)
        with pytest.raises(NotFound, match="may wait in the spool"):
            message_trace.trace_message(session, ids.new_id(), by=ANA)


def test_a_message_to_many_says_how_many_are_left_out(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_trace, "MOST_DELIVERIES", 1)
    with db.transaction(known) as session:
        (one, _) = arrive(session, settings, JOE, MARA)
        found = message_trace.trace_message(session, one, by=ANA)
    assert found.left_out == 1
    assert len({step.delivery for step in found.steps if step.delivery}) == 1
