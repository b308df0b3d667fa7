"""Read-only: the reports of a period, from decisions, kept counts and samples, as far as the asker may know."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.config.settings import Settings
from triage.errors import BadInput, NotFound
from triage.policy.known_senders import delivered_risky
from triage.quarantine.decisions.outcomes import sees_everything
from triage.quarantine.search import selection_summary
from triage.reports import daily_counts, mail_metrics, mail_report, staff_metrics, staff_report
from triage.reports.daily_counts import Arrivals, Day
from triage.reports.mail_metrics import Release, Removed, TracedRelease
from triage.reports.report_values import Period, Report
from triage.reports.staff_metrics import RELEASE_VERBS, Act, Candour, Work
from triage.say import format_day, quote_text, say
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department
from triage.store.models.rules import Rule
from triage.text.sanitize import escape_visible
from triage.times import in_reach

USUAL = timedelta(days=28)
LONGEST = timedelta(days=366)
REMOVAL_VERBS = ("purge", "sweep", "take")
CHANGED_OUTCOMES = ("done", "recalling", "already gone", "in flight")  # outcomes of items that the decision changed, or will


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
    known = now.astimezone(UTC) - timedelta(days=days)
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


@dataclass
class Reading:
    """Data of the reports, each part read when a report first needs it."""

    session: Session
    period: Period
    by: Actor
    settings: Settings
    now: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        """Time zone of days and hours."""
        return self.period.zone

    @property
    def leaves(self) -> timedelta:
        """Time for which a release waits before it leaves."""
        return timedelta(seconds=self.settings.policy.undo_seconds)

    @property
    def candour(self) -> Candour:
        """Numbers about staff that the asker may see: administrators and auditors of everybody, others of themselves."""
        asked = self.settings.reports
        everybody = self.by.role is not Role.TRIAGE
        return Candour(asked.staff, asked.least_people, "" if everybody else str(self.by))

    @cached_property
    def decisions(self) -> dict[int, Any]:
        """Lists the decisions of the period that were carried out, whatever folder they concern."""
        undo = aliased(Decision)
        columns = ("id", "at", "by", "by_shown", "verb", "keys", "milliseconds")
        decided = (col(Decision.at) >= self.period.since, col(Decision.at) < self.period.until, col(Decision.undoes).is_(None))
        rows = (
            select(*(col(getattr(Decision, name)) for name in columns), col(undo.at).label("undone_at"))
            .outerjoin(undo, col(undo.id) == col(Decision.undone_by))
            .where(*decided)
        )
        return {row.id: row for row in self.rows(rows)}

    def rows(self, statement: Any) -> Any:
        """The rows as they are: there are many, and none is an object of the session."""
        return self.session.connection().execute(statement)

    def between(self, decisions: Iterable[int]) -> ColumnElement[bool]:
        """Items of these decisions, and of others between them: ids are in the order of time."""
        some = list(decisions)
        return col(DecisionItem.decision_id).between(min(some), max(some))

    @property
    def theirs(self) -> ColumnElement[bool]:
        """Join condition: the delivery of a decision's item, where the asker may see it."""
        return and_(
            col(Delivery.id) == col(DecisionItem.delivery_id), db.correlate_condition(self.session, access.visible_deliveries(self.by))
        )

    @cached_property
    def acts(self) -> list[Act]:
        """The decisions that concern mail in the asker's scope."""
        if not self.decisions:
            return []
        decision = col(DecisionItem.decision_id)
        held = func.sum(case((col(DecisionItem.before) == State.HELD, 1), else_=0))
        rows = select(decision, held, func.count()).where(self.between(self.decisions), changed_condition()).group_by(decision)
        if not sees_everything(self.session, self.by):
            rows = rows.join(Delivery, self.theirs)
        found = ((self.decisions.get(one), int(number), total) for one, number, total in self.rows(rows))
        return [
            Act(
                row.at.astimezone(self.zone),
                row.by,
                row.by_shown,
                row.verb,
                row.undone_at,
                row.keys,
                row.milliseconds,
                number,
                total - number,
            )
            for row, number, total in found
            if row
        ]

    @cached_property
    def work(self) -> Work:
        """Figures of the work: how many rows were decided, when, and how fast."""
        return staff_metrics.work_figures(self.acts, self.candour)

    @cached_property
    def releases(self) -> list[TracedRelease]:
        """Held messages in the asker's scope that somebody released."""
        mail = (col(DecisionItem.delivery_id), col(Delivery.received_at), col(Delivery.department), selection_summary.was_answered())
        which = (col(Decision.verb).in_(RELEASE_VERBS), col(DecisionItem.before) == State.HELD, changed_condition())
        zone = self.zone
        found = [
            Release(delivery, received_at.astimezone(zone), row.at, row.by, department, row.undone_at, answered)
            for decision, delivery, received_at, department, answered in self.rows(self.done_by((col(Decision.id), *mail), *which))
            if (row := self.decisions.get(decision))
        ]
        return mail_metrics.trace_releases(found, self.purged_since)

    def done_by(self, columns: Sequence[Any], *which: ColumnElement[bool]) -> Select[Any]:
        """Selects from the items of such decisions of the period, and from their deliveries in the asker's scope."""
        then = (col(Decision.at) >= self.period.since, col(Decision.at) < self.period.until)
        rows: Select[Any] = select(*columns).select_from(Decision)
        items = rows.join(DecisionItem, col(DecisionItem.decision_id) == col(Decision.id)).join(Delivery, self.theirs)
        return items.where(*then, *which)

    @cached_property
    def purged_since(self) -> dict[int, datetime]:
        """Times at which standing purges removed copies that had left, by delivery."""
        purge = and_(col(Decision.at) >= self.period.since, *is_standing_purge())
        rows = select(col(DecisionItem.delivery_id), col(Decision.at)).join(Decision, col(Decision.id) == col(DecisionItem.decision_id))
        left = rows.where(purge, col(DecisionItem.before) != State.HELD, changed_condition()).order_by(col(Decision.at).desc())
        return dict(self.rows(left).all())  # the first purge counts

    @cached_property
    def removed(self) -> list[Removed]:
        """Deliveries that standing purges removed."""
        kinds = (col(Delivery.campaign_id), col(DecisionItem.before), col(DecisionItem.outcome))
        first = (func.min(col(Delivery.received_at), type_=Instant), func.min(col(Decision.at), type_=Instant))
        rows = self.done_by((*kinds, func.count(), *first), *is_standing_purge()).group_by(*kinds)
        return [Removed(*row) for row in self.rows(rows)]

    def subjects_of(self, campaigns: Sequence[int]) -> dict[int, str]:
        """The subject of the newest message of each campaign that the asker may see."""
        campaign, newest = col(Delivery.campaign_id), func.max(col(Delivery.id))
        theirs = select(newest).where(db.is_among(self.session, campaign, campaigns), access.visible_deliveries(self.by)).group_by(campaign)
        rows = select(campaign, col(Delivery.subject)).where(col(Delivery.id).in_(theirs))
        return {number: escape_visible(subject) or say("(no subject)") for number, subject in self.session.execute(rows)}

    @cached_property
    def late_copies(self) -> int:
        """Copies that standing verdicts of these purges blocked since, for those who see all messages."""
        if not self.by.scope.company:
            return 0
        rows = self.session.execute(select(col(Rule.decision_id), col(Rule.used)).where(col(Rule.origin) == "standing", col(Rule.used) > 0))
        standing = {decision for decision, row in self.decisions.items() if row.undone_at is None}
        return sum(used for decision, used in rows if decision in standing)

    @cached_property
    def days(self) -> list[Day]:
        """The days of the period."""
        return list(daily_counts.period_days(self.period.since, self.period.until, self.period.time_zone))

    @cached_property
    def arrivals(self) -> Arrivals:
        """Messages that came in on each day."""
        return daily_counts.count_arrivals(self.session, self.days, by=self.by, zone=self.period.time_zone)

    @cached_property
    def undone_by_rule(self) -> list[tuple[str, int]]:
        """Messages that were put back to where they were, by the policy's rule that had decided about them when they came."""
        undone = [one for one, row in self.decisions.items() if row.undone_at is not None]
        number = func.count().label("number")
        items = select(col(Delivery.rule), number).select_from(DecisionItem).join(Delivery, self.theirs)
        rows = items.where(db.is_among(self.session, col(DecisionItem.decision_id), undone)).group_by(col(Delivery.rule))
        return [(rule, count) for rule, count in self.session.execute(rows.order_by(number.desc(), col(Delivery.rule)))]

    @cached_property
    def oldest(self) -> datetime | None:
        """Time at which the message came that has waited longest now."""
        waits = and_(col(Delivery.state) == State.HELD, access.visible_deliveries(self.by))
        found: datetime | None = self.session.scalar(select(func.min(col(Delivery.received_at), type_=Instant)).where(waits))
        return found

    @cached_property
    def departments(self) -> dict[str, str]:
        """Names of departments by their codes."""
        return dict(self.session.execute(select(col(Department.code), col(Department.name))).all())


