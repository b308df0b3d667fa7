"""Orders and filters of the queue's rows: the same from the cached counts, read page by page and counted; each picks whole rows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import Engine, event, select, update
from sqlmodel import Session, col

from tests.effort import long
from tests.triage.arriving import ALIGNED, ANA, NO_DMARC, NOW
from tests.triage.quarantine.triage_items.test_fold_counts import HELD, JOE, MARA, came, company, counted
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.signals.severity import Severity
from triage.message.summary import Attachment
from triage.quarantine.triage_items import item_list, row_facets
from triage.quarantine.triage_items.item_list import TriageItem
from triage.quarantine.triage_items.row_order import EVERY_ROW, RowFilter, RowOrder
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import Group
from triage.store.queue.sections import Section

__all__ = ["company"]

GROUPS: tuple[Group, ...] = get_args(Group)
ORDERS: tuple[RowOrder, ...] = get_args(RowOrder)
GERMAN = "Guten Tag, bitte senden Sie uns die Rechnung für den November, damit wir sie noch in dieser Woche bezahlen und verbuchen werden."
ENGLISH = "Good morning, please send us the invoice for November, so that we can pay and file it before the end of this week."
DANGEROUS, SUSPICIOUS = RowFilter((Severity.DANGEROUS,)), RowFilter((Severity.SUSPICIOUS,))
FILTERS = (EVERY_ROW, RowFilter((Severity.DANGEROUS, Severity.SUSPICIOUS), verified=False), RowFilter(languages=("de", "unknown")))


@pytest.fixture
def queue(company: Engine, settings: Settings) -> Engine:
    """Rows of four senders; one of them wrote to two people."""
    came(company, settings, JOE, author="carl@c.example", text=GERMAN, dmarc=ALIGNED)
    came(company, settings, JOE, MARA, author="anne@a.example", text=ENGLISH, dmarc=NO_DMARC)
    came(company, settings, MARA, author="bert@b.example", text=GERMAN, dmarc=NO_DMARC)
    came(company, settings, MARA, author="dora@d.example", text="", dmarc=NO_DMARC)
    values = {  # minutes ago, severity, weight, attachments
        "carl@c.example": (10, Severity.NONE, 0, False),
        "anne@a.example": (40, Severity.SUSPICIOUS, 45, False),
        "bert@b.example": (30, Severity.DANGEROUS, 20, True),
        "dora@d.example": (20, Severity.SUSPICIOUS, 60, False),
    }
    with transaction(company) as session:
        for author, (minutes, severity, weight, has_some) in values.items():
            rated = {
                "severity": int(severity),
                "weight": weight,
                "has_attachments": has_some,
                "received_at": NOW - timedelta(minutes=minutes),
            }
            session.execute(update(Delivery).where(col(Delivery.author) == author).values(**rated))
    counted(company)
    return company


def read(engine: Engine, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> list[TriageItem]:
    """The rows, once from the cached counts and once counted, each also row by row in both directions."""
    with read_transaction(engine) as session:
        found = paged(session, asked)
        with monkeypatch.context() as patch:
            patch.setattr(item_list, "cached_for", lambda *_: None)
            assert paged(session, asked) == found
    return found


def paged(session: Session, given: dict[str, Any]) -> list[TriageItem]:
    """The rows, the same as read one a page, from either end, and by position."""
    asked: dict[str, Any] = {"by": ANA, "now": NOW} | given
    page = item_list.list_items(session, HELD, **asked)
    whole = list(page.items)
    every = item_list.list_items(session, HELD, **asked | {"only": EVERY_ROW})
    assert (page.rows, page.hidden) == (len(whole), len(every.items) - len(whole))
    for number in range(len(whole))[-1:]:
        assert item_list.list_items(session, HELD, **asked, limit=1, position=number).items == (whole[number],)
    ways: dict[str, dict[str, Any]] = {"after": {}, "before": {"end": True}}
    for name, first in ways.items():
        found: list[TriageItem] = []
        one = item_list.list_items(session, HELD, **asked, limit=1, **first)
        while one.items:
            found += one.items
            place = one.following if name == "after" else one.preceding
            if place is None:
                break
            onwards: dict[str, Any] = {name: place}
            one = item_list.list_items(session, HELD, **asked, limit=1, **onwards)
        assert found == (whole if name == "after" else whole[::-1])
    return whole


@pytest.mark.parametrize(
    ("order", "group"),
    [
        (order, group) if group == GROUPS[number % len(GROUPS)] else long(order, group)
        for number, order in enumerate(ORDERS)
        for group in GROUPS
    ],
)
def test_every_order_and_filter_reads_alike_from_the_kept_counts_and_counted(
    queue: Engine, monkeypatch: pytest.MonkeyPatch, group: Group, order: RowOrder
) -> None:
    for only in FILTERS:
        read(queue, monkeypatch, group=group, order=order, only=only)


def test_rows_stand_by_risk_wait_or_sender(queue: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def senders(order: RowOrder) -> list[str]:
        return [item.lead.author_domain[0] for item in read(queue, monkeypatch, order=order)]

    assert senders("risk") == ["b", "d", "a", "c"]  # the severity first: it may be worse than the number says
    assert senders("wait") == ["a", "b", "d", "c"]
    assert senders("sender") == ["a", "b", "c", "d"]


def test_a_filter_picks_whole_rows_and_says_what_it_hides(queue: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def senders(only: RowFilter) -> str:
        return "".join(sorted(item.lead.author_domain[0] for item in read(queue, monkeypatch, only=only)))

    assert senders(DANGEROUS) == "b"
    assert senders(SUSPICIOUS) == "ad"
    assert senders(RowFilter(verified=True)) == "c"
    assert senders(RowFilter(attachments=True)) == "b"
    assert senders(RowFilter(languages=("de",))) == "bc"
    assert senders(RowFilter(languages=("unknown",))) == "d"
    assert senders(RowFilter((Severity.SUSPICIOUS,), languages=("en",))) == "a"
    with transaction(queue) as session:  # one of Anne's two messages becomes dangerous, and nobody has counted again
        first = session.scalars(select(col(Delivery.id)).where(col(Delivery.author) == "anne@a.example").limit(1)).one()
        session.execute(update(Delivery).where(col(Delivery.id) == first).values(severity=int(Severity.DANGEROUS)))
    counted_again(queue, settings)
    (row,) = (item for item in read(queue, monkeypatch, only=DANGEROUS) if item.lead.author == "anne@a.example")
    assert row.count == len(row.ids) == 3  # the new one too, which is not dangerous: what a decision takes is what the row says


@pytest.mark.parametrize("group", [GROUPS[0], *map(long, GROUPS[1:])])
def test_numbers_of_a_filter_are_those_that_it_shows(
    queue: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    counted_again(queue, settings)
    for only in FILTERS:
        found = facets(queue, monkeypatch, group, only)
        for (name, value), rows in found.items():
            ways: dict[str, dict[str, Any]] = {
                "severity": {"severities": tuple(one for one in Severity if one.word == value)},
                "verified": {"verified": value == "true"},
                "attachments": {"attachments": value == "true"},
                "language": {"languages": (value,)},
            }
            with read_transaction(queue) as session:
                page = item_list.list_items(session, HELD, by=ANA, now=NOW, group=group, only=replace(only, **ways[name]))
            assert page.rows == rows, (only, name, value)


def facets(engine: Engine, monkeypatch: pytest.MonkeyPatch, group: Group, only: RowFilter) -> dict[tuple[str, str], int]:
    """The numbers of each value, the same from the cached counts and counted."""
    with read_transaction(engine) as session:
        found = row_facets.list_facets(session, HELD, by=ANA, now=NOW, group=group, only=only)
        with monkeypatch.context() as patch:
            patch.setattr(item_list, "cached_for", lambda *_: None)
            assert set(row_facets.list_facets(session, HELD, by=ANA, now=NOW, group=group, only=only)) == set(found)
    return {(one.name, one.value): one.rows for one in found}


def counted_again(engine: Engine, settings: Settings) -> None:
    """Adds a message of Anne's, so that her row is counted again when it is read."""
    came(engine, settings, JOE, author="anne@a.example", text=ENGLISH, dmarc=NO_DMARC)


