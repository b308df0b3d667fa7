"""Keeps the counts: rows and folders with what is held, folded from what was touched. One process does it, the sealer's."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Engine, Select, and_, delete, func, insert, literal, select, true, tuple_
from sqlmodel import Session, col

from triage.access import staff_members
from triage.quarantine.search.folder_totals import Part, in_piles, item_parts, no_campaign, pile_of
from triage.quarantine.triage_items import folder_counts
from triage.quarantine.triage_items.cached_items import EVERYTHING
from triage.quarantine.triage_items.folder_views import View
from triage.quarantine.triage_items.row_order import risk_rank
from triage.store import db
from triage.store.db import is_among
from triage.store.delivery_state import State
from triage.store.models.columns import Instant
from triage.store.models.counts import CachedFolder, CachedItem, CachedTotal, CachedView, PageAnchor, Touched
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department
from triage.store.models.staff import StaffMember
from triage.store.queue import waiting_targets
from triage.store.queue.grouping import HELD, NEVER, SHOWN, Group, in_states
from triage.times import to_micros

AT_ONCE = 200  # touched rows folded in one transaction, so that nobody waits long
DROPPED_AT_ONCE = 2000  # rows of a view that nobody has deleted in one transaction
ANCHOR_EVERY = 200  # rows between two anchors
SINGLES_EVERY = 1000  # held messages between two
DUTY, LEASE = "counts", timedelta(minutes=5)
TURN = 0x636F  # who counts takes turns under this number with whoever goes on counting after their lease
GROUPED: tuple[Group, ...] = ("sender", "campaign")
STILL_HELD = and_(in_states((State.HELD,)), SHOWN)


def items_of(found: Iterable[Part], views: Sequence[tuple[int, View]], group: Group) -> Iterator[dict[str, Any]]:
    """The rows of the table that these parts make in each view."""
    for (pile, key), of_item in groupby(found, lambda part: (part.pile, part.key)):
        all_parts = list(of_item)
        for number, view in views:
            mine = [part for part in all_parts if view.covers(part.department, part.person)]
            if mine:
                yield {"view": number, "grouped": group, "pile": pile, "key": key} | added_up(key, mine)


def added_up(key: str, mine: Sequence[Part]) -> dict[str, Any]:
    """The columns of a row."""
    return {
        "pressing": min(part.pressing for part in mine),
        "calm": -max(part.urgency for part in mine),
        "age": -max(to_micros(part.newest) for part in mine),
        "time_limited_until": min(part.time_limited_until for part in mine),
        "weight": max(part.weight for part in mine),
        "severity": max(part.severity for part in mine),
        "number": sum(part.number for part in mine),
        "people": len(mine),
        "departments": len({part.department for part in mine}),
        "lead": max(part.lead for part in mine),
        "mild": -risk_rank(max(part.severity for part in mine), max(part.weight for part in mine)),
        "oldest": min(part.oldest for part in mine),
        "sender": f"{min(part.sender for part in mine)} {key}",
        "verified": all(part.verified for part in mine),
        "attachments": any(part.attachments for part in mine),
        "language": common_language(mine),
    }


def common_language(mine: Sequence[Part]) -> str:
    """Returns the language of all of a row, "" where it has several."""
    languages = {part.language for part in mine}
    return languages.pop() if len(languages) == 1 else ""


def fold_counts(session: Session, *, now: datetime) -> int:
    """Count again what was touched, a slice of it; how many rows that were. Totals follow differences: two at once would subtract twice."""
    db.take_advisory_locks(session, TURN)
    rows = session.scalars(select(Touched).order_by(col(Touched.id)).limit(AT_ONCE)).all()
    views = [(one.id, View.named(one.name)) for one in session.scalars(select(CachedView))]  # those that are being made too
    for group in GROUPED:
        piles = {pile_of(one, group) for one in rows} | find_outdated(session, group, now)
        if piles:
            count_piles(session, piles, group, views, now)
    count_folders(session, {(one.department, one.person) for one in rows})
    session.execute(delete(Touched).where(is_among(session, col(Touched.id), [one.id for one in rows])))
    return len(rows)


def find_outdated(session: Session, group: Group, now: datetime) -> set[str]:
    """Piles of which something has perished since they were counted."""
    late = select(col(CachedItem.pile)).where(expired_items(now, (group,)))
    return set(session.scalars(late.distinct().limit(AT_ONCE)))


def count_piles(session: Session, piles: set[str], group: Group, views: Sequence[tuple[int, View]], now: datetime) -> None:
    """Write the rows of these piles again, in every view, and the totals along."""
    parts = item_parts(in_piles(session, piles, group), group, now, waiting_targets.is_over(session, now))
    found = (Part(*row) for row in session.execute(parts).all())
    fresh = list(items_of(found, views, group))
    these = (col(CachedItem.grouped) == group) & col(CachedItem.pile).in_(piles) & col(CachedItem.view).in_([number for number, _ in views])
    before = select(col(CachedItem.view), func.count(), func.sum(col(CachedItem.number))).where(these).group_by(col(CachedItem.view))
    gone = session.execute(before).all()
    change: dict[int, list[int]] = {view: [-items, -int(deliveries)] for view, items, deliveries in gone}
    for one in fresh:
        total = change.setdefault(one["view"], [0, 0])
        total[0], total[1] = total[0] + 1, total[1] + one["number"]
    session.execute(delete(CachedItem).where(these))
    if fresh:
        session.execute(insert(CachedItem), fresh)
    for view, (items, deliveries) in change.items():
        if items or deliveries:
            total_of = session.get_one(CachedTotal, (view, group))
            total_of.rows, total_of.deliveries = total_of.rows + items, total_of.deliveries + deliveries
    session.flush()


def count_folders(session: Session, folders: set[tuple[str, str]]) -> None:
    """Write again how much is held in these folders."""
    if not folders:
        return
    here = tuple_(col(Delivery.department), col(Delivery.person)).in_(folders)
    counted = held_in(session, here)
    session.execute(delete(CachedFolder).where(tuple_(col(CachedFolder.department), col(CachedFolder.person)).in_(folders)))
    if counted:
        session.execute(insert(CachedFolder), counted)


def held_in(session: Session, where: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Counts held deliveries of the folders that `where` names, as rows of a table."""
    counted = folder_counts.counted_now(session, where)
    names = ("held", "sender_rows", "campaign_rows")
    return [{"department": code, "person": uid} | dict(zip(names, numbers, strict=True)) for (code, uid), numbers in counted.items()]


