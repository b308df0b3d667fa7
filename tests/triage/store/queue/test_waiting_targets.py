"""Waiting targets: rows over them come before the rest, from the kept counts and counted, and follow time and settings."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, true, update
from sqlmodel import col

from tests.effort import long
from tests.triage.arriving import ANA, NOW, arrive
from tests.triage.quarantine.triage_items.test_fold_counts import HELD, JOE, MARA, company
from triage.config.settings import Settings
from triage.quarantine.triage_items import fold_counts, item_list
from triage.quarantine.triage_items.item_list import TriageItem
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts, waiting_targets
from triage.store.queue.grouping import Group
from triage.store.queue.sections import Section
from triage.store.queue.waiting_targets import Targets

__all__ = ["company"]

MINUTE, HOUR_AGO = timedelta(minutes=1), timedelta(hours=1)
HOUR = Targets(60, ("legal=10",))
CAME = {"anne@a.example": (JOE, 50, 45), "bert@b.example": (JOE, 70, 5), "carl@c.example": (JOE, 20, 120), "dora@d.example": (MARA, 40, 15)}


@pytest.fixture
def waiting(company: Engine, settings: Settings) -> Engine:
    """Messages of four senders to two departments: each with its urgency, and how many minutes ago it came."""
    with transaction(company) as session:
        for author, (to, urgency, minutes) in CAME.items():
            arrive(session, settings, to, author=author)
            came = {"urgency": urgency, "received_at": NOW - minutes * MINUTE}
            session.execute(update(Delivery).where(col(Delivery.author) == author).values(**came))
    look(company, Targets())
    return company


def look(engine: Engine, targets: Targets, after: timedelta = timedelta()) -> None:
    """As upkeep does: what has waited is touched, and the counts are folded."""
    more = True
    while more:
        with transaction(engine) as session:
            more = waiting_targets.is_due(session, targets) and waiting_targets.touch_waited(session, targets, NOW + after)
        fold_counts.build_views(engine, now=NOW + after)
        while fold(engine, after):
            pass


def fold(engine: Engine, after: timedelta) -> int:
    with transaction(engine) as session:
        return fold_counts.fold_counts(session, now=NOW + after)


def queue(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, group: Group = "sender", after: timedelta = timedelta()
) -> tuple[TriageItem, ...]:
    """The rows: from the kept counts, the same counted, and the same one a page from either end."""
    with read_transaction(engine) as session:
        now = NOW + after
        found = item_list.list_items(session, HELD, by=ANA, now=now, group=group).items
        with monkeypatch.context() as patch:
            patch.setattr(item_list, "cached_for", lambda *_: None)
            assert item_list.list_items(session, HELD, by=ANA, now=now, group=group).items == found
        page = item_list.list_items(session, HELD, by=ANA, now=now, group=group, limit=1)
        onwards = list(page.items)
        while page.following:
            page = item_list.list_items(session, HELD, by=ANA, now=now, group=group, limit=1, after=page.following)
            onwards += page.items
        assert tuple(onwards) == found
        page = item_list.list_items(session, HELD, by=ANA, now=now, group=group, limit=1, end=True)
        back = list(page.items)
        while page.preceding:
            page = item_list.list_items(session, HELD, by=ANA, now=now, group=group, limit=1, before=page.preceding)
            back += page.items
        assert tuple(back[::-1]) == found
        assert item_list.list_items(session, HELD, by=ANA, now=now, group=group, limit=1, position=1).items == found[1:2]
    return found


def standing(items: tuple[TriageItem, ...]) -> list[str]:
    """The rows by the first letters of their senders, those over the target in capitals."""
    return [item.lead.author[0].upper() if item.section is Section.OVER_TARGET else item.lead.author[0] for item in items]


@pytest.mark.parametrize("group", ["campaign", *map(long, ("sender", "none"))])
def test_rows_over_their_target_come_before_the_rest_and_follow_time_and_settings(
    waiting: Engine, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    assert standing(queue(waiting, monkeypatch, group)) == ["b", "a", "d", "c"], "without targets by priority"
    look(waiting, HOUR)
    rows = queue(waiting, monkeypatch, group)
    assert standing(rows) == ["D", "b", "a", "c"], "legal's target is shorter; what is hardly wanted has none"
    ends = {row.lead.author[0]: row.target_at for row in rows}
    assert ends == {"a": NOW + 15 * MINUTE, "b": NOW + 55 * MINUTE, "c": None, "d": NOW - 5 * MINUTE}
    cases = (
        (HOUR, ["A", "D", "b", "c"]),
        (replace(HOUR, departments=("legal=10", "person:joe.fern=20")), ["B", "A", "D", "c"]),
        (replace(HOUR, departments=("legal=10", "person:joe.fern=30")), ["A", "D", "b", "c"]),
        (replace(HOUR, departments=("legal=10", "person:joe.fern=0")), ["D", "b", "a", "c"]),
        (Targets(0, ("person:joe.fern=20",)), ["B", "A", "d", "c"]),
        (replace(HOUR, usual=90), ["D", "b", "a", "c"]),
        (Targets(5), ["B", "A", "D", "c"]),
        (replace(HOUR, departments=("legal=0",)), ["A", "b", "d", "c"]),
        (replace(HOUR, hours=("mon-fri 08:00-09:26",)), ["D", "b", "a", "c"]),  # it is ten to ten: A has waited 41 minutes
        (Targets(), ["b", "a", "d", "c"]),
    )
    for targets, expected in cases:
        look(waiting, targets, 20 * MINUTE)
        assert standing(queue(waiting, monkeypatch, group, 20 * MINUTE)) == expected, targets


def test_a_row_says_when_a_person_s_target_ends(waiting: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    look(waiting, Targets(60, ("person:joe.fern=10",)))
    ends = {row.lead.author[0]: row.target_at for row in queue(waiting, monkeypatch)}
    assert ends == {"a": NOW - 35 * MINUTE, "b": NOW + 5 * MINUTE, "c": None, "d": NOW + 45 * MINUTE}


def test_many_are_gone_through_slice_by_slice(waiting: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_targets, "AT_ONCE", 1)
    look(waiting, Targets(1))
    assert standing(queue(waiting, monkeypatch)) == ["B", "A", "D", "c"]
    look(waiting, Targets(30))
    assert standing(queue(waiting, monkeypatch)) == ["A", "b", "d", "c"]
    look(waiting, Targets(30, ("person:joe.fern=1",)))
    assert standing(queue(waiting, monkeypatch)) == ["B", "A", "d", "c"]
    look(waiting, Targets(30))
    assert standing(queue(waiting, monkeypatch)) == ["A", "b", "d", "c"]


def test_what_came_at_one_moment_is_touched_together(waiting: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As copies of one message for many recipients do, each of which is a row of its own when nobody is its author."""
    monkeypatch.setattr(waiting_targets, "AT_ONCE", 2)
    with transaction(waiting) as session:
        dirty_counts.touch_where(session, true())
        session.execute(update(Delivery).values(received_at=NOW - HOUR_AGO, urgency=50, author=""))
        dirty_counts.touch_where(session, true())
    look(waiting, Targets())
    for targets in (Targets(30), Targets(90)):
        look(waiting, targets)
        over = [row.section is Section.OVER_TARGET for row in queue(waiting, monkeypatch)]
        assert over == [targets.usual == 30] * 4, targets


@pytest.mark.parametrize("targets", [HOUR, Targets(60, ("person:joe.fern=0", "person:mara.berg=5"))])
def test_without_targets_nothing_is_due_any_more(waiting: Engine, targets: Targets) -> None:
    look(waiting, targets)
    look(waiting, Targets())
    with read_transaction(waiting) as session:
        assert not waiting_targets.is_due(session, Targets())


def test_a_row_of_several_has_the_target_of_its_first_message(waiting: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(waiting) as session:
        arrive(session, settings, MARA, author="bert@b.example")
    look(waiting, HOUR)
    bert = next(item for item in queue(waiting, monkeypatch) if item.lead.author[0] == "b")
    assert (bert.count, bert.target_at) == (2, NOW + 10 * MINUTE), "the later message, to legal, has the sooner end"
    look(waiting, HOUR, 11 * MINUTE)
    assert standing(queue(waiting, monkeypatch, after=11 * MINUTE)) == ["B", "D", "a", "c"]