def changed_condition() -> ColumnElement[bool]:
    """Condition: items that the decision changed."""
    return col(DecisionItem.outcome).in_(CHANGED_OUTCOMES)


def is_standing_purge() -> tuple[ColumnElement[bool], ...]:
    """Conditions: decisions that removed messages and were not undone."""
    return col(Decision.verb).in_(REMOVAL_VERBS), col(Decision.undone_by).is_(None)


def waiting_report(reading: Reading) -> Report:
    """Builds the report on the waiting time of wanted messages."""
    oldest = (reading.now - reading.oldest).total_seconds() if reading.oldest else None
    return mail_report.report_waiting(mail_metrics.waiting_times(reading.releases), reading.period, reading.departments, oldest)


def queue_report(reading: Reading) -> Report:
    """Builds the report on the queue: held messages over the day, and what became of them day by day."""
    samples = daily_counts.list_samples(reading.session, reading.period.since, reading.period.until, by=reading.by)
    released, removed = staff_metrics.decided_by_day(reading.acts)
    held = {
        day.since.astimezone(reading.zone).date(): sum(number for (_, verdict), number in of_day.items() if verdict == "quarantine")
        for day, of_day in reading.arrivals.items()
    }
    return mail_report.report_queue(
        mail_metrics.queue_figures({at.astimezone(reading.zone): held for at, held in samples.items()}),
        held,
        released,
        removed,
        reading.period,
    )


