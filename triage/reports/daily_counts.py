"""Daily counts for reports: deliveries of each finished day, and held messages at each full hour."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, select, update
from sqlmodel import Session, col

from triage.access import scope as access
from triage.actor import Actor
from triage.ids import first_id_at, made_at
from triage.store import db, versions
from triage.store.models.columns import Instant
from triage.store.models.counts import Arrived, CachedFolder, QueueSample
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.times import from_micros, to_micros

DAYS, HOURS = "arrived", "queue-sample"  # markers: counted until then, in which time zone; sampled last
SETTLES = timedelta(hours=1)  # after which nothing is entered any more with an id of that day
LATE = timedelta(minutes=10)  # after the hour, when its sample would be untrue
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """Day of the company's clocks, or the part of it that is asked for."""

    since: datetime
    until: datetime


def period_days(since: datetime, until: datetime, zone: str) -> Iterator[Day]:
    """The days that a period consists of; the first and the last one may be parts."""
    here = ZoneInfo(zone)
    while since < until:
        midnight = datetime.combine(since.astimezone(here).date() + timedelta(days=1), time.min, here)
        end = min(until, midnight.astimezone(UTC))
        yield Day(since, end)
        since = end


def next_day(session: Session, zone: str, now: datetime) -> Day | None:
    """The first day that is over and not counted yet. In another time zone all of them are counted again."""
    since = counted_until(session, zone) or first_day(session, zone)
    if since is None:
        return None
    day = next(period_days(since, since + timedelta(days=2), zone))
    return day if day.until + SETTLES <= now else None


def counted_until(session: Session, zone: str) -> datetime | None:
    """Up to when the days are counted as clocks of this zone show them."""
    marker = session.get(Marker, DAYS, populate_existing=True)
    return from_micros(marker.number) if marker and marker.text == zone else None


def first_day(session: Session, zone: str) -> datetime | None:
    """Returns the beginning of the day on which the first message came; None when none has come."""
    first = session.scalar(select(func.min(col(Delivery.id))))
    if first is None:
        return None
    local = made_at(first).astimezone(ZoneInfo(zone))
    return datetime.combine(local.date(), time.min, local.tzinfo).astimezone(UTC)


def count_day(session: Session, day: Day) -> list[dict[str, object]]:
    """The rows of a day."""
    columns = (col(Delivery.department), col(Delivery.person), col(Delivery.rule), col(Delivery.verdict))
    rows = session.execute(select(*columns, func.count()).where(came_in(session, day)).group_by(*columns))
    names = ("department", "person", "rule", "verdict", "count")
    return [dict(zip(names, row, strict=True)) | {"since": day.since, "until": day.until} for row in rows]


def came_in(session: Session, day: Day) -> ColumnElement[bool]:
    """Mail that was entered then. The copies of a group's members came in as one; employees' own mail and bounces are none."""
    entered = and_(col(Delivery.id) >= first_id_at(day.since), col(Delivery.id) < first_id_at(day.until))
    return and_(entered, db.correlate_condition(session, and_(col(Delivery.direction) == "in", col(Delivery.parent_id).is_(None))))


def has_strayed(session: Session, now: datetime) -> bool:
    """Whether something was kept of days or hours that are still to come, while a clock was ahead."""
    return any(versions.read_version(session, name) > to_micros(now + SETTLES) for name in (DAYS, HOURS))


def set_right(session: Session, zone: str, now: datetime) -> None:
    """Forget what was kept of days and hours that are not over: they are counted when they are."""
    local = now.astimezone(ZoneInfo(zone))
    today = datetime.combine(local.date(), time.min, local.tzinfo).astimezone(UTC)
    for name, begun in ((DAYS, today), (HOURS, now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1))):
        late = (col(Marker.name) == name, col(Marker.number) > to_micros(now))
        session.execute(update(Marker).where(*late).values(number=to_micros(begun)))
    session.execute(delete(Arrived).where(col(Arrived.since) >= today))
    session.execute(delete(QueueSample).where(col(QueueSample.at) > now))


def record_day(session: Session, day: Day, rows: list[dict[str, object]], zone: str) -> None:
    """Write down a day that was counted, unless somebody else was faster."""
    db.insert_if_missing(session, Marker, name=DAYS, number=0, text="")
    marker = session.get_one(Marker, DAYS, with_for_update=True, populate_existing=True)
    if marker.text != zone:
        session.execute(delete(Arrived))
    elif marker.number != to_micros(day.since):
        return
    if rows:
        session.execute(insert(Arrived), rows)
    marker.number, marker.text = to_micros(day.until), zone