def wanted_views(session: Session, now: datetime) -> set[View]:
    """The views that somebody has: of each member of staff and each token, and each department within it."""
    logins = session.scalars(select(col(StaffMember.login)).where(col(StaffMember.active))).all()
    actors = [actor for login in logins if (actor := staff_members.find_staff_actor(session, login, now))]
    codes = session.scalars(select(col(Department.code))).all()
    found = {View.of(session, actor) for actor in actors}
    for actor in actors:
        mine = codes if actor.scope.company else [code for code in codes if code in actor.scope.departments]
        found |= {View.of(session, actor, code) for code in mine}
    return found


def build_views(engine: Engine, *, now: datetime) -> int:
    """Make the views that somebody has and that are not there, whole; how many. Who has others waiting takes it slice by slice."""
    begun = begin_views(engine, now=now)
    while go_on(engine, now=now):
        pass
    return begun


def begin_views(engine: Engine, *, now: datetime) -> int:
    """Begin the views that somebody has and that are not there, and drop those that nobody has; how many were begun.

    Only the process that folds may call this. What is touched from now on is folded into them too.
    """
    with db.read_transaction(engine) as session:
        names = {view.name for view in wanted_views(session, now)}
        there = set(session.scalars(select(col(CachedView.name))))
        folders = session.scalar(select(func.count()).select_from(CachedFolder)) or 0
        held = held_in(session, true()) if not folders else []
    for name in there - names:
        drop_view(engine, name)
    if names - there:
        with db.transaction(engine) as session:
            for name in sorted(names - there):
                view = CachedView(name=name)
                session.add_all([view, *(CachedTotal(view=view.id, grouped=group) for group in GROUPED)])
    if held:
        with db.transaction(engine) as session:
            session.execute(insert(CachedFolder), held)
    return len(names - there)


def go_on(engine: Engine, *, now: datetime) -> bool:
    """Writes the next rows of the views that are being made, in a transaction of its own; returns whether there is more to do.

    Pile after pile, so that whoever comes after a crash goes on where it was.
    """
    with db.transaction(engine) as session:
        db.take_advisory_locks(session, TURN)
        making = session.scalars(
            select(CachedView).where(col(CachedView.ready).is_(False)).order_by(col(CachedView.stage), col(CachedView.id))
        ).all()
        if not making:
            return False
        stage, reached = making[0].stage, making[0].reached
        together = [one for one in making if (one.stage, one.reached) == (stage, reached)]
        group, next_piles = STAGES[stage]
        piles = next_piles(session, reached)
        if piles:
            count_piles(session, set(piles), group, [(one.id, View.named(one.name)) for one in together], now)
        for one in together:
            one.stage, one.reached = (stage, piles[-1]) if piles else (stage + 1, "")
            one.ready = one.stage == len(STAGES)
        return True


def walk_senders(session: Session, reached: str, where: ColumnElement[bool] = STILL_HELD) -> list[str]:
    """The next piles of mail of one author, walked along the index of authors."""
    author = col(Delivery.author)
    rows = select(author).where(where, author > reached).distinct().order_by(author).limit(AT_ONCE)
    return list(session.scalars(rows))


def walk_unreadable(session: Session, reached: str, where: ColumnElement[bool] = HELD) -> list[str]:
    """The next messages whose author nobody can read."""
    after = int(reached[1:] or 0)
    rows = select(col(Delivery.id)).where(where, col(Delivery.author) == "", col(Delivery.id) > after).order_by(col(Delivery.id))
    return [f"#{one}" for one in session.scalars(rows.limit(AT_ONCE))]


