"""Read-only: how many rows of the queue each value of the filter shows."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from triage.actor import Actor
from triage.message.signals.severity import Severity
from triage.quarantine.search.folder_totals import in_piles
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import cached_items, computed_items, item_list
from triage.quarantine.triage_items.item_list import OF_DELIVERY, Question
from triage.quarantine.triage_items.row_order import EVERY_ROW, UNKNOWN, RowColumns, RowFilter, Traits
from triage.store.models.deliveries import Delivery
from triage.store.queue.grouping import Group

NAMES = {"severities": "severity", "verified": "verified", "attachments": "attachments", "languages": "language"}  # as clients call them


@dataclass(frozen=True, slots=True)
class Facet:
    """A value that rows have, and how many do."""

    name: str  # of NAMES
    value: str
    rows: int


def list_facets(
    session: Session, wanted: Selection, *, by: Actor, now: datetime, group: Group, only: RowFilter, snoozed: bool = False
) -> tuple[Facet, ...]:
    """The values of each part of the filter, the commonest first, with the rows that have them and that its other parts show."""
    counted = count_traits(session, item_list.asked_for(session, wanted, by, group, now, snoozed=snoozed))
    found: list[Facet] = []
    for part, name in NAMES.items():
        others, numbers = replace(only, **{part: getattr(EVERY_ROW, part)}), Counter[str]()
        for traits, rows in counted.items():
            if others.matches(traits):
                numbers[value_of(name, traits)] += rows
        found += [Facet(name, value, rows) for value, rows in numbers.most_common()]
    return tuple(found)


def value_of(name: str, traits: Traits) -> str:
    """The value of a facet as clients read it."""
    value = getattr(traits, name)
    if isinstance(value, Severity):
        return value.word
    return str(value).lower() if isinstance(value, bool) else value or UNKNOWN


def count_traits(session: Session, question: Question) -> Counter[Traits]:
    """Counts the rows of a question by all that a filter asks of them: from the cached counts, with what was touched since counted."""
    found = Counter[Traits]()
    for rows in counting(session, question):
        for severity, verified, attachments, language, number in session.execute(rows[0], rows[1]):
            found[Traits(Severity(severity), bool(verified), bool(attachments), language)] += number
    return found


def counting(session: Session, question: Question) -> list[tuple[Select[Any], dict[str, Any]]]:
    """The queries that count together, with their parameters."""
    if question.group == "none":
        return [(by_traits(OF_DELIVERY).select_from(Delivery).where(question.where, question.listed), {})]
    kept = question.kept
    if kept is None:
        return [(computed(question, question.where), {})]
    rows = by_traits(cached_items.FILTERED).where(cached_items.HOLDING)
    fresh = and_(question.of_piles, in_piles(session, kept.touched, question.group))
    return [(rows, cached_items.cached_key(kept)), *([(computed(question, fresh), {})] if kept.touched else [])]


def computed(question: Question, where: Any) -> Select[Any]:
    """The query that counts rows from their deliveries."""
    rows = computed_items.key_deliveries(where, question.group, question.now, question.snoozed)
    piles = computed_items.by_key(rows).subquery()
    columns = RowColumns(piles.c.severity, piles.c.verified, piles.c.attachments, piles.c.language)
    return by_traits(columns).where(computed_items.is_listed(piles.c, question.snoozed))


def by_traits(columns: RowColumns) -> Select[Any]:
    """Counts rows by these columns."""
    return select(*columns, func.count()).group_by(*columns)
