"""Minimum speed of an incoming message."""

import pytest

from mta.session.incoming_message import LONGEST_REST, SLOW_GRACE, SLOWEST, SLOWEST_FOR_LONG, Pace

SESSION = 600.0  # seconds, as smtp.session_timeout


@pytest.mark.parametrize(
    ("rate", "grace", "received", "elapsed", "kept"),
    [
        (SLOWEST, SLOW_GRACE, 1, 29, True),  # within the grace
        (SLOWEST, SLOW_GRACE, 500 * 31, 31, True),
        (SLOWEST, SLOW_GRACE, 500 * 31 - 1, 31, False),
        (SLOWEST_FOR_LONG, SESSION, 1, SESSION, True),
        (SLOWEST_FOR_LONG, SESSION, 4096 * 601, 601, True),
        (SLOWEST_FOR_LONG, SESSION, 4096 * 601 - 1, 601, False),
    ],
)
def test_a_message_must_keep_its_pace(rate: float, grace: float, received: int, elapsed: float, kept: bool) -> None:
    assert Pace(rate, grace).is_fast_enough(received, elapsed) is kept


def test_a_fast_beginning_earns_a_short_rest_only() -> None:
    pace = Pace(SLOWEST, SLOW_GRACE)
    assert pace.is_fast_enough(10_000_000, 40)
    assert pace.is_fast_enough(10_000_000, 40 + LONGEST_REST)
    assert not pace.is_fast_enough(10_000_000, 41 + LONGEST_REST)
