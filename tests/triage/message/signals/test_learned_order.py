"""Priority learned from decisions: points that follow the log odds, with a sentence, within a limit."""

import math

import pytest
from hypothesis import given, strategies as st

from triage.message.signals.learned_order import MOST, MOST_SIGNS, Learned, Tally, find_lessons, tally_decisions
from triage.message.signals.priority import priority_reasons, sum_urgency
from triage.message.signals.signal_context import Signal

PAGE = Signal("attachment-page", "The attachment x.html opens a web page made by the sender.", 20)
REMOVED = "Staff removed messages from 14 of 15 senders or campaigns lately: The attachment x.html opens a web page made by the sender."
RELEASED = "Staff released messages from 14 of 15 senders or campaigns lately: The attachment x.html opens a web page made by the sender."


@pytest.mark.parametrize(
    ("tally", "everything", "points", "sentence"),
    [
        (Tally(1, 14), Tally(50, 50), -8, REMOVED),
        (Tally(14, 1), Tally(50, 50), 8, RELEASED),
        (
            Tally(0, 500),
            Tally(500, 500),
            -MOST,
            "Staff removed messages from 500 of 500 senders or campaigns lately: " + PAGE.sentence,
        ),
        (Tally(1, 8), Tally(50, 50), 0, ""),  # too few
        (Tally(1, 14), Tally(10, 140), 0, ""),  # as everything is
        (Tally(8, 7), Tally(90, 10), 0, ""),  # fewer than usual, and most all the same
    ],
)
def test_one_sign(tally: Tally, everything: Tally, points: int, sentence: str) -> None:
    found = find_lessons([PAGE], Learned(everything, {PAGE.name: tally}))
    assert [(one.points, one.sentence) for one in found] == ([(points, sentence)] if points else [])


def test_nothing_learned_moves_nothing_and_a_lesson_moves_the_order() -> None:
    usual = priority_reasons([PAGE], author="a@b.example", proof="")
    taught = priority_reasons([PAGE], author="a@b.example", proof="", learned=Learned(Tally(50, 50), {PAGE.name: Tally(1, 14)}))
    assert sum_urgency(taught) == sum_urgency(usual) - 8
    assert {one.name for one in taught} - {one.name for one in usual} == {"learned-attachment-page"}


def test_a_campaign_counts_once() -> None:
    wave = [(False, "campaign:7", ["odd"])] * 500
    learned = tally_decisions([*wave, (True, "one.example", ["odd"]), (True, "two.example", ["odd", "bulk"])])
    assert learned == Learned(Tally(2, 1), {"bulk": Tally(1, 0), "odd": Tally(2, 1)})


def test_a_sign_that_a_message_has_twice_counts_once() -> None:
    assert tally_decisions([(False, "one.example", ["odd", "odd"])]) == Learned(Tally(0, 1), {"odd": Tally(0, 1)})
    assert len(find_lessons([PAGE, PAGE], Learned(Tally(50, 50), {PAGE.name: Tally(1, 14)}))) == 1


COUNTS = st.builds(Tally, st.integers(0, 1000), st.integers(0, 1000))


@given(COUNTS, st.dictionaries(st.sampled_from("abcd"), COUNTS))
def test_points_are_bounded_and_go_the_way_of_the_odds(everything: Tally, signs: dict[str, Tally]) -> None:
    found = find_lessons([Signal(name, f"{name}.") for name in "abcd"], Learned(everything, signs))
    assert len(found) <= MOST_SIGNS
    for one in found:
        released, removed = signs[one.sign]
        ahead = math.log((released + 1) / (removed + 1)) - math.log((everything.released + 1) / (everything.removed + 1))
        assert 0 < abs(one.points) <= MOST
        assert (one.points > 0) == (ahead > 0) == (released >= removed)
