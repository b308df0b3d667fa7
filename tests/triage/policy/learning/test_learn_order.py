"""Decisions that teach the order: by staff, of held messages, each sender once; no undone ones, no confidential folders."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Policy, Settings
from triage.message.signals.learned_order import Learned, Tally
from triage.message.summary import Attachment
from triage.policy.learning import learn_order
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
ARCHIVE = (Attachment(1, "photos.zip", "application/zip", 900, "00"),)
SIGN = "attachment-packed"


@pytest.fixture
def learning(engine: Engine, settings: Settings) -> Settings:
    """The small company, which learns."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, policy=Policy(learn_order=True))


def decide(session: Session, settings: Settings, author: str, verb: Verb, to: str = JOE) -> DecisionReport:
    """A message with an archive comes, and Ana decides about it."""
    ids = arrive(session, settings, to, author=author, attachments=ARCHIVE)
    return decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), verb), by=ANA, now=NOW, settings=settings)


def learn(session: Session, settings: Settings, after: timedelta = timedelta()) -> Learned:
    """Learn from decisions as upkeep does."""
    learned = learn_order.count_decisions(session, settings=settings, now=NOW + after)
    learn_order.store_lessons(session, learned)
    assert learn_order.current_lessons(session, settings) == learned
    return learned


def test_what_counts(engine: Engine, learning: Settings) -> None:
    with db.transaction(engine) as session:
        decide(session, learning, "a@one.example", Verb.RELEASE)
        decide(session, learning, "b@one.example", Verb.RELEASE)  # the same domain
        decide(session, learning, "a@two.example", Verb.PURGE)
        undone = decide(session, learning, "a@three.example", Verb.PURGE)
        undoing.undo_decision(session, undone.id, by=ANA, reason="", now=NOW, settings=learning)
        ids = tuple(one.delivery_id for one in decide(session, learning, "a@four.example", Verb.PURGE).items)
        decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), Verb.RESTORE), by=ANA, now=NOW, settings=learning)
        assert learn(session, learning).signs[SIGN] == Tally(1, 1)
        assert learn(session, learning, timedelta(days=91)) == Learned()  # of long ago


def test_a_wave_does_not_crowd_out_the_others(engine: Engine, learning: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn_order, "OF_ONE", 1)
    monkeypatch.setattr(learn_order, "MOST", 3)
    with db.transaction(engine) as session:
        for author in ("a@one.example", "a@two.example", *(f"a{number}@wave.example" for number in range(4))):
            decide(session, learning, author, Verb.PURGE)
        assert learn(session, learning).signs[SIGN] == Tally(0, 3)


def test_confidential_folders_leave_no_trace(engine: Engine, learning: Settings) -> None:
    with db.transaction(engine) as session:
        decide(session, learning, "a@one.example", Verb.PURGE)
        decide(session, learning, "a@two.example", Verb.PURGE, to=MARA)
        assert learn(session, learning).signs[SIGN] == Tally(0, 2)
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ida",))])
        assert learn(session, learning).signs[SIGN] == Tally(0, 1)


def test_what_was_learned_is_said_of_the_next_message_and_holds_it_as_before(engine: Engine, learning: Settings) -> None:
    with db.transaction(engine) as session:
        learn_order.store_lessons(session, Learned(Tally(12, 12), {SIGN: Tally(0, 12)}))
        (first,) = arrive(session, replace(learning, policy=Policy()), JOE, author="x@next.example", attachments=ARCHIVE)
        (second,) = arrive(session, learning, JOE, author="x@later.example", attachments=ARCHIVE)
        off, on = (session.scalars(select(Delivery).where(col(Delivery.id) == one)).one() for one in (first, second))
        assert (off.state, off.rule) == (on.state, on.rule)
        assert on.urgency < off.urgency
        said = [one["sentence"] for one in on.why_here if one["name"].startswith("learned")]
    assert said == [
        "Staff removed messages from 12 of 12 senders or campaigns lately: "
        "The attachment photos.zip is an archive; its content is not shown here."
    ]


def test_nothing_is_kept_where_the_setting_is_off(engine: Engine, learning: Settings, settings: Settings) -> None:
    with db.transaction(engine) as session:
        decide(session, learning, "a@one.example", Verb.PURGE)
        learn(session, learning)
        assert learn_order.count_decisions(session, settings=settings, now=NOW) == Learned()
        assert learn_order.current_lessons(session, settings) == Learned()
