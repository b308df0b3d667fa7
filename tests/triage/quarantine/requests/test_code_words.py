"""Code words: a stranger's first message with one in its subject is an expected one; it proves nothing, lets nothing in and lapses."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from tests.triage.arriving import DMARC_PASS, NOW, arrive
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.quarantine.requests import announce_sender, code_words, expected_senders
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import Expectation

JOE = Actor.employee("joe.fern", "Joe Fern")
DAY = timedelta(days=1)


def hands_out(engine: Engine, settings: Settings, for_whom: str = "the candidate", **more: Any) -> str:
    with db.transaction(engine) as session:
        return code_words.issue_code_word(session, for_whom, by=JOE, settings=settings, now=NOW, **more).sender


def comes(engine: Engine, settings: Settings, subject: str, *to: str, **mail: Any) -> tuple[str, list[str], int]:
    """State, reasons and priority of a message."""
    with db.transaction(engine) as session:
        (one,) = arrive(session, settings, *to, subject=subject, **mail)
        found = session.get_one(Delivery, one)
        return found.state, [why["sentence"] for why in found.why_here if why["name"] == "expected"], found.urgency


def test_a_first_message_with_it_is_expected_and_held_all_the_same(known: Engine, settings: Settings) -> None:
    word = hands_out(known, settings)
    said = f"Joe Fern gave out the code word {word.upper()} (“the candidate”). It does not prove who wrote this message."
    for subject in (f"{word.upper()}: my papers", f"Re: {word}"):
        state, why, urgency = comes(known, settings, subject)
        assert (state, why) == ("held", [said])
        assert urgency > comes(known, settings, "My papers")[2]
    for subject, to in (("MAPLE-000", []), (word, ["legal+mara.berg@company.example"]), (f"x{word}", [])):
        assert comes(known, settings, subject, *to)[1] == []  # another word, or another person's


def test_a_word_that_is_over_or_taken_back_says_nothing(known: Engine, settings: Settings) -> None:
    word = hands_out(known, settings, until=NOW + DAY)
    assert comes(known, settings, word, at=NOW + 2 * DAY)[1] == []
    with db.transaction(known) as session:
        (mine,) = announce_sender.of_person(session, "joe.fern", now=NOW)
        assert (mine.sender, mine.is_code, mine.words) == (word, True, "the candidate")
        announce_sender.forget_expectation(session, mine.id, by=JOE, now=NOW)
    assert comes(known, settings, word)[1] == []


def test_a_subject_full_of_words_is_a_guess(known: Engine, settings: Settings) -> None:
    word = hands_out(known, settings)
    others = [f"reef-{number}" for number in range(100, 103)]
    assert comes(known, settings, " ".join([*others[:2], word]))[1] != []
    assert comes(known, settings, " ".join([*others, word]))[1] == []


def test_a_word_that_is_over_is_deleted(known: Engine, settings: Settings) -> None:
    kept = [hands_out(known, settings, until=NOW + days * DAY) for days in (1, 3)][1]
    with db.transaction(known) as session:
        announce_sender.forget_lapsed(session, now=NOW + 2 * DAY)
        assert [one.sender for one in session.scalars(select(Expectation))] == [kept]


def test_every_word_is_found_in_a_subject() -> None:
    assert all(expected_senders.codes_in(f"{name}-271") for name in code_words.NAMES.split())


def test_a_code_word_is_no_domain(known: Engine, settings: Settings) -> None:
    word = hands_out(known, settings)
    assert comes(known, settings, "Hello", author=f"x@{word}", dmarc=DMARC_PASS)[1] == []


@pytest.mark.parametrize(
    ("for_whom", "until", "why"),
    [
        (" ", None, "say for whom the code word is"),
        ("x", NOW - DAY, "choose an end within the next 90 days"),
        ("x", NOW + 91 * DAY, "choose an end within the next 90 days"),
    ],
)
def test_what_cannot_be(known: Engine, settings: Settings, for_whom: str, until: Any, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        hands_out(known, settings, for_whom, until=until)


def test_there_are_not_too_many(known: Engine, settings: Settings) -> None:
    words = {hands_out(known, settings) for _ in range(announce_sender.MOST_OPEN)}
    assert len(words) == announce_sender.MOST_OPEN
    with pytest.raises(BadInput, match="already expect"):
        hands_out(known, settings)
