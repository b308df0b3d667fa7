"""Read-only: how much is held in each folder, from the cached counts, exact at every moment: what was touched since is counted again."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, true, tuple_
from sqlmodel import Session, col

from triage.store.models.counts import CachedFolder
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts, grouping
from triage.store.queue.grouping import HELD, Group

Folder = tuple[str, str]  # department, person
CACHED_ROWS = (col(CachedFolder.sender_rows), col(CachedFolder.campaign_rows))


class FolderCount(NamedTuple):
    """Number of messages held in a folder, and of its rows in the queue by sender and by campaign."""

    held: int
    by_sender: int
    by_campaign: int

    def rows(self, group: Group) -> int:
        """Number of rows that a list of this folder has."""
        return {"sender": self.by_sender, "campaign": self.by_campaign, "none": self.held}[group]


def count_held(session: Session, reach: ColumnElement[bool] | None = None) -> dict[Folder, int]:
    """Counts held deliveries by folder; `reach` as in `count_folders`."""
    return {folder: one.held for folder, one in count_folders(session, reach).items()}


def count_folders(session: Session, reach: ColumnElement[bool] | None = None) -> dict[Folder, FolderCount]:
    """Counts folders in which something is held; `reach` limits what is counted where nothing is cached (yet), or too much was touched."""
    found = cached_counts(session)
    if found is None:
        return counted_now(session, true() if reach is None else reach)
    counts, stale = found
    for folder in stale:
        counts.pop(folder, None)
    return counts | counted_now(session, tuple_(col(Delivery.department), col(Delivery.person)).in_(stale)) if stale else counts


def cached_counts(session: Session) -> tuple[dict[Folder, FolderCount], set[Folder]] | None:
    """Returns the cached counts and the folders that were touched since; None where the cache cannot be used."""
    rows = dirty_counts.since_folding(session)
    place, numbers = (col(CachedFolder.department), col(CachedFolder.person)), (col(CachedFolder.held), *CACHED_ROWS)
    counts = session.execute(select(*place, *numbers)).all()
    if rows is None or not counts:
        return None
    return {(code, uid): FolderCount(*each) for code, uid, *each in counts}, {(one.department, one.person) for one in rows}


def number_held(session: Session) -> int:
    """Counts all held deliveries, as of some seconds ago."""
    return session.scalar(select(func.coalesce(func.sum(col(CachedFolder.held)), 0))) or 0


def counted_now(session: Session, where: ColumnElement[bool]) -> dict[Folder, FolderCount]:
    """Counts folders in which something is held, from the deliveries themselves."""
    place = (col(Delivery.department), col(Delivery.person))
    rows = (func.count(grouping.item_key(group).distinct()) for group in ("sender", "campaign"))
    found = session.execute(select(*place, func.count(), *rows).where(HELD, where).group_by(*place))
    return {(code, uid): FolderCount(*each) for code, uid, *each in found}
