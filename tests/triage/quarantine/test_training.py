"""Practice: whose mail is dealt, what an answer tells, who sees which score; and no real mail is touched."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, SYNC, arrive, set_up
from triage import ids
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotFound
from triage.quarantine import training
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.training_messages import RELEASE_IT, REMOVE_IT, TrainingMessage
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
MADE = tuple(
    TrainingMessage(
        f"made-{number}", "A", "a@x.example", JOE, "Subject", "", "", "Hello", b"", (REMOVE_IT, RELEASE_IT)[number % 2], ("It is clear.",)
    )
    for number in range(1, 21)
)


def deck() -> tuple[TrainingMessage, ...]:
    """Generated training messages."""
    return MADE


def decided(session: Session, settings: Settings, verb: Verb, *to: str, by: Actor = IDA, subject: str = "Your order") -> list[str]:
    """Mail that came and that somebody decided, as training messages."""
    found = arrive(session, settings, *to, subject=subject)
    decisions.decide_messages(session, DecisionRequest(Selection.of(ids=found), verb, "as always"), by=by, now=NOW, settings=settings)
    return [ids.format_id(one) for one in found]


def cases(session: Session, by: Actor, limit: int = 50) -> set[str]:
    """Past mail that somebody is dealt."""
    return {one.case for one in training.deal_messages(session, deck, by=by, now=NOW, limit=limit) if not one.case.startswith("made-")}


def test_past_mail_within_the_scope_is_dealt_once_it_was_decided(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        (joe,) = decided(session, settings, Verb.PURGE, JOE)
        (mara,) = decided(session, settings, Verb.RELEASE, MARA)
        arrive(session, settings, MARA)  # nobody has decided this one
        (undone,) = decided(session, settings, Verb.PURGE, MARA)
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=[ids.parse_id(undone)]), Verb.RESTORE), by=IDA, now=NOW, settings=settings
        )
    with db.read_transaction(engine) as session:
        assert cases(session, ANA) == {joe, mara}
        assert joe not in cases(session, BEN)
        assert mara in cases(session, BEN)
        with pytest.raises(NotFound):
            training.get_training_message(session, deck, joe, by=BEN, now=NOW)
        one = training.get_training_message(session, deck, mara, by=BEN, now=NOW)
    assert (one.answer, one.subject[:10], one.clues[-1]) == (RELEASE_IT, "Your order", "Ida Lind released it on 24 Nov 2026: as always")
    assert b"Hello" in one.raw


@pytest.mark.parametrize("folder", ["department:legal", "person:mara.berg"])
def test_sealed_mail_is_no_exercise_for_anybody(engine: Engine, settings: Settings, folder: str) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        (mara,) = decided(session, settings, Verb.RELEASE, MARA)
        directory.apply_directory(
            session, replace(COMPANY, sealed=(ConfidentialEntry(folder, ("ben",)),)), settings.company, by=SYNC, now=NOW
        )
    with db.read_transaction(engine) as session:
        for by in (ANA, BEN, IDA):
            assert mara not in cases(session, by)
            with pytest.raises(NotFound):
                training.get_training_message(session, deck, mara, by=by, now=NOW)


def test_what_was_erased_is_none_either(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        (erased,) = decided(session, settings, Verb.PURGE, JOE, subject="Erased")
        assert erased in cases(session, IDA)
        for content in session.scalars(select(Content)):
            content.zstd = None
    with db.read_transaction(engine) as session:
        assert cases(session, IDA) == set()


def test_an_answer_tells_what_was_right_and_the_first_one_counts(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        first = training.answer_training_message(session, deck, "made-1", REMOVE_IT, by=ANA, now=NOW)
        again = training.answer_training_message(session, deck, "made-1", RELEASE_IT, by=ANA, now=NOW)
        training.answer_training_message(session, deck, "made-2", RELEASE_IT, by=ANA, now=NOW)
        training.answer_training_message(session, deck, "made-3", RELEASE_IT, by=ANA, now=NOW)
        training.answer_training_message(session, deck, "made-3", RELEASE_IT, by=BEN, now=NOW)
        with pytest.raises(BadInput):
            training.answer_training_message(session, deck, "made-1", "maybe", by=ANA, now=NOW)
        for case in ("made-99", "no such", ids.format_id(12345)):
            with pytest.raises(NotFound):
                training.answer_training_message(session, deck, case, RELEASE_IT, by=ANA, now=NOW)
    assert (first.right, first.answer, first.clues, first.counted) == (False, RELEASE_IT, ("It is clear.",), True)
    assert (again.right, again.counted) == (True, False)
    with db.read_transaction(engine) as session:
        (mine,) = training.list_scores(session, by=ANA)
        everybody = [one.login for one in training.list_scores(session, by=IDA)]
        hand = training.deal_messages(session, deck, by=ANA, now=NOW, limit=50)
    assert (mine.login, mine.answered, mine.right, mine.bad_released, mine.good_removed, mine.last_at) == ("ana", 3, 1, 1, 1, NOW)
    assert everybody == ["ben", "ana"]
    assert {one.case for one in hand} == {f"made-{number}" for number in range(4, 21)}


def test_a_hand_is_half_past_mail_and_the_same_for_the_same_seed(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        for number in range(8):
            decided(session, settings, Verb.RELEASE, JOE, subject=f"Number {number}")
    with db.read_transaction(engine) as session:
        hand = training.deal_messages(session, deck, by=ANA, now=NOW, limit=10, seed=3)
        assert [one.case for one in training.deal_messages(session, deck, by=ANA, now=NOW, limit=10, seed=3)] == [one.case for one in hand]
    assert sum(one.case.startswith("made-") for one in hand) == 5
    assert len(hand) == 10


def test_practising_touches_no_mail(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        (joe,) = decided(session, settings, Verb.RELEASE, JOE)
        before = state(session)
        training.answer_training_message(session, deck, joe, REMOVE_IT, by=ANA, now=NOW)
        training.answer_training_message(session, deck, "made-1", REMOVE_IT, by=ANA, now=NOW)
        assert state(session) == before


def state(session: Session) -> object:
    """States of all deliveries, and the entries of the audit log."""
    deliveries = session.execute(select(col(Delivery.id), col(Delivery.state), col(Delivery.decision_id)).order_by(col(Delivery.id))).all()
    return deliveries, session.scalars(select(col(AuditRecord.id)).order_by(col(AuditRecord.id))).all()
