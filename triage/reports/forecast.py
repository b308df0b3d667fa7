"""Computes the forecast from simulated messages: what enforcement would cost and catch. Pure."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from triage.business_hours import next_opening, works_on
from triage.reports.simulated_mail import Rehearsed, Remedy
from triage.say import say

MOST_RULES = 20
MOST_ATTACKS = 100  # that are listed
Name = TypeVar("Name")
NARROW = ("address", "list", "domain", "subdomains")  # of two rules that help as much the narrower one is proposed


@dataclass(frozen=True, slots=True)
class Terms:
    """Assumptions of the forecast about staff."""

    seconds_per_row: float = 20.0
    staff: int = 1  # people who look at rows at the same time
    minutes_of_work: float = 300.0  # of a day that one person can give to rows
    hours: tuple[str, ...] = ()  # when staff is at work; none: always
    time_zone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of days and hours."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Share:
    """Numbers of messages that pass, are held, and are purged on arrival."""

    messages: int = 0
    passed: int = 0
    held: int = 0
    purged: int = 0


@dataclass(frozen=True, slots=True)
class SimulatedDecision:
    """Simulated decision of staff, and the messages that its row would have held until then."""

    opened: datetime
    decided: datetime
    rows: list[Rehearsed]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Mail that was answered, so it was wanted, and how long what was held of it would have waited."""

    answered: int
    passed: int
    held: int
    purged: int
    answered_sooner: int  # than staff would have let it through
    median_seconds: float
    slowest_tenth_seconds: float  # nine in ten waited less
    longest_seconds: float
    waits: tuple[tuple[str, int], ...]  # "up to 5 minutes", how many


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule and what it would have let through beyond the ones before it."""

    remedy: Remedy
    messages: int
    people: int
    answered: int


@dataclass(frozen=True, slots=True)
class Attacks:
    """Mail that looks like an attack."""

    held: int
    purged: int
    passed: int
    listed: tuple[Rehearsed, ...]  # those that would have passed first


@dataclass(frozen=True, slots=True)
class Forecast:
    """The numbers of a simulation."""

    since: datetime
    until: datetime
    terms: Terms
    mailboxes: int
    total: Share
    departments: tuple[tuple[str, Share], ...]  # by code
    weekdays: tuple[Share, ...]  # Monday first
    hours: tuple[Share, ...]  # of the day
    rows: int
    rows_by_hour: tuple[tuple[float, ...], ...]  # mean of each weekday and hour at which a row opens
    busiest_hour: tuple[int, int, float]  # weekday, hour, rows
    working_days: int
    rows_a_day: float
    minutes_a_day: float
    people_needed: int
    people_at_the_busiest_hour: int
    rules: tuple[tuple[str, int], ...]  # rule of the policy, how often it decided
    wanted: Wanted
    proposals: tuple[Proposal, ...]
    attacks: Attacks
    unknown: int  # messages about which DNS did not answer
    checks: tuple[tuple[str, int], ...]  # check of known senders, how many messages it holds, or would once it does not only report


STEPS = ((say("5 minutes"), 5), (say("15 minutes"), 15), (say("1 hour"), 60), (say("4 hours"), 240), (say("1 day"), 1440))


def make_forecast(rows: Iterable[Rehearsed], *, since: datetime, until: datetime, terms: Terms) -> Forecast:
    """The numbers of mail that arrived from `since` on, before `until`."""
    rows = sorted(rows, key=lambda row: (row.arrived, row.mailbox, row.author))
    zone = terms.zone
    by_weekday = passing_shares((row.arrived.astimezone(zone).weekday(), row) for row in rows)
    by_hour = passing_shares((row.arrived.astimezone(zone).hour, row) for row in rows)
    decisions = simulate_decisions(rows, terms)
    grid = by_hour_of_the_week([decision.opened.astimezone(zone) for decision in decisions], list_days(since, until, zone))
    busiest = max(((weekday, hour, mean) for weekday, hours in enumerate(grid) for hour, mean in enumerate(hours)), key=lambda one: one[2])
    working_days = sum(works_on(terms.hours, day) for day in list_days(since, until, zone))
    minutes = len(decisions) * terms.seconds_per_row / 60 / max(1, working_days)
    return Forecast(
        since=since,
        until=until,
        terms=terms,
        mailboxes=len({row.mailbox for row in rows}),
        total=passing_share(rows),
        departments=tuple(sorted(passing_shares((row.department, row) for row in rows).items())),
        weekdays=tuple(by_weekday.get(weekday, Share()) for weekday in range(7)),
        hours=tuple(by_hour.get(hour, Share()) for hour in range(24)),
        rows=len(decisions),
        rows_by_hour=grid,
        busiest_hour=busiest,
        working_days=working_days,
        rows_a_day=len(decisions) / max(1, working_days),
        minutes_a_day=minutes,
        people_needed=math.ceil(minutes / terms.minutes_of_work),
        people_at_the_busiest_hour=math.ceil(busiest[2] * terms.seconds_per_row / 3600),
        rules=tuple(Counter(row.rule for row in rows).most_common()),
        wanted=count_wanted(rows, decisions),
        proposals=tuple(propose_rules(rows)),
        attacks=count_attacks(rows),
        unknown=sum(row.unknown for row in rows),
        checks=tuple(Counter(check for row in rows for check in row.checks).most_common()),
    )


def passing_shares(rows: Iterable[tuple[Name, Rehearsed]]) -> dict[Name, Share]:
    """Counts passing, held and purged messages for each name under which they come."""
    named: dict[Name, list[Rehearsed]] = {}
    for name, row in rows:
        named.setdefault(name, []).append(row)
    return {name: passing_share(some) for name, some in named.items()}


def passing_share(rows: Iterable[Rehearsed]) -> Share:
    """Counts passing, held and purged messages."""
    found = Counter(row.disposition for row in rows)
    return Share(found.total(), found["relay"], found["quarantine"], found["purge"])


def simulate_decisions(rows: Sequence[Rehearsed], terms: Terms) -> list[SimulatedDecision]:
    """The rows that staff would have had, in the order in which they open: the oldest first, in the hours of work.

    What belongs on a row that waits or is looked at goes with it.
    """
    free = [datetime.min.replace(tzinfo=terms.zone)] * max(1, terms.staff)
    decisions: list[SimulatedDecision] = []
    present: dict[str, SimulatedDecision] = {}
    for row in rows:
        if not row.held:
            continue
        decision = present.get(row.item)
        if decision is None or decision.decided <= row.arrived:
            begun = next_opening(terms.hours, terms.time_zone, max(row.arrived, heapq.heappop(free)))
            decision = present[row.item] = SimulatedDecision(row.arrived, begun + timedelta(seconds=terms.seconds_per_row), [])
            heapq.heappush(free, decision.decided)
            decisions.append(decision)
        decision.rows.append(row)
    return decisions


def by_hour_of_the_week(opened: Iterable[datetime], calendar: Sequence[date]) -> tuple[tuple[float, ...], ...]:
    """The mean number of rows for each weekday and hour."""
    counts = Counter((at.weekday(), at.hour) for at in opened)
    weeks = Counter(day.weekday() for day in calendar)
    return tuple(tuple(counts[weekday, hour] / max(1, weeks[weekday]) for hour in range(24)) for weekday in range(7))


def list_days(since: datetime, until: datetime, zone: ZoneInfo) -> list[date]:
    """Lists the days of a period."""
    first, last = since.astimezone(zone).date(), (until - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def count_wanted(rows: Iterable[Rehearsed], decisions: Iterable[SimulatedDecision]) -> Wanted:
    """Counts messages that their readers answered by what would have happened to them, with their waiting times."""
    answered = passing_share(row for row in rows if row.answered)
    pairs = [(row, decision.decided) for decision in decisions for row in decision.rows if row.answered]
    waits = sorted((decided - row.arrived).total_seconds() for row, decided in pairs)
    limits = [minutes * 60.0 for _, minutes in STEPS] + [math.inf]
    names = [say("up to {time}", time=name) for name, _ in STEPS] + [say("longer")]
    places = Counter(next(place for place, limit in enumerate(limits) if wait <= limit) for wait in waits)
    return Wanted(
        answered=answered.messages,
        passed=answered.passed,
        held=answered.held,
        purged=answered.purged,
        answered_sooner=sum(1 for row, decided in pairs if row.answered and row.answered < decided),
        median_seconds=find_quantile(waits, 0.5),
        slowest_tenth_seconds=find_quantile(waits, 0.9),
        longest_seconds=waits[-1] if waits else 0.0,
        waits=tuple((name, places[place]) for place, name in enumerate(names)),
    )


def find_quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of them does not exceed; 0 of nothing."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def propose_rules(rows: Iterable[Rehearsed]) -> Iterable[Proposal]:
    """The rules that would have let the most held messages through, each counted beyond those before it.

    One that is about a sender of anything that looks like an attack is not proposed.
    """
    reach: dict[Remedy, set[int]] = {}
    held = [row for row in rows if row.held]
    for place, row in enumerate(held):
        for remedy in row.remedies:
            reach.setdefault(remedy, set()).add(place)
    risky = {remedy for row in held if row.deceives for remedy in row.remedies}
    reach = {remedy: places for remedy, places in reach.items() if remedy not in risky}
    for _ in range(MOST_RULES):
        best = max(reach, key=lambda one: (len(reach[one]), -NARROW.index(one.match), one), default=None)
        if best is None or not reach[best]:
            return
        covered = reach.pop(best)
        helped = [held[place] for place in covered]
        yield Proposal(best, len(helped), len({row.mailbox for row in helped}), sum(row.answered is not None for row in helped))
        reach = {remedy: places - covered for remedy, places in reach.items()}


def count_attacks(rows: Iterable[Rehearsed]) -> Attacks:
    """Counts messages that look like an attack, by whether they would have been caught."""
    found = [row for row in rows if row.deceives]
    counted = passing_share(found)
    return Attacks(counted.held, counted.purged, counted.passed, tuple(sorted(found, key=lambda row: not row.passes)[:MOST_ATTACKS]))
