"""Computes the numbers of reports about staff: work, mistakes, hours saved. Pure.

Times are those that clocks of the company show.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from triage.reports.mail_metrics import FEW, HOURS, Counts, Spread, TracedRelease, spread_of

RELEASE_VERBS = frozenset({"release", "redirect"})
REMOVAL_VERBS = frozenset({"purge", "reject"})
DECIDING_VERBS = RELEASE_VERBS | REMOVAL_VERBS  # what decides a row


class Act(NamedTuple):
    """A decision, and how much of what it did is in the asker's scope."""

    at: datetime
    by: str
    shown: str
    verb: str
    undone_at: datetime | None
    keys: int | None
    milliseconds: int | None
    held: int  # messages that were held until it changed them
    others: int  # copies that had left already


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Rules of privacy about staff: which of their numbers may be shown, and to whom."""

    staff: str = "totals"  # none, totals, people
    fewest: int = 3  # people that a total is made of
    only: str = ""  # whose own numbers alone may be told (person:ana); "": everybody's

    def has_totals(self, people: int) -> bool:
        """Whether totals of so many people may be shown."""
        return self.staff == "people" or people >= self.fewest

    def tells(self, by: str) -> bool:
        """Whether this person's numbers may be shown."""
        return self.staff == "people" and self.only in ("", by)


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of decisions, by one person or all of them."""

    shown: str
    rows: int
    hours: int  # in which there was a decision; of several people each counts
    seconds: Spread
    keys: Spread
    undone: int
    released: int = 0  # messages
    wrong: int = 0  # of these

    @property
    def rows_an_hour(self) -> float:
        """Rows an hour, in the hours in which one was decided."""
        return self.rows / self.hours if self.hours else 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """Rows decided. `total` and `hours` are None where they would be about too few people."""

    rows: int
    by_programs: int  # of them
    people: int
    total: Pace | None
    hours: tuple[int, ...] | None
    persons: tuple[Pace, ...]


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Decisions that were taken back, and mail that should not have been released."""

    people: int
    rows: int
    undone: int
    in_time: int  # of these: before anything had left
    verbs: tuple[tuple[str, int, int], ...]  # rows, undone
    released: int
    wrong: int
    persons: tuple[Pace, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """Hours that employees did not spend on mail, less those that staff spent on rows."""

    blocked: int  # removed on arrival by a rule; never part of the hours
    by_staff: int  # copies that staff removed: held ones, and those taken out of mailboxes
    employee_seconds: float
    rows: int
    seconds_per_row: float
    measured: bool  # or assumed

    @property
    def gross(self) -> float:
        """Hours that employees did not spend."""
        return self.by_staff * self.employee_seconds / 3600

    @property
    def spent(self) -> float:
        """Hours that staff spent."""
        return self.rows * self.seconds_per_row / 3600

    @property
    def hours(self) -> float:
        """Hours that employees saved, less the hours that staff spent."""
        return self.gross - self.spent


def rows_of(acts: Iterable[Act]) -> list[Act]:
    """Returns those acts that decided a row."""
    return [act for act in acts if act.verb in DECIDING_VERBS and act.held]


def is_person(act: Act) -> bool:
    """Whether a person decided, in the console, and no program or shell."""
    return act.by.startswith("person:")


def work_figures(acts: Iterable[Act], disclosure: Disclosure) -> Work:
    """Computes the work of staff: how many rows were decided, when, and how fast."""
    rows = rows_of(acts)
    human = [act for act in rows if is_person(act)]
    people = len({act.by for act in human})
    told = disclosure.has_totals(people)
    by_hour = Counter(act.at.hour for act in human)
    persons = by_person(human, (), disclosure, timedelta())
    return Work(
        rows=len(rows),
        by_programs=len(rows) - len(human),
        people=people,
        total=pace_figures("", human, disclosure) if told and human else None,
        hours=tuple(by_hour[hour] for hour in HOURS) if told else None,
        persons=tuple(sorted(persons, key=lambda one: -one.rows)),
    )


def by_person(acts: Sequence[Act], releases: Sequence[TracedRelease], disclosure: Disclosure, leaves: timedelta) -> list[Pace]:
    """The numbers of each one whose numbers may be told."""
    theirs: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        theirs[act.by].append(act)
    released: dict[str, list[TracedRelease]] = defaultdict(list)
    for row in releases:
        released[row.by].append(row)
    return [
        pace_figures(some[-1].shown, some, disclosure, released[by], leaves) for by, some in sorted(theirs.items()) if disclosure.tells(by)
    ]


def pace_figures(
    shown: str, acts: Sequence[Act], disclosure: Disclosure, releases: Sequence[TracedRelease] = (), leaves: timedelta = timedelta()
) -> Pace:
    """Computes the pace at which these rows were decided."""
    few = FEW if disclosure.staff == "people" else max(FEW, disclosure.fewest)
    measured = [act for act in acts if act.milliseconds is not None and act.keys is not None]
    return Pace(
        shown=shown,
        rows=len(acts),
        hours=len({(act.by, act.at.date(), act.at.hour) for act in acts}),
        seconds=spread_of(((act.milliseconds or 0) / 1000 for act in measured), few),
        keys=spread_of((act.keys or 0 for act in measured), few),
        undone=sum(act.undone_at is not None for act in acts),
        released=len(releases),
        wrong=sum(was_wrong(row, leaves) for row in releases),
    )


def was_wrong(row: TracedRelease, leaves: timedelta) -> bool:
    """Whether it was taken back after it had left."""
    return row.reversed_at is not None and row.reversed_at - row.decided_at > leaves


def mistake_figures(acts: Iterable[Act], releases: Sequence[TracedRelease], disclosure: Disclosure, leaves: timedelta) -> Mistakes | None:
    """Computes the decisions that were undone. None where it would be about too few people. `leaves`: how long a release waits before it
    leaves.
    """
    rows = [act for act in rows_of(acts) if is_person(act)]
    people = len({act.by for act in rows})
    if not disclosure.has_totals(people):
        return None
    human = [row for row in releases if row.by.startswith("person:")]
    undone = [act for act in rows if act.undone_at is not None]
    made, back = Counter(act.verb for act in rows), Counter(act.verb for act in undone)
    return Mistakes(
        people=people,
        rows=len(rows),
        undone=len(undone),
        in_time=sum(act.undone_at is not None and act.undone_at - act.at <= leaves for act in undone),
        verbs=tuple((verb, number, back[verb]) for verb, number in sorted(made.items(), key=lambda one: (-one[1], one[0]))),
        released=len(human),
        wrong=sum(was_wrong(row, leaves) for row in human),
        persons=tuple(by_person(rows, human, disclosure, leaves)),
    )


def decided_by_day(acts: Iterable[Act]) -> tuple[Counter[date], Counter[date]]:
    """Counts held messages that standing decisions released on each day, and those that they removed or rejected."""
    released: Counter[date] = Counter()
    removed: Counter[date] = Counter()
    for act in acts:
        counted = released if act.verb in RELEASE_VERBS else removed if act.verb in REMOVAL_VERBS else None
        if counted is not None and act.undone_at is None:
            counted[act.at.date()] += act.held
    return released, removed


def saved_hours(arrived: Counts, acts: Iterable[Act], recalled: int, found: Work, employee_seconds: float, staff_seconds: float) -> Saved:
    """Hours saved: copies that staff removed times `employee_seconds`, less rows decided times the median seconds of a row.

    Copies are held messages that standing decisions removed or rejected, and `recalled` ones, taken out of mailboxes.
    """
    median = found.total.seconds.p50 if found.total else None
    return Saved(
        blocked=sum(number for (_, verdict), number in arrived.items() if verdict == "purge"),
        by_staff=recalled + sum(act.held for act in acts if act.verb in REMOVAL_VERBS and act.undone_at is None),
        employee_seconds=employee_seconds,
        rows=found.rows,
        seconds_per_row=staff_seconds if median is None else median,
        measured=median is not None,
    )
