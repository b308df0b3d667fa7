"""Hours of work, as a table of moments."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.business_hours import at_work, find_hours_fault, worked_since, worked_until

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
        (WEEK, "Europe/Berlin", ("wait", "pass-time-limited", "substitute:ana"), ""),
        (("mon 8-18",), "UTC", (), "“mon 8-18” is no span of hours: write such as mon-fri 08:00-18:00"),
        (("xyz 08:00-18:00",), "UTC", (), "is no span of hours"),
        (("mon 08:00-25:00",), "UTC", (), "is no span of hours"),
        (("mon 18:00-08:00",), "UTC", (), "ends before it begins: write two spans for a night"),
        ((), "Berlin", (), "“Berlin” is no time zone"),
        ((), "UTC", ("sleep",), "“sleep” is none of wait, pass-time-limited and substitute:LOGIN"),
        ((), "UTC", ("substitute:",), "is none of wait"),
    ],
)
def test_what_is_wrong(spans: tuple[str, ...], zone: str, policies: tuple[str, ...], why: str) -> None:
    said = find_hours_fault(spans, zone, policies)
    assert (why in said) if why else said == ""


@pytest.mark.parametrize(
    ("spans", "zone", "now", "minutes", "since"),
    [
        ((), "UTC", "2026-11-24T09:30", 60, "2026-11-24T08:30"),  # no hours: all time counts
        (WEEK, "UTC", "2026-11-24T09:30", 60, "2026-11-24T08:30"),
        (WEEK, "UTC", "2026-11-24T08:30", 60, "2026-11-23T17:30"),  # half an hour of the evening before
        (WEEK, "UTC", "2026-11-30T08:10", 60, "2026-11-28T23:10"),  # a Monday: the Saturday before counts until midnight
        (WEEK, "UTC", "2026-11-29T12:00", 30, "2026-11-28T23:30"),  # Sunday
        (WEEK, "UTC", "2026-11-24T03:00", 600, "2026-11-23T08:00"),  # the whole of Monday
        (("mon-fri 08:00-18:00", "tue 10:00-12:00"), "UTC", "2026-11-24T18:00", 600, "2026-11-24T08:00"),  # what overlaps counts once
        (("mon-fri 08:00-12:00", "mon-fri 10:00-18:00"), "UTC", "2026-11-24T18:00", 600, "2026-11-24T08:00"),
        (("sun 00:00-24:00",), "Europe/Berlin", "2026-03-29T22:00", 23 * 60, "2026-03-28T23:00"),  # the short day
        (("mon 09:00-09:01",), "UTC", "2026-11-24T09:30", 600, "2025-11-23T09:30"),  # a year at most
    ],
)
def test_since_when_so_much_was_worked(spans: tuple[str, ...], zone: str, now: str, minutes: int, since: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert worked_since(spans, zone, moment, timedelta(minutes=minutes)) == datetime.fromisoformat(since).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("spans", "since", "minutes", "until"),
    [
        ((), "2026-11-24 09:30", 90, "2026-11-24 11:00"),
        (("mon-fri 08:00-17:00",), "2026-11-24 16:30", 90, "2026-11-25 09:00"),  # the evening does not count
        (("mon-fri 08:00-17:00",), "2026-11-27 16:30", 90, "2026-11-30 09:00"),  # nor the weekend
        (("mon-fri 08:00-12:00", "mon-fri 11:00-13:00"), "2026-11-24 10:00", 180, "2026-11-24 13:00"),  # an hour counts once
    ],
)
def test_until_when_so_much_is_worked(spans: tuple[str, ...], since: str, minutes: int, until: str) -> None:
    began = datetime.fromisoformat(since).replace(tzinfo=UTC)
    end = worked_until(spans, "UTC", began, timedelta(minutes=minutes))
    assert f"{end:%Y-%m-%d %H:%M}" == until
