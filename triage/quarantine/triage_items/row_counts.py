"""Read-only: how many rows the queue has in each folder, so that the navigation says what a person finds there."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, case, func, literal, not_, select
from sqlmodel import Session, col

from triage.access import confidential_folders, scope as access
from triage.actor import Actor
from triage.quarantine.search.folder_totals import in_piles, pile_of
from triage.quarantine.teamwork import snoozes
from triage.quarantine.triage_items.folder_counts import Folder, FolderCount
from triage.quarantine.triage_items.folder_views import View
from triage.store import db
from triage.store.models.columns import Instant
from triage.store.models.counts import CachedItem, CachedTotal, CachedView
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts, grouping, sections, waiting_targets
from triage.store.queue.assistant_lane import HELD_FOR_ASSISTANT, has_lane
from triage.store.queue.grouping import HELD, Group
from triage.store.queue.sections import Section

COMPANY = ""  # in the place of a department: all that the actor may see


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of the queue: in all, of departments, and of the folders of people and departments by themselves."""

    departments: Counter[str] = field(default_factory=Counter)  # COMPANY: the whole queue
    folders: Counter[Folder] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Rows of the whole queue: one that spans two departments counts once."""
        return self.departments[COMPANY]


class Portion(NamedTuple):
    """Held messages of one row in one folder, and how many of them the actor has snoozed."""

    key: str
    department: str
    person: str
    number: int
    snoozed: int


def count_rows(
    session: Session, codes: Collection[str], folders: Mapping[Folder, FolderCount], *, by: Actor, group: Group, now: datetime
) -> RowCounts:
    """Counts the rows that the actor finds in the queue, in these departments and in each folder, without those they have snoozed.

    `folders`: `folder_counts.count_folders` for this group.
    """
    closed = confidential_folders.closed_folders(session, by)
    views = {code: View.within(by.scope, closed, code) for code in (COMPANY, *codes)}
    mine = list(snoozes.snoozed_messages(session, by=by, now=now))
    seen = Counter({folder: one.rows(group) for folder, one in folders.items() if views[COMPANY].covers(*folder)})
    if group == "none":
        return single_rows(session, seen, mine)
    return cached_rows(session, views, seen, group, mine) or added_up(portions(session, access.visible_deliveries(by), group, mine))


def count_lane(session: Session, *, by: Actor, group: Group, now: datetime) -> RowCounts:
    """Counts the rows of the queue's last section, of known senders' messages that are held for an assistant, without those snoozed."""
    if not has_lane(session):
        return RowCounts()
    visible, key = access.visible_deliveries(by), grouping.item_key(group)
    piles = set(session.scalars(select(grouping.pile_key(group)).where(HELD_FOR_ASSISTANT, visible).distinct()))
    mine = db.is_among(session, col(Delivery.id), list(snoozes.snoozed_messages(session, by=by, now=now)))
    beside = HELD_FOR_ASSISTANT if group == "none" else in_piles(session, piles, group)
    first = func.min(sections.section_order(now, waiting_targets.is_over(session, now)), type_=Instant)
    place = (col(Delivery.department), col(Delivery.person))
    rows = select(key, *place, first).where(HELD, visible, beside, not_(mine)).group_by(key, *place)
    return lane_rows(session.execute(rows).all())


def lane_rows(found: Iterable[Row[str, str, str, datetime]]) -> RowCounts:
    """The rows that are in the last section by the first of their messages in the company, in a department and in a folder."""
    of_view: dict[str | Folder, dict[str, datetime]] = defaultdict(dict)
    for key, code, uid, first in found:
        for view in (COMPANY, code, (code, uid)):
            of_view[view][key] = min(first, of_view[view].get(key, first))
    beginning = sections.BEGINNINGS[Section.KNOWN]
    counted = {view: sum(first >= beginning for first in rows.values()) for view, rows in of_view.items()}
    departments = Counter({view: number for view, number in counted.items() if isinstance(view, str)})
    return RowCounts(departments, Counter({view: number for view, number in counted.items() if not isinstance(view, str)}))


def single_rows(session: Session, folders: Counter[Folder], mine: list[int]) -> RowCounts:
    """The same where each message is a row."""
    if mine:
        place = (col(Delivery.department), col(Delivery.person))
        asleep = session.execute(select(*place).where(HELD, db.is_among(session, col(Delivery.id), mine)))
        folders.subtract((code, uid) for code, uid in asleep)
    departments = Counter({COMPANY: folders.total()})
    for (code, _), number in folders.items():
        departments[code] += number
    return RowCounts(departments, folders)


def cached_rows(session: Session, views: dict[str, View], folders: Counter[Folder], group: Group, mine: list[int]) -> RowCounts | None:
    """The same from the cached counts, with what was touched or snoozed counted now; None where a view is not cached (yet)."""
    ready = select(col(CachedView.name), col(CachedView.id)).where(col(CachedView.name).in_([one.name for one in views.values()]))
    numbers = dict(session.execute(ready.where(col(CachedView.ready))).all())
    touched = dirty_counts.touched_sources(session)
    if touched is None or any(view.name not in numbers for view in views.values()):
        return None
    found = RowCounts(folders=folders)
    codes_of = defaultdict(list)
    for code, view in views.items():
        codes_of[numbers[view.name]].append(code)
    totals = select(col(CachedTotal.view), col(CachedTotal.rows)).where(
        col(CachedTotal.view).in_(codes_of), col(CachedTotal.grouped) == group
    )
    add_views(found, session.execute(totals).all(), codes_of, 1)
    again = {pile_of(one, group) for one in touched}
    if mine:
        again |= set(session.scalars(select(grouping.pile_key(group)).where(HELD, db.is_among(session, col(Delivery.id), mine))))
    if again:
        stale = col(CachedItem.view).in_(codes_of) & (col(CachedItem.grouped) == group) & col(CachedItem.pile).in_(again)
        gone = select(col(CachedItem.view), func.count()).where(stale).group_by(col(CachedItem.view))
        add_views(found, session.execute(gone).all(), codes_of, -1)
        seen = [one for one in portions(session, in_piles(session, again, group), group, mine) if views[COMPANY].covers(*one[1:3])]
        found.departments.update(added_up(seen).departments)
        found.folders.subtract((one.department, one.person) for one in seen if one.number == one.snoozed)
    return found


def add_views(found: RowCounts, rows: Iterable[Row[int, int]], codes_of: dict[int, list[str]], sign: int) -> None:
    """Adds numbers of rows of views to the departments that they show."""
    for view, number in rows:
        for code in codes_of[view]:
            found.departments[code] += sign * number


def portions(session: Session, where: ColumnElement[bool], group: Group, mine: list[int]) -> list[Portion]:
    """The held messages that `where` names by row and folder, counted now."""
    snoozed = case((db.is_among(session, col(Delivery.id), mine), literal(1)), else_=literal(0)) if mine else literal(0)
    place = (grouping.item_key(group).label("key"), col(Delivery.department), col(Delivery.person))
    rows = select(*place, func.count(), func.sum(snoozed)).where(HELD, where).group_by(*place)
    return [Portion(key, code, uid, number, int(asleep)) for key, code, uid, number, asleep in session.execute(rows)]


def added_up(found: Iterable[Portion]) -> RowCounts:
    """The rows that are not snoozed whole, of the company, of departments and of folders."""
    of_view: dict[str, Counter[str]] = defaultdict(Counter)  # deliveries of each row that are not snoozed
    folders = Counter[Folder]()
    for one in found:
        awake = one.number - one.snoozed
        for code in (COMPANY, one.department):
            of_view[code][one.key] += awake
        folders[one.department, one.person] += awake > 0
    return RowCounts(Counter({code: sum(1 for number in rows.values() if number) for code, rows in of_view.items()}), folders)
