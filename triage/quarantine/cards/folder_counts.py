"""Read-only: how much is held in each folder, from the kept counts, exact at every moment: what was touched since is counted again."""

from sqlalchemy import ColumnElement, func, select, true, tuple_
from sqlmodel import Session, col

from triage.store.models.counts import KeptFolder
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import HELD

Folder = tuple[str, str]  # department, person


def count_held(session: Session, reach: ColumnElement[bool] | None = None) -> dict[Folder, int]:
    """Counts held deliveries by folder; `reach` limits what is counted where nothing is cached (yet), or too much was touched."""
    found = kept_counts(session)
    if found is None:
        return counted_now(session, true() if reach is None else reach)
    counts, stale = found
    for folder in stale:
        counts.pop(folder, None)
    return counts | counted_now(session, tuple_(col(Delivery.department), col(Delivery.person)).in_(stale)) if stale else counts


def kept_counts(session: Session) -> tuple[dict[Folder, int], set[Folder]] | None:
    """Returns the cached counts and the folders that were touched since; None where the cache cannot be used."""
    rows = dirty_counts.since_folding(session)
    counts = session.execute(select(col(KeptFolder.department), col(KeptFolder.person), col(KeptFolder.held))).all()
    if rows is None or not counts:
        return None
    return {(code, uid): number for code, uid, number in counts}, {(one.department, one.person) for one in rows}


def number_held(session: Session) -> int:
    """Counts all held deliveries, as of some seconds ago."""
    return session.scalar(select(func.coalesce(func.sum(col(KeptFolder.held)), 0))) or 0


def counted_now(session: Session, where: ColumnElement[bool]) -> dict[Folder, int]:
    """Counts held deliveries by folder, from the deliveries themselves."""
    place = (col(Delivery.department), col(Delivery.person))
    rows = session.execute(select(*place, func.count()).where(HELD, where).group_by(*place))
    return {(code, uid): number for code, uid, number in rows}
