"""Counts of the navigation are those of the lists."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import ColumnElement, Engine
from sqlmodel import Session

from tests.effort import long
from tests.triage.arriving import ANA, NOW
from tests.triage.quarantine.triage_items.test_fold_counts import BOTH, HELD, INFO, JOE, MARA, came, company, counted, some_mail
from triage.access.sessions import hash_session_key
from triage.actor import Actor
from triage.config.settings import Settings
from triage.quarantine import assignment, folders
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.quarantine.teamwork import snoozes
from triage.quarantine.triage_items import folder_counts, item_list, row_counts
from triage.quarantine.triage_items.row_counts import Portion, portions
from triage.store.db import read_transaction, transaction
from triage.store.models.staff import StaffSession
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import Group

GROUPS: tuple[Group, ...] = ("sender", "campaign", "none")
__all__ = ["company"]


def rows_of(session: Session, wanted: Selection, by: Actor, group: Group) -> int:
    """Number of rows of the whole list, each looked at."""
    asked = replace(HELD, department=wanted.department, person=wanted.person, assigned_to=wanted.assigned_to)
    found = item_list.list_items(session, asked, by=by, now=NOW, group=group, limit=200)
    assert found.following is None
    return len(found.items)


def agree(engine: Engine) -> None:
    """Compares every number with the list that it leads to."""
    with read_transaction(engine) as session:
        for by, groups in ((ANA, GROUPS), (BOTH, GROUPS[1:2])):
            for group in groups:
                found = folders.list_folders(session, by=by, now=NOW, group=group)
                assert found.rows == rows_of(session, Selection(), by, group), (by.name, group)
                people = [person for one in found.items for person in one.people]
                assert {found.lane_rows, *(one.lane_rows for one in found.items), *(one.lane_rows for one in people)} == {0}
                assert found.assigned_rows == rows_of(session, Selection(assigned_to=by.name), by, group), (by.name, group)
                for one in found.items:
                    assert one.rows == rows_of(session, Selection(department=one.code), by, group), (by.name, group, one)
                    places = {person.uid: person.rows for person in one.people} | {"": one.shared_rows}
                    for uid, rows in places.items():
                        assert rows == rows_of(session, Selection(department=one.code, person=uid), by, group), (by.name, group, uid)


@pytest.mark.parametrize(
    ("cached", "most"),
    [
        long(True, 500, id="cached, little touched"),
        pytest.param(True, 1, id="cached, much touched"),
        pytest.param(False, 500, id="counted now"),
    ],
)
def test_numbers_are_those_of_the_lists(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, cached: bool, most: int
) -> None:
    """Releases, assigns and snoozes rows whole or in part, and adds some, before and after they are folded."""
    monkeypatch.setattr(dirty_counts, "LEAST", most)
    monkeypatch.setattr(folder_counts, "MOST_STALE", most)
    made = some_mail(company, settings)
    if cached:
        counted(company)
    with transaction(company) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=tuple(made[:2])), Verb.RELEASE), by=ANA, now=NOW, settings=settings
        )
        assignment.assign_messages(session, Selection.of(ids=tuple(made[3:6])), "ana", "", by=ANA, now=NOW)
    came(company, settings, JOE, INFO, author="new@good.example")
    with transaction(company) as session:
        session.add(StaffSession(key_sha256=hash_session_key("ana"), login="ana", started_at=NOW, seen_at=NOW))
        session.flush()
        snoozes.snooze_messages(
            session, Selection.of(ids=(made[2], *made[5:8])), NOW + timedelta(minutes=5), by=ANA, settings=settings, now=NOW
        )
    agree(company)
    came(company, settings, MARA, author="one0@good.example")
    if cached:
        counted(company)
        agree(company)


def test_a_wave_that_was_touched_is_not_too_much(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts the piles alone that many messages of few senders touched, and everything only where very many piles were touched."""
    some_mail(company, settings)
    counted(company)
    came(company, settings, JOE, MARA, INFO, author="wave@good.example")
    monkeypatch.setattr(dirty_counts, "LEAST", 2)
    seen: list[str] = []

    def watch(session: Session, where: ColumnElement[bool], group: Group, mine: list[int]) -> list[Portion]:
        seen.append(str(where))
        return portions(session, where, group, mine)

    monkeypatch.setattr(row_counts, "portions", watch)
    with read_transaction(company) as session:
        assert dirty_counts.since_folding(session) is None
        for group in GROUPS:
            folders.list_folders(session, by=ANA, now=NOW, group=group)
    assert len(seen) == 2
    assert all("delivery.author IN" in one or "delivery.campaign_id" in one for one in seen), seen
