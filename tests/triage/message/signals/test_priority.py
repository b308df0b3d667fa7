"""Priority of a message: each reason, and their sum."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from triage.message.signals.priority import START, Past, Reason, priority_reasons, sum_urgency
from triage.message.signals.signal_context import Signal
from triage.message.signals.time_critical import Life


def why(*signals: Signal, **known: Any) -> dict[str, Reason]:
    """The reasons for a message of ann@sender.example, by name."""
    given: dict[str, Any] = {"author": "ann@sender.example", "proof": ""}
    return {reason.name: reason for reason in priority_reasons(signals, **given | known)}


ODD = Signal("look-alike-domain", "The domain looks like ours.", 50)
BULK = Signal("bulk", "It is bulk mail.")
CODE, LINK = Life(1, "code", True), Life(60, "link", False)


@pytest.mark.parametrize(
    ("signals", "known", "name", "points", "sentence"),
    [
        ((), {"deadline": CODE}, "time-limited", 0, "Expires in 1 minute: listed first until then."),
        ((), {"deadline": LINK}, "time-limited", 0, "Usually expires in 1 hour: listed first until then."),
        ((ODD,), {}, "odd", -30, "Suspicious, above all: The domain looks like ours."),
        ((), {"proof": "dmarc"}, "proven", 10, "Really from sender.example."),
        ((), {"answers": True}, "answers", 10, "It says that it replies to an earlier message."),
        ((BULK,), {}, "bulk", -10, "Bulk message: nobody waits for it personally."),
        ((), {"by_sender": Past(1, 0)}, "sender-let-in", 16, "Staff released 1 earlier message from ann@sender.example."),
        ((), {"by_sender": Past(9, 0)}, "sender-let-in", 30, "Staff released 9 earlier messages from ann@sender.example."),
        ((), {"by_sender": Past(0, 2)}, "sender-taken-away", -40, "Staff removed 2 earlier messages from ann@sender.example."),
        ((), {"by_domain": Past(1, 0)}, "domain-let-in", 8, "Staff released 1 earlier message from others at sender.example."),
        ((), {"by_domain": Past(0, 1)}, "domain-taken-away", -10, "Staff removed 1 earlier message from others at sender.example."),
    ],
)
def test_each_reason(signals: tuple[Signal, ...], known: dict[str, Any], name: str, points: int, sentence: str) -> None:
    assert why(*signals, **known) == {name: Reason(name, points, sentence)}


def test_bulk_mail_answers_nothing() -> None:
    assert set(why(BULK, answers=True)) == {"bulk"}


def test_what_moves_it_most_comes_first_and_the_sum_stays_within_a_hundred() -> None:
    known: dict[str, Any] = {"author": "ann@sender.example", "proof": "dmarc", "deadline": CODE, "answers": True, "by_sender": Past(9, 0)}
    found = priority_reasons((), **known)
    assert [reason.points for reason in found] == [30, 10, 10, 0]
    assert sum_urgency(found) == 100
    assert sum_urgency(()) == START
    assert sum_urgency(priority_reasons((Signal("virus", "V.", 100),), author="a@b.example", proof="", by_sender=Past(0, 9))) == 0


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 120), st.booleans())
def test_it_only_orders(released: int, removed: int, weight: int, answers: bool) -> None:
    signal = Signal("odd", "O.", weight)
    past = Past(released, removed)
    found = priority_reasons((signal,), author="a@b.example", proof="", answers=answers, by_sender=past, by_domain=past)
    assert 0 <= sum_urgency(found) <= 100
    more = priority_reasons(
        (signal,), author="a@b.example", proof="", answers=answers, by_sender=Past(released, removed + 1), by_domain=past
    )
    assert sum_urgency(more) <= sum_urgency(found)
