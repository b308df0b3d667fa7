"""Feedback to spam filters: staff decisions about held messages, after an hour, one message a campaign."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.policy.learning import decision_feedback
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import db

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
LATER = NOW + timedelta(hours=1)
WAVE = "Dear friend, buy these wonderful watches today and win a prize of great value in our shop of dreams and of wonders. " * 3


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Engine:
    """The small company, in which somebody listens."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        decision_feedback.begin_feedback(session, "feedback-x")
    return engine


def decide(session: Session, settings: Settings, verb: Verb, *ids: int) -> DecisionReport:
    """Ana decides."""
    return decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), verb), by=ANA, now=NOW, settings=settings)


def read_lessons(session: Session, now: datetime = LATER) -> list[list[bool]]:
    """Whether each message of a due decision is junk, decision by decision."""
    found: list[list[bool]] = []
    while lesson := decision_feedback.next_lesson(session, "feedback-x", now=now):
        found.append([one.junk for one in lesson.examples])
        decision_feedback.save_lesson_sent(session, "feedback-x", lesson)
    return found


def test_decisions_are_told_in_their_order_and_once(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE, author="a@one.example"))
        decide(session, settings, Verb.RELEASE, *arrive(session, settings, JOE, author="a@two.example"))
        assert read_lessons(session, NOW + timedelta(minutes=59)) == []
        assert read_lessons(session) == [[True], [False]]
        assert read_lessons(session) == []


def test_a_wave_is_one_lesson(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        ids = [one for number in range(6) for one in arrive(session, settings, JOE, author=f"a@host{number}.example", text=WAVE)]
        decide(session, settings, Verb.PURGE, *ids)
        assert read_lessons(session) == [[True]]


def test_a_wave_that_is_removed_one_by_one_is_one_lesson(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        ids = [one for number in range(6) for one in arrive(session, settings, JOE, author=f"a@host{number}.example", text=WAVE)]
        for verb, one in zip((Verb.PURGE, Verb.PURGE, Verb.RELEASE, Verb.PURGE), ids, strict=False):
            decide(session, settings, verb, one)
        decide(session, settings, Verb.RESTORE, ids[0])
        assert read_lessons(session) == [[], [True], [False], []]


def test_what_was_undone_or_waited_for_days_is_not_told(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        decision = decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE))
        undoing.undo_decision(session, decision.id, by=ANA, reason="", now=NOW, settings=settings)
        assert read_lessons(session) == []
        decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE, author="a@one.example"))
        assert read_lessons(session, NOW + timedelta(days=4)) == []


@pytest.mark.parametrize(
    ("verbs", "expected"),
    [
        ((Verb.PURGE, Verb.RESTORE), [[]]),
        ((Verb.PURGE, Verb.RESTORE, Verb.RELEASE), [[], [False]]),
        ((Verb.PURGE, Verb.RESTORE, Verb.PURGE), [[], [True]]),
        ((Verb.RELEASE, Verb.PURGE), [[], []]),  # the second decision found nothing held
    ],
)
def test_what_staff_decided_otherwise_since_is_not_told(
    office: Engine, settings: Settings, verbs: tuple[Verb, ...], expected: list[list[bool]]
) -> None:
    with db.transaction(office) as session:
        ids = arrive(session, settings, JOE)
        assert [decide(session, settings, verb, *ids).done for verb in verbs] == [1] * len(verbs)
        assert read_lessons(session) == expected


def test_nothing_of_a_message_with_a_copy_in_a_confidential_folder_is_told(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ida",))])
        both = arrive(session, settings, JOE, MARA, author="a@one.example")
        decide(session, settings, Verb.PURGE, both[0])
        assert read_lessons(session) == [[]]


def test_nothing_of_the_time_without_the_setting_is_told(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        decision_feedback.end_feedback(session, "feedback-x")
        decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE, author="a@one.example"))
        assert read_lessons(session) == []
        decision_feedback.begin_feedback(session, "feedback-x")
        decide(session, settings, Verb.RELEASE, *arrive(session, settings, JOE, author="a@two.example"))
        assert read_lessons(session) == [[False]]


def test_a_slow_teller_does_not_set_the_others_back(office: Engine, settings: Settings) -> None:
    with db.transaction(office) as session:
        decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE, author="a@one.example"))
        decide(session, settings, Verb.RELEASE, *arrive(session, settings, JOE, author="a@two.example"))
        slow = decision_feedback.next_lesson(session, "feedback-x", now=LATER)
        assert slow
        assert read_lessons(session) == [[True], [False]]
        decision_feedback.save_lesson_sent(session, "feedback-x", slow)
        assert read_lessons(session) == []


def test_nothing_of_the_past_is_told(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        decide(session, settings, Verb.PURGE, *arrive(session, settings, JOE))
        decision_feedback.begin_feedback(session, "feedback-x")
        assert read_lessons(session) == []
