"""The reports of a period, from what `Reading` has read."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput, NotFound
from triage.ids import format_id
from triage.policy.known_senders import delivered_risky
from triage.reports import daily_counts, headline_report, mail_metrics, mail_report, queue_load, staff_metrics, staff_report
from triage.reports.headline_report import Figure
from triage.reports.reading import Reading, oldest_record
from triage.reports.report_values import Period, Report
from triage.say import format_day, quote_text, say
from triage.text.csv_export import Cell
from triage.text.sanitize import escape_visible
from triage.times import in_reach

USUAL = timedelta(days=28)
LONGEST = timedelta(days=366)


def get_report(session: Session, name: str, *, period: Period, by: Actor, settings: Settings, now: datetime) -> Report:
    """Makes a report. NotFound when there is none of this name."""
    if name not in REPORTS:
        raise NotFound(say("there is no report {name}: there are {names}", name=quote_text(name[:40]), names=", ".join(REPORTS)))
    return REPORTS[name](Reading(session, period, by, settings, now))


def all_reports(session: Session, *, period: Period, by: Actor, settings: Settings, now: datetime) -> list[Report]:
    """Builds every report, from one reading."""
    reading = Reading(session, period, by, settings, now)
    return [make(reading) for make in REPORTS.values()]


def parse_period(since: datetime | None, until: datetime | None, *, settings: Settings, now: datetime) -> Period:
    """Returns the period of a report; without a beginning the four weeks before the end, from the midnight on at which they began.

    BadInput when it ends before it begins, is longer than a year, is out of reach (`in_reach`), or begins when records are already erased.
    """
    if not in_reach(since, until):
        raise BadInput(say("a report covers a period from 1970 on"), field="since, until")
    zone = ZoneInfo(settings.coverage.time_zone)
    end = (until or now).astimezone(UTC)
    first = datetime.combine((end - USUAL).astimezone(zone).date() + timedelta(days=1), time.min, zone)
    days = settings.retention.record_days
    known = oldest_record(settings, now)
    begun = (since or (max(first, known) if known < end else first)).astimezone(UTC)
    if begun >= end:
        raise BadInput(say("the period must begin before it ends"), field="since")
    if end - begun > LONGEST:
        raise BadInput(say("a report covers at most {days} days", days=LONGEST.days), field="since")
    if begun < known:
        raise BadInput(
            say("records of messages are kept for {days} days: a report begins on {known} or later", days=days, known=format_day(known)),
            field="since",
        )
    return Period(begun, end, settings.coverage.time_zone)


def waiting_report(reading: Reading) -> Report:
    """Builds the report on the waiting time of wanted messages."""
    oldest = (reading.now - reading.oldest).total_seconds() if reading.oldest else None
    return mail_report.report_waiting(mail_metrics.waiting_times(reading.releases), reading.period, reading.departments, oldest)


def queue_report(reading: Reading) -> Report:
    """Builds the report on the queue: held messages over the day, and what became of them day by day."""
    samples = daily_counts.list_samples(reading.session, reading.period.since, reading.period.until, by=reading.by)
    released, removed = staff_metrics.decided_by_day(reading.acts)
    return mail_report.report_queue(
        mail_metrics.queue_figures({at.astimezone(reading.zone): held for at, held in samples.items()}),
        reading.held,
        released,
        removed,
        reading.period,
        load=load_rows(reading),
        ages=queue_load.count_ages(reading.session, by=reading.by, now=reading.now),
        longest=longest_rows(reading),
        lane=queue_load.count_lane(reading.session, by=reading.by),
    )


def load_rows(reading: Reading) -> list[tuple[Cell, ...]]:
    """Rows of the load by department."""
    load = reading.load_by_department().items()
    return [(reading.departments.get(code) or code or say("(none)"), code, *numbers) for code, numbers in load]


def longest_rows(reading: Reading) -> list[tuple[Cell, ...]]:
    """Rows of the held messages that have waited longest."""
    rows: list[tuple[Cell, ...]] = []
    for one, subject, came, code in queue_load.list_longest(reading.session, by=reading.by):
        department = reading.departments.get(code) or code
        waited = round((reading.now - came).total_seconds())
        rows.append((escape_visible(subject) or say("(no subject)"), waited, department, format_id(one)))
    return rows


def rules_report(reading: Reading) -> Report:
    """Builds the report on rules that deliver messages."""
    period = reading.period
    risky = delivered_risky.count_by_day(reading.session, period.since, period.until, by=reading.by, zone=reading.zone)
    return mail_report.report_rules(mail_metrics.added_up(reading.arrivals.values()), risky, period)


def work_report(reading: Reading) -> Report:
    """Builds the report on the work: how many rows are decided, when, and how fast."""
    return staff_report.report_work(reading.work, reading.disclosure, reading.period)


def mistakes_report(reading: Reading) -> Report:
    """Builds the report on decisions that were undone."""
    found = staff_metrics.mistake_figures(reading.acts, reading.releases, reading.disclosure, reading.leaves)
    return staff_report.report_mistakes(found, reading.undone_by_rule if found else [], reading.disclosure, reading.period)


def campaigns_report(reading: Reading) -> Report:
    """Builds the report on campaigns: what purges removed, and how soon."""
    found = reading.campaigns
    return mail_report.report_campaigns(found, reading.period, reading.subjects_of([one.campaign for one in mail_report.listed_of(found)]))


def savings_report(reading: Reading) -> Report:
    """Builds the report on hours saved and spent."""
    return staff_report.report_savings(reading.saved, reading.period)


def headline_values(reading: Reading) -> dict[str, float | None]:
    """Values of the headline figures that a period has, by name: messages, campaigns, seconds and a share."""
    released, removed = staff_metrics.decided_by_day(reading.acts)
    waits = mail_metrics.waiting_times(reading.releases).total
    return {
        "held": sum(reading.held.values()),
        "released": released.total(),
        "removed": removed.total(),
        "median_wait": waits.p50,
        "p90_wait": waits.p90,
        "within_target": reading.within_target,
        "campaigns": len(reading.campaigns.stopped),
        "saved": round(3600 * reading.saved.hours),
    }


def headlines_report(reading: Reading) -> Report:
    """Builds the report with headline figures, each beside that of the period before."""
    earlier = reading.before
    now, before = headline_values(reading), headline_values(earlier) if earlier else {}
    oldest = (reading.now - reading.oldest).total_seconds() if reading.oldest else None
    figures = [Figure(name, headline_report.UNITS.get(name, "count"), value, before.get(name)) for name, value in now.items()]
    figures.insert(6, Figure("oldest", "seconds", oldest))
    return headline_report.report_headlines(figures, reading.period, earlier.period if earlier else None)


def harm_report(reading: Reading) -> Report:
    """Builds the report on harm to wanted messages."""
    return headline_report.report_harm(reading.harms, reading.before.harms if reading.before else {}, reading.period)


REPORTS: dict[str, Callable[[Reading], Report]] = {
    "headlines": headlines_report,
    "harm": harm_report,
    "waiting": waiting_report,
    "queue": queue_report,
    "rules": rules_report,
    "work": work_report,
    "mistakes": mistakes_report,
    "campaigns": campaigns_report,
    "saved": savings_report,
}
