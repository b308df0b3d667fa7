"""Work split among several people: each is given the next card that nobody else has in hand."""

from collections.abc import Collection, Set
from datetime import datetime

from sqlmodel import Session

from triage.access import scope as access
from triage.actor import Actor
from triage.quarantine import assignment, presence
from triage.quarantine.cards import card_list
from triage.quarantine.cards.card_list import Card
from triage.quarantine.cards.row_order import EVERY_ROW, RowFilter, RowOrder
from triage.quarantine.search.selection import Selection
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
) -> Card | None:
    """Reserves the first row that no colleague has open and that is not assigned to another; None when there is none.

    `skip`: keys of rows that the actor has left for others.
    """
    access.may_decide(by)
    versions.advance_version(session, NEXT_ROW)
    busy = {one.delivery_id for one in presence.list_others(session, by=by, now=now) if one.delivery_id is not None}
    deciding = {one.login for one in assignment.list_candidates(session, by=by, now=now) if one.away_until is None}
    after = None
    while True:
        page = card_list.list_cards(session, wanted, by=by, now=now, group=group, limit=PAGE, after=after, order=order, only=only)
        for card in page.items:
            if card.key not in skip and is_free(card, busy, deciding):
                presence.look_at(session, card.lead.id, by=by, now=now)
                return card
        if page.following is None:
            return None
        after = page.following


def is_free(card: Card, busy: Set[int], deciding: Set[str]) -> bool:
    """Whether no colleague looks at it, and it is assigned to nobody who is here and decides."""
    handed = card.lead.handed
    return (handed is None or handed.to not in deciding) and busy.isdisjoint((card.lead.id, *card.ids))
