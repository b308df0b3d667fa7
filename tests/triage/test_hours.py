"""Hours of work, as a table of moments."""

from datetime import UTC, datetime

import pytest

from triage.hours import at_work, fault

WEEK = ("mon-fri 08:00-18:00", "sat 09:00-24:00")


@pytest.mark.parametrize(
    ("spans", "zone", "moment", "expected"),
    [
        ((), "UTC", "2026-11-29T03:00", True),  # no hours: always
        (WEEK, "UTC", "2026-11-24T08:00", True),  # a Tuesday
        (WEEK, "UTC", "2026-11-24T07:59", False),
        (WEEK, "UTC", "2026-11-24T18:00", False),
        (WEEK, "UTC", "2026-11-28T23:59", True),  # Saturday, until midnight
        (WEEK, "UTC", "2026-11-29T12:00", False),
        (WEEK, "Europe/Berlin", "2026-11-24T07:00", True),  # 08:00 there
        (WEEK, "Europe/Berlin", "2026-07-21T06:00", True),  # 08:00 there, in summer
        (WEEK, "Europe/Berlin", "2026-11-24T17:30", False),
        (("fri-mon 10:00-11:00",), "UTC", "2026-11-29T10:30", True),  # over the weekend
        (("fri-mon 10:00-11:00",), "UTC", "2026-11-24T10:30", False),
    ],
)
def test_a_moment(spans: tuple[str, ...], zone: str, moment: str, expected: bool) -> None:
    assert at_work(spans, zone, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected


@pytest.mark.parametrize(
    ("spans", "zone", "policies", "why"),
    [
        (WEEK, "Europe/Berlin", ("wait", "pass-perishable", "substitute:ana"), ""),
        (("mon 8-18",), "UTC", (), "'mon 8-18' is no span of hours: write such as mon-fri 08:00-18:00"),
        (("xyz 08:00-18:00",), "UTC", (), "is no span of hours"),
        (("mon 08:00-25:00",), "UTC", (), "is no span of hours"),
        (("mon 18:00-08:00",), "UTC", (), "ends before it begins: write two spans for a night"),
        ((), "Berlin", (), "'Berlin' is no time zone"),
        ((), "UTC", ("sleep",), "'sleep' is none of wait, pass-perishable and substitute:LOGIN"),
        ((), "UTC", ("substitute:",), "is none of wait"),
    ],
)
def test_what_is_wrong(spans: tuple[str, ...], zone: str, policies: tuple[str, ...], why: str) -> None:
    said = fault(spans, zone, policies)
    assert (why in said) if why else said == ""