def sample_held(session: Session, now: datetime) -> bool:
    """Write down how much is held in each folder at this full hour, from the cached counts; False where that was done, or is too late."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    db.insert_if_missing(session, Marker, name=HOURS, number=0, text="")
    marker = session.get_one(Marker, HOURS, with_for_update=True, populate_existing=True)
    if marker.number >= to_micros(hour) or now - hour > LATE:
        return False
    marker.number = to_micros(hour)
    elsewhere = (col(CachedFolder.department) != "") | (col(CachedFolder.person) != "")
    nobodys = session.get(CachedFolder, ("", ""))
    session.execute(insert(QueueSample).values(at=hour, department="", person="", held=nobodys.held if nobodys else 0))  # there always
    held = select(literal(hour, Instant), col(CachedFolder.department), col(CachedFolder.person), col(CachedFolder.held))
    names = ["at", "department", "person", "held"]
    session.execute(insert(QueueSample).from_select(names, held.where(col(CachedFolder.held) > 0, elsewhere)))
    return True


def is_due(session: Session, now: datetime) -> bool:
    """Whether there is a sample to take."""
    marker = session.get(Marker, HOURS)
    hour = now.replace(minute=0, second=0, microsecond=0)
    return now - hour <= LATE and (marker is None or marker.number < to_micros(hour))


def forget_days(session: Session, oldest: datetime) -> None:
    """Deletes counts that no report reaches any more, those that begin at `oldest` included: of one day at a time, so that nobody waits
    long.
    """
    for table, moment, end in ((Arrived, col(Arrived.since), oldest - 2 * DAY), (QueueSample, col(QueueSample.at), oldest)):
        first = session.scalar(select(func.min(moment)))
        if first is not None:
            session.execute(delete(table).where(moment < min(end, first + DAY)))


Arrivals = dict[Day, Counter[tuple[str, str]]]  # of each day: two columns
RULES, DEPARTMENTS = ("rule", "verdict"), ("department", "verdict")


def count_arrivals(session: Session, some: Iterable[Day], *, by: Actor, zone: str, columns: tuple[str, str] = RULES) -> Arrivals:
    """Counts messages that came in on these days in the actor's scope, by two columns: from the saved counts for whole days that are over,
    from the deliveries for the others.
    """
    some = list(some)
    found: Arrivals = {day: Counter() for day in some}
    until = counted_until(session, zone)
    if until and some:
        kept = and_(col(Arrived.since) >= some[0].since, col(Arrived.until) <= some[-1].until, access.within_scope(by, Arrived))
        what = (col(Arrived.since), *(col(getattr(Arrived, name)) for name in columns))
        by_start = {day.since: day for day in some}
        for since, one, other, number in session.execute(select(*what, func.sum(col(Arrived.count))).where(kept).group_by(*what)):
            found[by_start[since]][one, other] += int(number)
    for day in some:
        if until is None or day.until > until or not is_whole(day, zone):
            found[day] = counted_now(session, day, by, columns)
    return found


def is_whole(day: Day, zone: str) -> bool:
    """Whether it is a day from midnight to midnight."""
    return all(moment.astimezone(ZoneInfo(zone)).time() == time.min for moment in (day.since, day.until))


def counted_now(session: Session, day: Day, by: Actor, names: tuple[str, str]) -> Counter[tuple[str, str]]:
    """Counts messages that came in on a day without saved counts."""
    columns = [col(getattr(Delivery, name)) for name in names]
    where = and_(came_in(session, day), db.correlate_condition(session, access.within_scope(by)))
    return Counter(
        {(one, other): number for one, other, number in session.execute(select(*columns, func.count()).where(where).group_by(*columns))}
    )


def list_samples(session: Session, since: datetime, until: datetime, *, by: Actor) -> dict[datetime, int]:
    """Returns the number of held messages in the actor's scope at each full hour with a sample."""
    then = and_(col(QueueSample.at) >= since, col(QueueSample.at) < until)
    looked_at = session.scalars(select(col(QueueSample.at)).where(then, col(QueueSample.department) == "", col(QueueSample.person) == ""))
    held = (
        select(col(QueueSample.at), func.sum(col(QueueSample.held)))
        .where(then, access.within_scope(by, QueueSample))
        .group_by(col(QueueSample.at))
    )
    return dict.fromkeys(looked_at, 0) | {at: int(number) for at, number in session.execute(held)}
