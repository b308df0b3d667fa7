"""Computes the numbers of reports about messages: waiting times, campaigns, the queue. Pure.

Times are those that clocks of the company show.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from triage.reports.forecast import find_quantile
from triage.say import say

FEW = 5  # of fewer values no percentile is told: it would be about one message or one act
HOURS = range(24)


class TracedRelease(NamedTuple):
    """A held message that somebody released, and what is known of it since."""

    received_at: datetime
    decided_at: datetime
    by: str
    department: str
    reversed_at: datetime | None  # by undoing it, or by a purge since
    answered: bool  # the person whom it was for has written to its sender since
    delivery: int = 0
    severity: int = 0  # that it had while it was held
    person: str = ""


class Release(NamedTuple):
    """A held message and one decision that released it."""

    delivery: int
    received_at: datetime
    decided_at: datetime
    by: str
    department: str
    undone_at: datetime | None
    answered: bool  # the person whom it was for has written to its sender since
    severity: int = 0
    person: str = ""


class Removed(NamedTuple):
    """Copies of one campaign that purges changed alike."""

    campaign: int | None
    before: str
    outcome: str
    copies: int
    first_at: datetime
    purged_at: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 90th and 99th percentile of values; None where there are too few of them."""

    count: int
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waiting times of wanted messages that were held, in seconds."""

    total: Spread
    departments: tuple[tuple[str, Spread], ...]  # code
    hours: tuple[Spread, ...]  # of the day at which it came in
    answered: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A campaign that was purged."""

    campaign: int
    copies: int
    first_at: datetime
    purged_at: datetime

    @property
    def seconds(self) -> float:
        """Seconds from the first copy to the purge."""
        return max(0.0, (self.purged_at - self.first_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Messages that purges removed, by campaign and by place."""

    stopped: tuple[Stopped, ...]  # those of the most copies first
    times: Spread
    copies: tuple[tuple[str, int], ...]  # by what became of them
    removed: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Numbers of held messages at full hours."""

    looks: int
    most: int
    most_at: datetime | None
    mean: float
    hours: tuple[tuple[float, int] | None, ...]  # of the day: mean and most; None where nobody looked
    week: tuple[tuple[float, ...], ...]  # means, Monday first


def spread_of(values: Iterable[float], few: int = FEW) -> Spread:
    """Computes the percentiles of values."""
    ordered = sorted(values)
    if len(ordered) < max(1, few):
        return Spread(len(ordered))
    return Spread(len(ordered), *(find_quantile(ordered, part) for part in (0.5, 0.9, 0.99)))


def trace_releases(rows: Iterable[Release], purged: Mapping[int, datetime]) -> list[TracedRelease]:
    """Returns each release with whether it was answered, and when it was undone or purged. `purged`: when copies that had left were purged.

    Of a message that was released more than once only one counts as answered: the first that stood, else the last.
    """
    by_mail: dict[int, list[Release]] = defaultdict(list)
    for row in rows:
        by_mail[row.delivery].append(row)
    return [one for delivery, some in by_mail.items() for one in of_mail(some, purged.get(delivery))]


def of_mail(some: list[Release], purged_at: datetime | None) -> Iterable[TracedRelease]:
    """The same for one message."""
    counts = some[0]
    if len(some) > 1:
        some.sort(key=lambda row: row.decided_at)
        counts = next((row for row in some if row.undone_at is None), some[-1])
    for row in some:
        back = row.undone_at or (purged_at if purged_at and purged_at > row.decided_at else None)
        answered = row.answered and row is counts
        yield TracedRelease(row.received_at, row.decided_at, row.by, row.department, back, answered, row.delivery, row.severity, row.person)


def seconds_waited(row: TracedRelease) -> float:
    """Seconds from the arrival of a message until its release."""
    return max(0.0, (row.decided_at - row.received_at).total_seconds())


def is_wanted(row: TracedRelease) -> bool:
    """Released or redirected by a person and not taken back, or answered by its reader since."""
    return row.reversed_at is None or row.answered


def waiting_times(rows: Iterable[TracedRelease]) -> Waiting:
    """Computes how long wanted messages waited for a person."""
    departments: dict[str, list[float]] = defaultdict(list)
    hours: dict[int, list[float]] = defaultdict(list)
    answered = 0
    for row in filter(is_wanted, rows):
        seconds = seconds_waited(row)
        departments[row.department].append(seconds)
        hours[row.received_at.hour].append(seconds)
        answered += row.answered
    return Waiting(
        spread_of(seconds for some in departments.values() for seconds in some),
        tuple((code, spread_of(departments[code])) for code in sorted(departments)),
        tuple(spread_of(hours[hour]) for hour in HOURS),
        answered,
    )


PLACES = {
    ("held", "done"): say("held here"),
    ("delivered", "done"): say("recalled from mailboxes"),
    ("delivered", "recalling"): say("being recalled from mailboxes"),
    ("delivered", "already gone"): say("not there any more"),
    ("delivered", "still there"): say("out of reach"),
    ("delivered", "out of reach"): say("out of reach"),
}
ON_THE_WAY, LATE = say("on the way"), say("late copies, on arrival")
GONE = frozenset({PLACES["held", "done"], PLACES["delivered", "done"], ON_THE_WAY, LATE})


def campaign_figures(rows: Iterable[Removed], late: int) -> Campaigns:
    """Computes what standing purges removed; `late`: copies that came afterwards and were purged on arrival."""
    places: Counter[str] = Counter()
    copies: dict[int, list[Removed]] = defaultdict(list)
    for row in rows:
        place = PLACES.get((row.before, row.outcome), ON_THE_WAY if row.outcome == "done" else "")
        if not place:
            continue
        places[place] += row.copies
        if row.campaign is not None and place in GONE:
            copies[row.campaign].append(row)
    if late:
        places[LATE] += late
    stopped = [stop for campaign, some in copies.items() if (stop := stopped_by(campaign, some)).copies > 1]
    stopped.sort(key=lambda one: (-one.copies, one.campaign))
    times = spread_of((one.seconds for one in stopped), 1)
    return Campaigns(tuple(stopped), times, tuple(places.most_common()), sum(number for place, number in places.items() if place in GONE))


def stopped_by(campaign: int, rows: Sequence[Removed]) -> Stopped:
    """Sums up a campaign."""
    return Stopped(campaign, sum(row.copies for row in rows), min(row.first_at for row in rows), min(row.purged_at for row in rows))


def queue_figures(samples: Mapping[datetime, int]) -> Queue:
    """Computes the figures of the queue from the samples at full hours."""
    hours: dict[int, list[int]] = defaultdict(list)
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, held in samples.items():
        hours[at.hour].append(held)
        cells[at.weekday(), at.hour].append(held)
    most_at = max(samples, key=lambda at: (samples[at], at), default=None)
    return Queue(
        looks=len(samples),
        most=samples[most_at] if most_at else 0,
        most_at=most_at,
        mean=mean_of(samples.values()),
        hours=tuple((mean_of(hours[hour]), max(hours[hour])) if hour in hours else None for hour in HOURS),
        week=tuple(tuple(mean_of(cells[weekday, hour]) for hour in HOURS) for weekday in range(7)),
    )


def mean_of(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    some = list(values)
    return sum(some) / len(some) if some else 0.0


Counts = Counter[tuple[str, str]]  # messages by rule and verdict


def added_up(some: Iterable[Counts]) -> Counts:
    """Adds counts up."""
    return sum(some, Counter())
