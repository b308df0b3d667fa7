"""Work split among several people: each is given the next card that nobody else has in hand."""

from collections.abc import Collection, Set
from datetime import datetime

from sqlmodel import Session

from triage import access, cards, handing, in_hand, markers
from triage.actor import Actor
from triage.cards import Card
from triage.grouping import Group
from triage.selection import Selection

IN_HAND = "in-hand"  # the marker whose row two who ask at the same moment wait for
PAGE = 50


def next_free(
    session: Session, wanted: Selection, *, by: Actor, now: datetime, group: Group = "sender", skip: Collection[str] = ()
) -> Card | None:
    """Take the first card in hand that no colleague looks at and that is not handed to another; None when there is none.

    `skip`: keys of cards that the actor has left for others.
    """
    access.may_decide(by)
    markers.advance(session, IN_HAND)
    busy = {one.delivery_id for one in in_hand.others(session, by=by, now=now) if one.delivery_id is not None}
    deciding = {one.login for one in handing.candidates(session, by=by, now=now) if one.away_until is None}
    after = None
    while True:
        page = cards.cards(session, wanted, by=by, now=now, group=group, limit=PAGE, after=after)
        for card in page.items:
            if card.key not in skip and is_free(card, busy, deciding):
                in_hand.look_at(session, card.lead.id, by=by, now=now)
                return card
        if page.following is None:
            return None
        after = page.following


def is_free(card: Card, busy: Set[int], deciding: Set[str]) -> bool:
    """Does no colleague look at it, and was it handed to none who is here and decides about mail?"""
    handed = card.lead.handed
    return (handed is None or handed.to not in deciding) and busy.isdisjoint((card.lead.id, *card.ids))
