"""From simulated mail to numbers: rows, waiting, rules that help."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triage.reports.forecast import Forecast, Terms, find_quantile, make_forecast
from triage.reports.simulated_mail import Rehearsed, Remedy

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
ROW = Rehearsed(MONDAY, "joe@company.example", "it", "a@x.example", "quarantine", "first-contact", "a@x.example")
X, Y = Remedy("domain", "x.example", "dmarc"), Remedy("address", "a@y.example", "dmarc")


def at(hours: float, **more: object) -> Rehearsed:
    """A held message, so many hours after Monday began."""
    return replace(ROW, arrived=MONDAY + timedelta(hours=hours), **more)  # type: ignore[arg-type]


def counted(*rows: Rehearsed, days: int = 7, **terms: object) -> Forecast:
    """The forecast of a week."""
    return make_forecast(rows, since=MONDAY, until=MONDAY + timedelta(days=days), terms=Terms(**terms))  # type: ignore[arg-type]


def test_of_nothing_there_is_nothing_to_say() -> None:
    found = counted()
    assert (found.total.messages, found.rows, found.people_needed, found.wanted.answered, found.proposals) == (0, 0, 0, 0, ())


def test_what_comes_while_its_row_waits_goes_with_it() -> None:
    rows = [at(9), at(9.001), at(9.001, item="b"), at(10)]
    found = counted(*rows, seconds_per_row=60)
    assert (found.rows, found.rows_by_hour[0][9], found.rows_by_hour[0][10]) == (3, 2.0, 1.0)


def test_two_people_halve_the_queue() -> None:
    rows = [at(9, item=str(number), answered=MONDAY + timedelta(days=1)) for number in range(10)]
    assert counted(*rows, seconds_per_row=60).wanted.longest_seconds == 600
    assert counted(*rows, seconds_per_row=60, staff=2).wanted.longest_seconds == 300


@pytest.mark.parametrize(
    ("hours", "came", "waits"),
    [
        ((), 20, 20 / 3600),
        (("mon-fri 08:00-17:00",), 9, 20 / 3600),
        (("mon-fri 08:00-17:00",), 20, 12 + 20 / 3600),
        (("mon-fri 08:00-17:00",), 5 * 24 + 1, 2 * 24 + 7 + 20 / 3600),  # Saturday to Monday
    ],
)
def test_out_of_hours_mail_waits_until_somebody_comes(hours: tuple[str, ...], came: float, waits: float) -> None:
    found = counted(at(came, answered=MONDAY + timedelta(hours=came, minutes=1)), hours=hours)
    assert found.wanted.longest_seconds == pytest.approx(waits * 3600)
    assert found.wanted.answered_sooner == (waits > 1)


def test_days_of_work_share_what_comes_at_the_weekend() -> None:
    rows = [at(24 * day + 9, item=str(day)) for day in range(7)]
    found = counted(*rows, hours=("mon-fri 08:00-17:00",), seconds_per_row=60)
    assert (found.working_days, found.people_needed) == (5, 1)
    assert found.minutes_a_day == pytest.approx(1.4)
    assert counted(*rows, seconds_per_row=6000, minutes_of_work=30).people_needed == 4


def test_hours_are_those_of_the_company() -> None:
    found = counted(at(23.5), time_zone="Europe/Berlin")
    assert (found.weekdays[1].messages, found.hours[0].messages) == (1, 1)


def test_the_rule_that_helps_most_comes_first_and_none_counts_twice() -> None:
    narrow = Remedy("address", "a@x.example", "dmarc")
    rows = [at(1, remedies=(narrow, X), mailbox="m1"), at(2, remedies=(X,), mailbox="m2", answered=MONDAY), at(3, remedies=(Y,))]
    found = counted(*rows).proposals
    assert [(one.remedy, one.messages, one.people, one.answered) for one in found] == [(X, 2, 2, 1), (Y, 1, 1, 0)]
    assert counted(at(1, remedies=(narrow, X))).proposals[0].remedy == narrow


def test_what_would_let_an_attack_in_is_not_proposed() -> None:
    rows = [at(1, remedies=(X,)), at(2, remedies=(X,)), at(3, remedies=(X,), deceives="It claims to come from us.")]
    found = counted(*rows)
    assert (found.proposals, found.attacks.held) == ((), 1)


def test_attacks_that_would_have_passed_are_told_first() -> None:
    held, passed = at(1, deceives="a"), at(2, deceives="b", disposition="relay")
    assert counted(held, passed).attacks.listed == (passed, held)


def test_what_checks_of_known_senders_would_hold_is_counted() -> None:
    rows = [at(1, disposition="relay", checks=("link-text", "disguised")), at(2, disposition="relay", checks=("link-text",)), at(3)]
    assert counted(*rows).checks == (("link-text", 2), ("disguised", 1))


@pytest.mark.parametrize(("part", "value"), [(0.5, 2), (0.9, 4), (1, 4), (0.1, 1)])
def test_quantiles(part: float, value: float) -> None:
    assert find_quantile([1, 2, 3, 4], part) == value
