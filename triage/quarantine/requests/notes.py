"""Read-only: what people here have said about the mail on a page of cards: requests and reports alike."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal, select
from sqlmodel import Session, col

from triage.store.models.deliveries import Delivery
from triage.store.queue import grouping
from triage.store.queue.grouping import Group


class Notes:
    """A table whose rows are each about a delivery. `waits`: which may be open, by themselves; `is_open`: which are, joined to Delivery."""

    def __init__(self, table: Any, waits: ColumnElement[bool], is_open: ColumnElement[bool]) -> None:
        self.table, self.waits = table, waits
        self.about = col(Delivery.id) == col(table.delivery_id)
        self.there = select(Delivery).where(self.about, is_open).correlate(table)
        self.some = select(literal(1)).select_from(table).where(waits, self.there.exists()).limit(1)

    def of_cards(self, session: Session, where: ColumnElement[bool], keys: Sequence[str], group: Group) -> Sequence[Any]:
        """The open ones of these cards, the oldest first, each behind its card's key."""
        if session.scalar(self.some) is None:
            return ()
        key = grouping.card_key(group)
        name_of = select(key).where(self.about).correlate(self.table).scalar_subquery()
        shown = self.there.where(where, key.in_(keys)).exists()
        # the few notes are gone through: joined, SQLite goes through all that is held
        return session.execute(select(name_of, self.table).where(self.waits, shown).order_by(col(self.table.id))).all()
