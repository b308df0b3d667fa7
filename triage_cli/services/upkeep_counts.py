"""Upkeep's part in reports: it looks at the queue at each full hour, and counts the days that are over."""

import time

from sqlalchemy import Engine

from triage.compliance.retention import delete_records
from triage.config.settings import Settings
from triage.reports import daily_counts
from triage.store import db
from triage.times import utcnow

DAYS_AT_ONCE = 5  # between two looks at the audit log
BREATH = 0.01  # between two of them: the others get their turn


def record_for_reports(engine: Engine, settings: Settings) -> None:
    """Write down what waits at a full hour, and count some of the days that are over."""
    zone = settings.coverage.time_zone
    with db.read_transaction(engine) as session:
        now = db.at_earliest(session, utcnow())
        strayed, hour = daily_counts.has_strayed(session, now), daily_counts.is_due(session, now)
    if strayed:
        with db.transaction(engine) as session:
            daily_counts.set_right(session, zone, now)
    if hour:
        with db.transaction(engine) as session:
            daily_counts.sample_held(session, now)
            daily_counts.forget_days(session, delete_records.oldest_record(settings, now))
    for _ in range(DAYS_AT_ONCE):
        if not count_a_day(engine, zone):
            return
        time.sleep(BREATH)


def count_a_day(engine: Engine, zone: str) -> bool:
    """Count the next day that is over, if there is one; it is read without holding anything."""
    with db.read_transaction(engine) as session:
        day = daily_counts.next_day(session, zone, db.at_earliest(session, utcnow()))
        rows = daily_counts.count_day(session, day) if day else []
    if day is None:
        return False
    with db.transaction(engine) as session:
        daily_counts.record_day(session, day, rows, zone)
    return True