def walk_campaigns(session: Session, reached: str) -> list[str]:
    """The next campaigns."""
    campaign = col(Delivery.campaign_id)
    rows = select(campaign).where(HELD, campaign > int(reached or 0)).distinct().order_by(campaign).limit(AT_ONCE)
    return [str(one) for one in session.scalars(rows)]


STAGES: tuple[tuple[Group, Callable[[Session, str], list[str]]], ...] = (
    ("sender", walk_senders),
    ("sender", walk_unreadable),
    ("campaign", walk_campaigns),
    ("campaign", partial(walk_senders, where=and_(STILL_HELD, no_campaign()))),
    ("campaign", partial(walk_unreadable, where=and_(HELD, col(Delivery.campaign_id).is_(None)))),
)


def expired_items(now: datetime, groups: Iterable[Group]) -> ColumnElement[bool]:
    """The rows of which something has perished since they were counted; found by an index of each view."""
    views = col(CachedItem.view).in_(select(col(CachedView.id)))
    return and_(views, col(CachedItem.grouped).in_(list(groups)), col(CachedItem.time_limited_until) <= now)


def is_due(session: Session, now: datetime) -> bool:
    """Whether there is anything to count again, or a view to go on with."""
    unready = select(literal(1)).select_from(CachedView).where(col(CachedView.ready).is_(False)).limit(1)
    some = select(literal(1)).select_from(Touched).limit(1)
    late = select(literal(1)).select_from(CachedItem).where(expired_items(now, GROUPED)).limit(1)
    return any(session.scalar(one) is not None for one in (some, late, unready))


def drop_view(engine: Engine, name: str) -> None:
    """Forget a view, its rows in slices."""
    with db.transaction(engine) as session:
        number = session.scalars(select(col(CachedView.id)).where(col(CachedView.name) == name)).one()
        session.execute(delete(CachedView).where(col(CachedView.id) == number))
        session.execute(delete(CachedTotal).where(col(CachedTotal.view) == number))
        session.execute(delete(PageAnchor).where(col(PageAnchor.view) == number))
    more = True
    while more:
        with db.transaction(engine) as session:
            some = select(col(CachedItem.grouped), col(CachedItem.pile), col(CachedItem.key)).where(col(CachedItem.view) == number)
            slice_of = session.execute(some.limit(DROPPED_AT_ONCE)).all()
            columns = tuple_(col(CachedItem.grouped), col(CachedItem.pile), col(CachedItem.key))
            if slice_of:
                session.execute(delete(CachedItem).where(col(CachedItem.view) == number, columns.in_(slice_of)))
            more = bool(slice_of)


def note_anchors(engine: Engine) -> None:
    """Note where every so many rows of each long view begin."""
    with db.read_transaction(engine) as session:
        long = session.execute(select(col(CachedTotal.view), col(CachedTotal.grouped)).where(col(CachedTotal.rows) > ANCHOR_EVERY)).all()
        found = {(view, group): list(session.execute(anchors_of(view, group)).mappings()) for view, group in long}
    for (view, group), rows in found.items():
        with db.transaction(engine) as session:
            session.execute(delete(PageAnchor).where(col(PageAnchor.view) == view, col(PageAnchor.grouped) == group))
            session.execute(insert(PageAnchor), [dict(row) | {"view": view, "grouped": group} for row in rows])
    anchor_everything(engine)


def anchor_everything(engine: Engine) -> None:
    """Note where every so many of all held messages stand in the order of a list in which each is a row."""
    place = (col(Delivery.urgency), col(Delivery.received_at), col(Delivery.id))
    rows: list[dict[str, Any]] = []
    with db.read_transaction(engine) as session:
        following = select(*place).where(col(Delivery.state) == State.HELD).order_by(*(column.desc() for column in place)).limit(1)
        found = session.execute(following.offset(SINGLES_EVERY)).first()
        while found:
            urgency, newest, one = found
            standing = {"pressing": NEVER, "calm": -urgency, "age": -to_micros(newest), "key": f"#{one}"}
            rows.append({"view": EVERYTHING, "grouped": "none", "position": SINGLES_EVERY * (len(rows) + 1)} | standing)
            there = tuple_(literal(urgency), literal(newest, Instant), literal(one, BigInteger))
            found = session.execute(following.where(tuple_(*place) <= there).offset(SINGLES_EVERY)).first()
    with db.transaction(engine) as session:
        session.execute(delete(PageAnchor).where(col(PageAnchor.view) == EVERYTHING))
        db.insert_all(session, PageAnchor, rows)


def anchors_of(view: int, group: str) -> Select[Any]:
    """Selects every ANCHOR_EVERY-th row of a view."""
    order = (col(CachedItem.pressing), col(CachedItem.calm), col(CachedItem.age), col(CachedItem.key))
    position = (func.row_number().over(order_by=order) - 1).label("position")
    numbered = select(position, *order).where(col(CachedItem.view) == view, col(CachedItem.grouped) == group).subquery()
    return select(numbered).where(numbered.c.position % ANCHOR_EVERY == 0)
