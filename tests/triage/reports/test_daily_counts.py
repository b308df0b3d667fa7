"""Daily counts for reports: days in local time, and samples of the queue."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func
from sqlmodel import col, select

from tests.triage.arriving import NOW, OTTO, arrive
from triage.config.settings import Settings
from triage.quarantine.triage_items import fold_counts
from triage.reports import daily_counts
from triage.reports.daily_counts import Day
from triage.store import db
from triage.store.models.counts import Arrived

JOE = "it+joe.fern@company.example"


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        (moment(2026, 11, 23, 23), moment(2026, 11, 25, 23), [24, 24]),
        (moment(2026, 11, 23, 10), moment(2026, 11, 24, 1), [13, 2]),
        (moment(2026, 10, 23, 22), moment(2026, 10, 26, 23), [24, 25, 24]),  # the clocks go back
        (moment(2027, 3, 27, 23), moment(2027, 3, 28, 22), [23]),  # and forward
        (NOW, NOW, []),
    ],
)
def test_days_are_those_of_the_clocks(since: datetime, until: datetime, hours: list[int]) -> None:
    found = list(daily_counts.period_days(since, until, "Europe/Berlin"))
    assert [(day.until - day.since) // timedelta(hours=1) for day in found] == hours
    assert [day.until for day in found[:-1]] == [day.since for day in found[1:]]


def test_a_day_is_counted_once_whoever_is_second(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, JOE)
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    with db.read_transaction(known) as session:
        day = daily_counts.next_day(session, "UTC", tomorrow)
        assert day is not None
        rows = daily_counts.count_day(session, day)
        assert daily_counts.next_day(session, "UTC", day.until + timedelta(minutes=59)) is None  # mail may still be entered
    for _ in range(2):
        with db.transaction(known) as session:
            daily_counts.record_day(session, day, rows, "UTC")
    with db.read_transaction(known) as session:
        assert daily_counts.count_arrivals(session, [day], by=OTTO, zone="UTC")[day].total() == 1
        following = daily_counts.next_day(session, "UTC", tomorrow + timedelta(days=2))
        assert following is not None
        assert following.since == day.until


def test_there_is_no_day_before_the_first_mail(known: Engine) -> None:
    with db.read_transaction(known) as session:
        assert daily_counts.next_day(session, "UTC", NOW) is None
        assert daily_counts.count_arrivals(session, [Day(NOW, NOW + timedelta(hours=1))], by=OTTO, zone="UTC") == {
            Day(NOW, NOW + timedelta(hours=1)): {}
        }


def test_the_queue_is_looked_at_once_in_an_hour_and_not_too_late(known: Engine, settings: Settings) -> None:
    ten = NOW.replace(hour=10, minute=0)
    fold_counts.build_views(known, now=NOW)
    with db.transaction(known) as session:
        arrive(session, settings, JOE)
        fold_counts.fold_counts(session, now=NOW)
    looks = [(ten + timedelta(seconds=20), True), (ten + timedelta(minutes=5), False), (ten + timedelta(minutes=71), False)]
    for then, looked in [*looks, (ten + timedelta(hours=2), True)]:
        with db.transaction(known) as session:
            assert daily_counts.is_due(session, then) == looked
            assert daily_counts.sample_held(session, then) == looked
    with db.transaction(known) as session:
        seen = {ten: 1, ten + timedelta(hours=2): 1}
        assert daily_counts.list_samples(session, ten, ten + timedelta(hours=3), by=OTTO) == seen
        daily_counts.forget_days(session, ten + timedelta(hours=1))
        assert set(daily_counts.list_samples(session, ten, ten + timedelta(hours=3), by=OTTO)) == {ten + timedelta(hours=2)}


def test_days_that_no_report_reaches_are_forgotten_one_by_one(known: Engine) -> None:
    days = list(daily_counts.period_days(moment(2026, 10, 23, 22), moment(2026, 10, 29, 23), "Europe/Berlin"))
    with db.transaction(known) as session:
        for day in days:
            session.add(Arrived(since=day.since, until=day.until, department="it", rule="any", verdict="quarantine", person="", count=7))
    oldest = days[4].until - timedelta(hours=1)  # within the fifth day, so that a report may begin before it
    left = []
    for _ in range(5):
        with db.transaction(known) as session:
            daily_counts.forget_days(session, oldest)
            left.append(session.scalar(select(func.count()).select_from(Arrived)))
    assert left == [5, 4, 3, 3, 3]
    with db.read_transaction(known) as session:
        assert session.scalar(select(func.min(col(Arrived.since)))) == days[3].since
