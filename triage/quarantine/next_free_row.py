"""Work split among several people: each is given the next row that nobody else has in hand."""

from collections.abc import Collection, Set
from datetime import datetime

from sqlmodel import Session

from triage.access import scope as access
from triage.actor import Actor
from triage.quarantine import assignment, presence
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.quarantine.triage_items.item_list import TriageItem
from triage.quarantine.triage_items.row_order import EVERY_ROW, RowFilter, RowOrder
from triage.store import versions
from triage.store.queue.grouping import Group

NEXT_ROW = "in-hand"  # the marker that orders two who ask at the same moment
PAGE = 50


def next_free(
    session: Session,
    wanted: Selection,
    *,
    by: Actor,
    now: datetime,
    group: Group = "sender",
    skip: Collection[str] = (),
    order: RowOrder = "priority",
    only: RowFilter = EVERY_ROW,
) -> TriageItem | None:
    """Reserves the first row that no colleague has open and that is not assigned to another; None when there is none.

    `skip`: keys of rows that the actor has left for others.
    """
    access.may_decide(by)
    versions.advance_version(session, NEXT_ROW)
    busy = {one.delivery_id for one in presence.list_others(session, by=by, now=now) if one.delivery_id is not None}
    deciding = {one.login for one in assignment.list_candidates(session, by=by, now=now) if one.away_until is None}
    after = None
    while True:
        page = item_list.list_items(session, wanted, by=by, now=now, group=group, limit=PAGE, after=after, order=order, only=only)
        for item in page.items:
            if item.key not in skip and is_free(item, busy, deciding):
                presence.look_at(session, item.lead.id, by=by, now=now)
                return item
        if page.following is None:
            return None
        after = page.following


def is_free(item: TriageItem, busy: Set[int], deciding: Set[str]) -> bool:
    """Whether no colleague looks at it, and it is assigned to nobody who is here and decides."""
    assigned = item.lead.assigned
    return (assigned is None or assigned.to not in deciding) and busy.isdisjoint((item.lead.id, *item.ids))
