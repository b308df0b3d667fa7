"""Read-only: how much is held in each folder, from the cached counts, exact at every moment: what was touched since is counted again."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, literal, select, true, tuple_
from sqlmodel import Session, col

from triage.store.models.counts import CachedFolder
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts, grouping
from triage.store.queue.grouping import HELD, Group

Folder = tuple[str, str]  # department, person
GROUPED: tuple[Group, ...] = ("sender", "campaign")  # groups whose rows are several messages
MOST_STALE = 2_000  # folders that are counted by themselves; of more everything is counted
CACHED_ROWS = (col(CachedFolder.sender_rows), col(CachedFolder.campaign_rows))


class FolderCount(NamedTuple):
    """Number of messages held in a folder, and of its rows in the queue by sender and by campaign; 0 where nobody asked for them."""

    held: int
    by_sender: int
    by_campaign: int

    def rows(self, group: Group) -> int:
        """Number of rows that a list of this folder has."""
        return {"sender": self.by_sender, "campaign": self.by_campaign, "none": self.held}[group]


def count_held(session: Session, reach: ColumnElement[bool] | None = None) -> dict[Folder, int]:
    """Counts held deliveries by folder; `reach` as in `count_folders`."""
    return {folder: one.held for folder, one in count_folders(session, reach).items()}


def count_folders(session: Session, reach: ColumnElement[bool] | None = None, groups: Sequence[Group] = ()) -> dict[Folder, FolderCount]:
    """Counts folders in which something is held: from the cached counts, and those that were touched since from the deliveries.

    `reach` limits what is counted where nothing is cached yet, or very many folders were touched. `groups`: whose rows are counted too,
    which takes much longer than to count messages.
    """
    everything = true() if reach is None else reach
    cached = cached_counts(session)
    if not cached:
        return counted_now(session, everything, groups)
    stale = dirty_counts.touched_folders(session)
    if len(stale) > MOST_STALE:
        return counted_now(session, everything, groups)
    for folder in stale:
        cached.pop(folder, None)
    return cached | counted_now(session, in_folders(stale), groups) if stale else cached


def in_folders(some: Iterable[Folder]) -> ColumnElement[bool]:
    """SQL condition: deliveries of these folders."""
    return tuple_(col(Delivery.department), col(Delivery.person)).in_(sorted(some))


def cached_counts(session: Session) -> dict[Folder, FolderCount]:
    """Returns the counts as of the last folding; none before the first one."""
    place, numbers = (col(CachedFolder.department), col(CachedFolder.person)), (col(CachedFolder.held), *CACHED_ROWS)
    return {(code, uid): FolderCount(*each) for code, uid, *each in session.execute(select(*place, *numbers))}


def number_held(session: Session) -> int:
    """Counts all held deliveries, as of some seconds ago."""
    return session.scalar(select(func.coalesce(func.sum(col(CachedFolder.held)), 0))) or 0


def counted_now(session: Session, where: ColumnElement[bool], groups: Sequence[Group] = GROUPED) -> dict[Folder, FolderCount]:
    """Counts folders in which something is held, from the deliveries themselves; `groups` as in `count_folders`."""
    place = (col(Delivery.department), col(Delivery.person))
    rows = [func.count(grouping.item_key(group).distinct()) if group in groups else literal(0) for group in GROUPED]
    found = session.execute(select(*place, func.count(), *rows).where(HELD, where).group_by(*place))
    return {(code, uid): FolderCount(*each) for code, uid, *each in found}
