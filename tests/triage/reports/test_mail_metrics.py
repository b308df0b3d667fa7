"""From rows to the numbers of reports about mail: how values are spread, what counts as wanted."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from triage.reports.mail_metrics import (
    FEW,
    Release,
    Removed,
    TracedRelease,
    campaign_figures,
    is_wanted,
    queue_figures,
    spread_of,
    trace_releases,
    waiting_times,
)

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return NINE + timedelta(minutes=number)


@given(st.lists(st.floats(0, 1e9), min_size=FEW))
def test_so_many_do_not_exceed_a_percentile_and_fewer_would_not_do(values: list[float]) -> None:
    found = spread_of(values)
    assert found.p50 is not None
    assert found.p90 is not None
    assert found.p99 is not None
    assert min(values) <= found.p50 <= found.p90 <= found.p99 <= max(values)
    for part, limit in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        assert limit in values
        assert sum(one <= limit for one in values) >= part * len(values)
        assert sum(one < limit for one in values) < part * len(values) + 1e-6


@given(st.lists(st.floats(0, 1e9), max_size=FEW - 1))
def test_of_few_values_no_percentile_is_told(values: list[float]) -> None:
    found = spread_of(values)
    assert (found.count, found.p50, found.p90, found.p99) == (len(values), None, None, None)


@given(st.permutations(range(1, 101)))
def test_in_whatever_order_they_come(values: list[int]) -> None:
    found = spread_of(values)
    assert (found.p50, found.p90, found.p99) == (50, 90, 99)


@pytest.mark.parametrize(
    ("undone", "purged", "answered", "counts"),
    [
        ([None], None, False, [True]),
        ([5], None, False, [False]),
        ([None], 30, False, [False]),
        ([None], 30, True, [True]),
        ([None], -5, False, [True]),  # purged and put back before it was released
        ([5], None, True, [True]),
        ([5, None], None, True, [False, True]),  # released again: it waited until then, and counts once
        ([5, 6], None, True, [False, True]),
    ],
)
def test_what_is_wanted(undone: list[float | None], purged: float | None, answered: bool, counts: list[bool]) -> None:
    rows = [
        Release(7, NINE, minutes(1 + number), "person:ana", "it", None if at is None else minutes(at), answered)
        for number, at in enumerate(undone)
    ]
    found = trace_releases(rows, {} if purged is None else {7: minutes(purged)})
    assert [is_wanted(row) for row in found] == counts


def test_the_hour_is_the_one_that_clocks_in_the_company_show() -> None:
    rows = [TracedRelease(NINE.astimezone(ZoneInfo("Asia/Kolkata")), minutes(1), "person:ana", "it", None, False)] * FEW
    assert [one.count for one in waiting_times(rows).hours][14] == FEW  # half past two


def test_a_campaign_is_stopped_by_two_copies_and_counts_what_is_gone() -> None:
    rows = [
        Removed(1, "held", "done", 2, NINE, minutes(10)),
        Removed(1, "delivered", "done", 3, minutes(-5), minutes(12)),
        Removed(1, "delivered", "out of reach", 4, NINE, minutes(10)),
        Removed(2, "held", "done", 1, NINE, minutes(1)),
        Removed(None, "held", "done", 9, NINE, minutes(1)),
        Removed(3, "delivered", "refused", 9, NINE, minutes(1)),
    ]
    found = campaign_figures(rows, late=2)
    assert [(one.campaign, one.copies, one.seconds) for one in found.stopped] == [(1, 5, 900)]
    assert found.removed == 2 + 3 + 1 + 9 + 2
    assert dict(found.copies)["out of reach"] == 4


def test_nobody_has_looked_at_the_queue() -> None:
    found = queue_figures({})
    assert (found.looks, found.most_at, set(found.hours)) == (0, None, {None})