def test_language_and_attachments_are_noted_when_a_message_is_held(company: Engine, settings: Settings) -> None:
    came(company, settings, JOE, author="x@x.example", text=GERMAN, attachments=(Attachment(1, "a.pdf", "application/pdf", 3, ""),))
    with read_transaction(company) as session:
        assert session.execute(select(col(Delivery.language), col(Delivery.has_attachments))).all() == [("de", True)]
    counted(company)
    for kept in (True, None):  # None: it is from before this was kept
        with transaction(company) as session:
            session.execute(update(Delivery).values(has_attachments=kept))
            dirty_counts.touch_where(session, col(Delivery.author) == "x@x.example")
        with read_transaction(company) as session:
            assert item_list.list_items(session, HELD, by=ANA, now=NOW, only=RowFilter(attachments=True)).rows == 1


def test_what_makes_no_sense_is_refused(company: Engine) -> None:
    with read_transaction(company) as session, pytest.raises(BadInput):
        item_list.list_items(session, HELD, by=ANA, now=NOW, section=Section.REST, order="risk")
    with pytest.raises(BadInput, match="klingon"):
        RowFilter(languages=("klingon",)).checked()


@pytest.mark.parametrize(("order", "index"), [(one, f"cached_item_by_{'order' if one == 'priority' else one}") for one in ORDERS])
def test_kept_rows_are_walked_along_an_index(queue: Engine, order: RowOrder, index: str) -> None:
    if queue.dialect.name == "postgresql":
        pytest.skip("with so few rows PostgreSQL reads them all")
    steps: list[str] = []

    def explain(connection: Any, _cursor: Any, words: str, values: Any, *_: Any) -> None:
        if "FROM cached_item" in words and "LIMIT" in words:
            steps.extend(row[3] for row in connection.connection.execute(f"EXPLAIN QUERY PLAN {words}", values))

    event.listen(queue, "after_cursor_execute", explain)
    with read_transaction(queue) as session:
        for only in FILTERS:
            item_list.list_items(session, HELD, by=ANA, now=NOW, order=order, only=only)
    assert sum(f"INDEX {index} " in step for step in steps) == len(FILTERS)
    assert not [step for step in steps if "TEMP B-TREE" in step]
