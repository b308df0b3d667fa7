"""Waiting targets of departments and people: which held messages have waited longer, when one will have, and what touches their rows."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, literal, not_, or_, select
from sqlmodel import Session, col

from triage.business_hours import worked_since, worked_until
from triage.config.alert_types import HARDLY_WANTED, PERSON, code_of, people_of, target_of
from triage.config.settings import Settings
from triage.store import versions
from triage.store.db import is_among
from triage.store.models.columns import Instant
from triage.store.models.counts import CachedFolder
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts
from triage.store.queue.assistant_lane import is_in_lane
from triage.store.queue.grouping import HELD, NEVER
from triage.times import from_micros, to_micros

TARGETS = "waiting-targets"  # the marker: the targets as JSON, as the process that folds has them from its settings
REACHED = "waiting-reached"  # the marker: what came before this moment is on a row that says so, by department and folder (it+joe.fern)
FULL = col(CachedFolder.held) > 0
AT_ONCE = 200  # deliveries whose rows are touched at once


@dataclass(frozen=True, slots=True)
class Targets:
    """Minutes of working time for which a possibly wanted message may wait, by department and person; others' folders have their
    department's."""

    usual: int = 0  # 0: as long as it likes
    departments: tuple[str, ...] = ()  # others, such as "sales=30", and of people "person:joe.fern=15"
    hours: tuple[str, ...] = ()
    time_zone: str = "UTC"

    @classmethod
    def of_settings(cls, settings: Settings) -> "Targets":
        """The targets in the settings."""
        notices, coverage = settings.notices, settings.coverage
        return cls(notices.target_minutes, notices.targets, coverage.hours, coverage.time_zone)

    @classmethod
    @lru_cache(20)
    def from_json(cls, text: str) -> "Targets":
        """Reads what `known_targets` finds."""
        given: dict[str, Any] = json.loads(text) if text else asdict(cls())
        return cls(given["usual"], tuple(given["departments"]), tuple(given["hours"]), given["time_zone"])

    @property
    def has_any(self) -> bool:
        """Whether a department or a person may have one."""
        return bool(self.usual or self.departments)

    @property
    def people(self) -> frozenset[str]:
        """The uids of the people with a target of their own."""
        return people_of(self.departments)

    @property
    def owner(self) -> ColumnElement[str]:
        """SQL expression on Delivery: the person, where they have a target of their own; "" for all others."""
        return case((col(Delivery.person).in_(sorted(self.people)), col(Delivery.person)), else_="")

    @property
    def scope(self) -> ColumnElement[bool]:
        """Condition on Delivery: messages that a target is about. What is held for an assistant only has that of its person, not that of
        the department."""
        return or_(col(Delivery.person).in_(sorted(self.people)), not_(is_in_lane()))

    def before(self, department: str, now: datetime, person: str = "") -> datetime | None:
        """A message to this folder that came before this moment has waited longer than the target; None without a target."""
        target = target_of(self.departments, self.usual, department, person)
        return None if target is None else worked_since(self.hours, self.time_zone, now, target)

    def end_of(self, department: str, person: str, received_at: datetime, urgency: int) -> datetime | None:
        """When a message will have waited as long as it may; None without a target, and for one that is hardly wanted."""
        target = target_of(self.departments, self.usual, department, person) if urgency >= HARDLY_WANTED else None
        return None if target is None else worked_until(self.hours, self.time_zone, received_at, target)

    def limits(self, now: datetime) -> list[tuple[ColumnElement[bool], datetime]]:
        """People and departments with a target as conditions on Delivery, each with `before`."""
        codes = {code_of(entry) for entry in self.departments}
        named, owner, code = sorted(one for one in codes if not one.startswith(PERSON)), self.owner, col(Delivery.department)
        pairs = [(col(Delivery.person) == uid, self.before("", now, uid)) for uid in sorted(self.people)]
        pairs += [(and_(code == one, owner == ""), self.before(one, now)) for one in named]
        usual = worked_since(self.hours, self.time_zone, now, timedelta(minutes=self.usual)) if self.usual else None
        pairs.append((and_(code.not_in(named), owner == ""), usual))
        return [(where, before) for where, before in pairs if before is not None]

    def over_condition(self, now: datetime) -> ColumnElement[bool]:
        """Condition: held messages that have waited longer. No index leads to them: most of what came before was delivered long ago."""
        came, limits = func.coalesce(col(Delivery.received_at), literal(NEVER, Instant)), self.limits(now)
        late = or_(false(), *(and_(where, came < literal(before, Instant)) for where, before in limits))
        return and_(HELD, col(Delivery.urgency) + 0 >= HARDLY_WANTED, self.scope, late) if limits else false()

    def among_oldest(self, now: datetime) -> ColumnElement[bool]:
        """The same, looked for from the oldest messages that are held, by an index."""
        limits = [before for _, before in self.limits(now)]
        return and_(HELD, col(Delivery.received_at) < max(limits), self.over_condition(now)) if limits else false()