def rules_report(reading: Reading) -> Report:
    """Builds the report on rules that deliver messages."""
    period = reading.period
    risky = delivered_risky.count_by_day(reading.session, period.since, period.until, by=reading.by, zone=reading.zone)
    return mail_report.report_rules(mail_metrics.added_up(reading.arrivals.values()), risky, period)


def work_report(reading: Reading) -> Report:
    """Builds the report on the work: how many rows are decided, when, and how fast."""
    return staff_report.report_work(reading.work, reading.candour, reading.period)


def mistakes_report(reading: Reading) -> Report:
    """Builds the report on decisions that were undone."""
    found = staff_metrics.mistake_figures(reading.acts, reading.releases, reading.candour, reading.leaves)
    return staff_report.report_mistakes(found, reading.undone_by_rule if found else [], reading.candour, reading.period)


def campaigns_report(reading: Reading) -> Report:
    """Builds the report on campaigns: what purges removed, and how soon."""
    found = mail_metrics.campaign_figures(reading.removed, reading.late_copies)
    return mail_report.report_campaigns(found, reading.period, reading.subjects_of([one.campaign for one in mail_report.listed_of(found)]))


def savings_report(reading: Reading) -> Report:
    """Builds the report on hours saved and spent."""
    seconds = reading.settings.reports.employee_seconds, reading.settings.reports.staff_seconds
    found = staff_metrics.saved_hours(mail_metrics.added_up(reading.arrivals.values()), reading.acts, reading.work, *seconds)
    return staff_report.report_savings(found, reading.period)


REPORTS: dict[str, Callable[[Reading], Report]] = {
    "waiting": waiting_report,
    "queue": queue_report,
    "rules": rules_report,
    "work": work_report,
    "mistakes": mistakes_report,
    "campaigns": campaigns_report,
    "saved": savings_report,
}
