"""Read-only: what the reports of a period read from the database, each part once, as far as the asker may know."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor, Role
from triage.business_hours import worked_until
from triage.config.alert_types import target_of
from triage.config.settings import Settings
from triage.quarantine.decisions.outcomes import sees_everything
from triage.quarantine.search import selection_summary
from triage.reports import daily_counts, harm, mail_metrics, queue_load, staff_metrics
from triage.reports.daily_counts import DEPARTMENTS, Arrivals, Day
from triage.reports.harm import CHANGED_OUTCOMES, Harm
from triage.reports.mail_metrics import Campaigns, Release, Removed, TracedRelease
from triage.reports.report_values import Period
from triage.reports.staff_metrics import RELEASE_VERBS, Act, Disclosure, Saved, Work
from triage.say import say
from triage.store import db
from triage.store.delivery_state import FOR_ASSISTANT, State
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision, DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department
from triage.store.models.rules import Rule
from triage.store.queue.grouping import severity_column
from triage.text.sanitize import escape_visible

UNDECIDED = "deliver"  # the verb of Mailroom's own decisions: nobody had decided in time
REMOVAL_VERBS = ("purge", "sweep", "take")
REMOVED_HELD = staff_metrics.REMOVAL_VERBS  # verbs that remove held messages


def oldest_record(settings: Settings, now: datetime) -> datetime:
    """Returns the moment before which records of messages are erased."""
    return now.astimezone(UTC) - timedelta(days=settings.retention.record_days)


def period_before(period: Period) -> Period:
    """Returns the period of the same length and the same weekdays before a period, on clocks of the company."""
    shift = timedelta(days=-((period.since - period.until) // timedelta(days=1)))
    since, until = ((moment.astimezone(period.zone) - shift).astimezone(UTC) for moment in (period.since, period.until))
    return replace(period, since=since, until=until)


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

    @cached_property
    def before(self) -> "Reading | None":
        """Reading of the period before; None where its records are erased."""
        earlier = period_before(self.period)
        return replace(self, period=earlier) if earlier.since >= oldest_record(self.settings, self.now) else None

    @property
    def leaves(self) -> timedelta:
        """Time for which a release waits before it leaves."""
        return timedelta(seconds=self.settings.policy.undo_seconds)

    @property
    def disclosure(self) -> Disclosure:
        """Numbers about staff that the asker may see: administrators and auditors of everybody, others of themselves."""
        asked = self.settings.reports
        everybody = self.by.role is not Role.TRIAGE
        return Disclosure(asked.staff, asked.least_people, "" if everybody else str(self.by))

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
            col(Delivery.id) == col(DecisionItem.delivery_id), db.correlate_condition(self.session, access.real_deliveries(self.by))
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
        return staff_metrics.work_figures(self.acts, self.disclosure)

    @cached_property
    def releases(self) -> list[TracedRelease]:
        """Held messages in the asker's scope that somebody released, without those that were held for an assistant only."""
        facts = (selection_summary.was_answered(), severity_column(), col(Delivery.person))
        mail = (col(DecisionItem.delivery_id), col(Delivery.received_at), col(Delivery.department), *facts)
        released = (col(Decision.verb).in_(RELEASE_VERBS), col(DecisionItem.before) == State.HELD, changed_condition())
        which = (*released, col(Delivery.rule) != FOR_ASSISTANT)
        zone = self.zone
        found = [
            Release(delivery, received_at.astimezone(zone), row.at, row.by, department, row.undone_at, answered, severity, person)
            for decision, delivery, received_at, department, answered, severity, person in self.rows(
                self.done_by((col(Decision.id), *mail), *which)
            )
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

    @cached_property
    def campaigns(self) -> Campaigns:
        """Campaigns that standing purges stopped, and where their copies were."""
        return mail_metrics.campaign_figures(self.removed, self.late_copies)

    @cached_property
    def saved(self) -> Saved:
        """Hours saved: copies that staff removed times the seconds of the settings, less the time of staff."""
        seconds = self.settings.reports.employee_seconds, self.settings.reports.staff_seconds
        blocked = mail_metrics.added_up(self.arrivals.values())
        recalled = sum(row.copies for row in self.removed if row.before != State.HELD and row.outcome == "done")
        return staff_metrics.saved_hours(blocked, self.acts, recalled, self.work, *seconds)

    @cached_property
    def held(self) -> dict[date, int]:
        """Messages that were held on arrival, by day."""
        return {
            day.since.astimezone(self.zone).date(): sum(number for (_, verdict), number in of_day.items() if verdict == "quarantine")
            for day, of_day in self.arrivals.items()
        }

    @cached_property
    def within_target(self) -> float | None:
        """Share of wanted messages that were released within the target of their folder, in working time; None without a target."""
        met = [one for row in self.releases if mail_metrics.is_wanted(row) and (one := self.meets_target(row)) is not None]
        return sum(met) / len(met) if met else None

    def meets_target(self, row: TracedRelease) -> bool | None:
        """Whether a message was released within the target of its folder; None where it has none."""
        target = target_of(self.settings.notices.targets, self.settings.notices.target_minutes, row.department, row.person)
        if target is None or row.decided_at - row.received_at <= target:
            return None if target is None else True
        hours = self.settings.coverage.hours
        return row.decided_at <= worked_until(hours, self.settings.coverage.time_zone, row.received_at, target)

    @cached_property
    def harms(self) -> dict[str, Harm]:
        """Harm to wanted messages, by name."""
        shown = self.disclosure.has_totals(self.work.people)
        return {
            "long_wait": harm.count_long_waits(self.releases),
            "expired_codes": harm.count_expired_codes(self.session, self.period.since, self.period.until, by=self.by, now=self.now),
            "reported": self.count_decided(RELEASE_VERBS, harm.was_reported(), shown),
            "undecided": self.count_decided((UNDECIDED,), harm.was_reported(), shown=True),
            "restored": self.count_decided(REMOVED_HELD, harm.was_restored(), shown),
            "wrongly_held": harm.count_wrongly_held(self.releases),
        }

    def count_decided(self, verbs: Iterable[str], harmed: ColumnElement[bool], shown: bool) -> Harm:
        """Counts held messages that such decisions changed, and those of them that meet a condition on Decision and Delivery."""
        some = func.count(col(Delivery.id).distinct())
        which = (col(Decision.verb).in_(list(verbs)), col(DecisionItem.before) == State.HELD, changed_condition())
        of, count = (int(self.rows(self.done_by((some,), *which, *more)).scalar_one()) for more in ((), (harmed,)))
        return Harm(count if shown else None, of)

    def load_by_department(self) -> dict[str, list[int]]:
        """Messages by department: held on arrival, released, removed or rejected in the period, and waiting now."""
        arrived = daily_counts.count_arrivals(self.session, self.days, by=self.by, zone=self.period.time_zone, columns=DEPARTMENTS)
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for (department, verdict), number in mail_metrics.added_up(arrived.values()).items():
            found[department][0] += number if verdict == "quarantine" else 0
        kinds = (col(Delivery.department), col(Decision.verb))
        which = (col(Decision.undone_by).is_(None), col(DecisionItem.before) == State.HELD, changed_condition())
        for department, verb, number in self.rows(self.done_by((*kinds, func.count()), *which).group_by(*kinds)):
            if verb in staff_metrics.DECIDING_VERBS:
                found[department][1 if verb in RELEASE_VERBS else 2] += number
        for department, number in queue_load.count_waiting(self.session, by=self.by).items():
            found[department][3] += number
        return {department: numbers for department, numbers in sorted(found.items()) if any(numbers)}

    def subjects_of(self, campaigns: Sequence[int]) -> dict[int, str]:
        """The subject of the newest message of each campaign that the asker may see."""
        campaign, newest = col(Delivery.campaign_id), func.max(col(Delivery.id))
        theirs = select(newest).where(db.is_among(self.session, campaign, campaigns), access.real_deliveries(self.by)).group_by(campaign)
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
        waits = and_(queue_load.WAITS, access.real_deliveries(self.by))
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