def known_targets(session: Session) -> Targets:
    """Returns the targets as the process that folds counts noted them; none before it did."""
    return Targets.from_json(versions.read_text(session, TARGETS))


def is_over(session: Session, now: datetime) -> ColumnElement[bool] | None:
    """Condition: held messages that have waited longer than their target; None where no department has one."""
    targets = known_targets(session)
    return targets.over_condition(now) if targets.has_any else None


def count_over(session: Session, targets: Targets, where: ColumnElement[bool], now: datetime, most: int) -> int:
    """Counts the messages of `where` that have waited longer than their target, up to `most`."""
    some = select(literal(1)).select_from(Delivery).where(where, targets.among_oldest(now)).limit(most).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) if targets.has_any else 0


def note_targets(session: Session, targets: Targets) -> None:
    """Saves the targets for every process."""
    versions.write_text(session, TARGETS, asdict(targets))


def is_due(session: Session, targets: Targets) -> bool:
    """Whether rows can stand elsewhere by now: there is a target, or was one when somebody looked last."""
    return bool(targets.has_any or reached_moments(session)) or known_targets(session) != targets


def reached_moments(session: Session) -> dict[str, int]:
    """Returns what came before which moment is on a row that says so, in microseconds, by department, and by folder of some people."""
    found: dict[str, int] = json.loads(versions.read_text(session, REACHED) or "{}")
    return found


def touch_waited(session: Session, targets: Targets, now: datetime) -> bool:
    """Touches the rows of messages that have waited longer than their target since somebody looked last, a slice of each department; also
    those that have not any more since the settings changed. Is there more to touch?

    A person with a target of their own goes their own way, from where the department was and, without it, until they meet again.
    """
    note_targets(session, targets)
    known, more = reached_moments(session), False
    reached = {place: moment for place, moment in known.items() if "+" not in place}
    apart = find_apart(session, targets, known)
    for code, person, folders in folders_by_target(session, apart):
        place, end = place_of(code, person), targets.before(code, now, person)
        goal, begun = to_micros(end) if end else 0, known.get(place, known.get(code, 0))
        reached[place] = touch_between(session, folders, begun, goal) if goal != begun else goal
        more = more or reached[place] != goal
    for code, person in apart:
        if person not in targets.people and reached[place_of(code, person)] == reached.get(code, 0):
            del reached[place_of(code, person)]
    versions.write_text(session, REACHED, {place: moment for place, moment in reached.items() if moment or "+" in place})
    return more


def place_of(department: str, person: str) -> str:
    """Names a folder of a person as its address does; without a person the other folders of a department."""
    return f"{department}+{person}" if person else department


def find_apart(session: Session, targets: Targets, reached: dict[str, int]) -> list[tuple[str, str]]:
    """Finds folders with held messages that are not touched with their department: their people have a target, or had one until lately."""
    rows = session.execute(select(col(CachedFolder.department), col(CachedFolder.person)).where(FULL, col(CachedFolder.person) != ""))
    return [(code, uid) for code, uid in rows if uid in targets.people or place_of(code, uid) in reached]


def folders_by_target(session: Session, apart: list[tuple[str, str]]) -> Iterator[tuple[str, str, ColumnElement[bool]]]:
    """Yields departments with held messages, each followed by its folders that are apart, as conditions on CachedFolder."""
    for code in session.scalars(select(col(CachedFolder.department)).where(FULL).distinct()).all():
        here, people = and_(FULL, col(CachedFolder.department) == code), sorted(uid for one, uid in apart if one == code)
        yield code, "", and_(here, col(CachedFolder.person).not_in(people))
        yield from ((code, uid, and_(here, col(CachedFolder.person) == uid)) for uid in people)


def touch_between(session: Session, folders: ColumnElement[bool], begun: int, goal: int) -> int:
    """Touches the rows of what came between two moments to these folders, from the first on; up to which moment it got. What came at the
    same moment is touched together."""
    came, (first, last) = col(Delivery.received_at), sorted((begun, goal))
    theirs = and_(col(Delivery.department) == col(CachedFolder.department), col(Delivery.person) == col(CachedFolder.person))
    then = and_(came >= from_micros(first), came < from_micros(last), col(Delivery.urgency) >= HARDLY_WANTED)
    rows = select(col(Delivery.id), came).select_from(CachedFolder).join(Delivery, theirs).where(folders, HELD, then)
    found = session.execute(rows.order_by(came if goal > begun else came.desc(), col(Delivery.id)).limit(AT_ONCE)).all()
    whole = len(found) < AT_ONCE
    same = [] if whole else session.execute(rows.where(came == found[-1].received_at)).all()
    dirty_counts.touch_where(session, is_among(session, col(Delivery.id), {row.id for row in (*found, *same)}))
    if whole:
        return goal
    return to_micros(found[-1].received_at) + (1 if goal > begun else 0)
