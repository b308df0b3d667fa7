"""Days and hours are counted when they are over, whatever a clock has said in between."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import OTTO
from tests.triage_cli.conftest import Arrives
from triage.config.settings import Settings
from triage.reports import daily_counts
from triage.store import db
from triage.times import utcnow
from triage_cli.services import upkeep_counts


def test_a_clock_that_was_ahead(arrives: Arrives, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives("it+joe.fern@company.example")
    monkeypatch.setattr(db, "read_server_time", lambda _: None)  # the database's clock is ahead too
    now = utcnow().replace(minute=5)
    for days in (30, 0, 2):
        monkeypatch.setattr(upkeep_counts, "utcnow", lambda then=now + timedelta(days=days): then)
        for _ in range(8):
            upkeep_counts.record_for_reports(engine, settings)
        with db.read_transaction(engine) as session:
            assert not daily_counts.is_due(session, now + timedelta(days=days))
        if not days:
            arrives("it+joe.fern@company.example")
    with db.read_transaction(engine) as session:
        first, until = daily_counts.first_day(session, "UTC"), daily_counts.counted_until(session, "UTC")
        assert first is not None
        (day, *_) = daily_counts.period_days(first, now + timedelta(days=1), "UTC")
        assert until is not None
        assert until >= day.until
        assert daily_counts.count_arrivals(session, [day], by=OTTO, zone="UTC")[day].total() == 2
