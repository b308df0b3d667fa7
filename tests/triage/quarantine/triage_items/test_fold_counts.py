"""Cached counts: what they answer is what counting answers, at every moment, for everybody."""

import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, TextClause, event, func, select, text, update
from sqlmodel import Session, col

from migrations.upgrade import upgrade
from tests.effort import long
from tests.peers.postgresql import Server
from tests.peers.processes import until
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive, set_up
from triage.actor import Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.quarantine import folders
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.folder_totals import by_index, in_piles, item_parts
from triage.quarantine.search.listing import visible_selection
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.triage_items import fold_counts, folder_counts, item_list
from triage.quarantine.triage_items.folder_views import View
from triage.quarantine.triage_items.item_list import ItemPage
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.counts import CachedItem, CachedTotal, CachedView, Touched
from triage.store.models.deliveries import Delivery
from triage.store.queue import dirty_counts
from triage.store.queue.grouping import Group

JOE, MARA, INFO = "it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example"
EVA = Actor.person("eva", Role.TRIAGE, Scope(persons=frozenset({"mara.berg"})), "Eva")
BOTH = Actor.person("bob", Role.TRIAGE, Scope(departments=frozenset({"it"}), persons=frozenset({"mara.berg"})), "Bob")
ACTORS = (ANA, BEN, EVA, BOTH)
STAFF = (
    StaffEntry("ana", "Ana", "triage", ("company",), "x"),
    StaffEntry("ben", "Ben", "triage", ("department:legal",), "x"),
    StaffEntry("eva", "Eva", "triage", ("person:mara.berg",), "x"),
    StaffEntry("bob", "Bob", "triage", ("department:it", "person:mara.berg"), "x"),
)
HELD = Selection(proof=ANY_PROOF, states=(State.HELD,))
GROUPS: tuple[Group, ...] = ("sender", "campaign")


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """A small company with four who triage."""
    with transaction(engine) as session:
        set_up(session, settings)
        directory.apply_directory(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
    return engine


def came(engine: Engine, settings: Settings, *recipients: str, **more: Any) -> tuple[int, ...]:
    """A message has come in; its deliveries."""
    with transaction(engine) as session:
        return arrive(session, settings, *recipients, **more)


def some_mail(engine: Engine, settings: Settings) -> list[int]:
    """Waves, single messages, and mail by nobody."""
    made: list[int] = []
    for number in range(4):
        made += came(engine, settings, JOE, MARA, author="wave@bad.example", subject=f"Wave {number}")
        made += came(engine, settings, (JOE, MARA, INFO)[number % 3], author=f"one{number}@good.example", subject=f"Number {number}")
    return made


def counted(engine: Engine) -> None:
    """Upkeep has made the views and folded what was touched."""
    fold_counts.build_views(engine, now=NOW)
    while folded(engine):
        pass


def folded(engine: Engine) -> int:
    with transaction(engine) as session:
        return fold_counts.fold_counts(session, now=NOW)


def both(session: Session, by: Actor, group: Group, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[ItemPage, ItemPage]:
    """From the cached counts, and counted."""
    wanted = replace(HELD, department=more.pop("department", None))
    asked = {"by": by, "now": more.pop("now", NOW), "group": group} | more
    assert item_list.cached_for(session, wanted, by, group, asked["now"]) is not None
    read_cached = item_list.list_items(session, wanted, **asked)
    with monkeypatch.context() as patch:
        patch.setattr(item_list, "cached_for", lambda *_: None)
        return read_cached, item_list.list_items(session, wanted, **asked)


def agree(engine: Engine, monkeypatch: pytest.MonkeyPatch, actors: Iterable[Actor] = (), **more: Any) -> None:
    """Both say the same: to everybody, or on PostgreSQL to who sees all and who sees something of two kinds; to who sees all by pages."""
    with read_transaction(engine) as session:
        for by in actors or (ACTORS if engine.dialect.name == "sqlite" else (ANA, BOTH)):
            for group in GROUPS:
                after, pages = None, 0
                while after is not None or pages == 0:
                    kept, now_counted = both(session, by, group, monkeypatch, limit=2 if by is ANA else 50, after=after, **more)
                    assert kept == now_counted, (by.name, group)
                    after, pages = kept.following, pages + 1


def test_what_is_kept_is_what_is_counted(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    some_mail(company, settings)
    counted(company)
    agree(company, monkeypatch)
    agree(company, monkeypatch, (ANA, BOTH), department="it")
    agree(company, monkeypatch, (ANA,), department="legal")


def test_what_was_touched_since_counts_at_once(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_mail(company, settings)
    counted(company)
    with transaction(company) as session:
        chosen = Selection.of(ids=tuple(made[:2]))
        decisions.decide_messages(session, DecisionRequest(chosen, Verb.PURGE), by=ANA, now=NOW, settings=settings)
    came(company, settings, JOE, author="new@new.example")
    came(company, settings, MARA, author="wave@bad.example")
    agree(company, monkeypatch)
    assert folded(company) > 0
    agree(company, monkeypatch)
    with transaction(company) as session:
        everything = Selection.of(sender="wave@bad.example")
        purged = decisions.decide_messages(session, DecisionRequest(everything, Verb.PURGE), by=ANA, now=NOW, settings=settings)
    assert purged.done > 0
    agree(company, monkeypatch)
    counted(company)
    agree(company, monkeypatch)
    with read_transaction(company) as session:
        assert not session.scalars(select(CachedItem).where(col(CachedItem.pile) == "wave@bad.example")).all()


def test_what_perishes_moves_back_when_its_time_is_over(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_mail(company, settings)
    with transaction(company) as session:
        soon = {"time_limited_until": NOW + timedelta(minutes=10), "urgency": 90}
        session.execute(update(Delivery).where(col(Delivery.id).in_(made[2:4])).values(**soon))
    counted(company)
    agree(company, monkeypatch)
    agree(company, monkeypatch, now=NOW + timedelta(minutes=11))
    with transaction(company) as session:
        assert fold_counts.is_due(session, NOW + timedelta(minutes=11))
        fold_counts.fold_counts(session, now=NOW + timedelta(minutes=11))
        assert not fold_counts.is_due(session, NOW + timedelta(minutes=11))
    agree(company, monkeypatch, now=NOW + timedelta(minutes=11))


def test_totals_are_those_of_the_rows(company: Engine, settings: Settings) -> None:
    made = some_mail(company, settings)
    counted(company)
    with transaction(company) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=tuple(made[:3])), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
    counted(company)
    with read_transaction(company) as session:
        columns = (col(CachedItem.view), col(CachedItem.grouped))
        rows = session.execute(select(*columns, func.count(), func.sum(col(CachedItem.number))).group_by(*columns)).all()
        totals = session.scalars(select(CachedTotal).where(col(CachedTotal.rows) > 0))
        assert {(one.view, one.grouped, one.rows, one.deliveries) for one in totals} == {(*row,) for row in rows}


def test_two_who_count_at_once_subtract_once(postgresql_engine: Engine, settings: Settings) -> None:
    """A process that was paused for longer than its lease counts beside the one that has taken over."""
    with transaction(postgresql_engine) as session:
        set_up(session, settings)
        directory.apply_directory(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
    first, *_ = [came(postgresql_engine, settings, JOE, author=f"one{number}@good.example")[0] for number in range(3)]
    counted(postgresql_engine)
    with transaction(postgresql_engine) as session:
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(first,)), Verb.PURGE), by=ANA, now=NOW, settings=settings)
    other = threading.Thread(target=folded, args=(postgresql_engine,))
    with transaction(postgresql_engine) as session:
        fold_counts.fold_counts(session, now=NOW)
        other.start()
        until_somebody_waits(postgresql_engine)
    other.join()
    with read_transaction(postgresql_engine) as session:
        rows = session.scalar(select(func.count()).select_from(CachedItem))
        totals = session.scalars(select(col(CachedTotal.rows)))
        assert sum(totals) == rows


def until_somebody_waits(engine: Engine) -> None:
    """Until a lock is waited for."""
    waited = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    until(lambda: read_alone(engine, waited) > 0, "somebody waits for a lock")


def read_alone(engine: Engine, asked: TextClause) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(asked))


@pytest.mark.postgresql
def test_names_stand_in_the_database_s_own_order(postgresql_server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """In most alphabets but that of bytes signs count little: no row is left out between two pages."""
    engine = open_engine(postgresql_server.create("german", "de"))
    upgrade(engine)
    with transaction(engine) as session:
        set_up(session, settings)
        directory.apply_directory(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
    names = ("a-b", "a.b", "ab", "a_b", "a1", "b-1", "b", "ba", "c.d", "c-d", "cd")
    for name in names[::2]:
        came(engine, settings, JOE, author=f"{name}@good.example")
    counted(engine)
    for name in names[1::2]:
        came(engine, settings, JOE, author=f"{name}@good.example")
    agree(engine, monkeypatch, [ANA])
    engine.dispose()


def test_what_is_sealed_is_in_nobody_s_counts_but_of_those_named(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_mail(company, settings)
    counted(company)
    with transaction(company) as session:
        sealed = replace(COMPANY, staff=STAFF, sealed=(ConfidentialEntry("person:joe.fern", ("bob",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    with read_transaction(company) as session:
        assert item_list.cached_for(session, HELD, ANA, "sender", NOW) is None  # her view is another one now
    counted(company)
    agree(company, monkeypatch)
    with read_transaction(company) as session:
        assert all(item.lead.person != "joe.fern" for item in item_list.list_items(session, HELD, by=ANA, now=NOW, group="none").items)
        assert View.of(session, ANA) != View.of(session, BOTH)


def test_views_that_nobody_has_are_dropped_and_half_made_ones_made_whole(company: Engine, settings: Settings) -> None:
    some_mail(company, settings)
    counted(company)
    with transaction(company) as session:
        before = {one.name for one in session.scalars(select(CachedView))}
        session.execute(update(CachedView).where(col(CachedView.name) == View.of(session, ANA).name).values(ready=False, stage=0))
        directory.apply_directory(session, replace(COMPANY, staff=STAFF[:1]), settings.company, by=SYNC, now=NOW)
    assert fold_counts.build_views(company, now=NOW) == 0
    with read_transaction(company) as session:
        assert set(session.scalars(select(col(CachedView.ready)))) == {True}
        left = {one.id: one.name for one in session.scalars(select(CachedView))}
        assert View.of(session, ANA).name in left.values()
        assert set(left.values()) < before
        assert set(session.scalars(select(col(CachedItem.view)).distinct())) <= set(left)


def test_folders_are_counted_alike(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_mail(company, settings)
    counted(company)
    for step in range(3):
        with read_transaction(company) as session:
            for by in (*ACTORS, IDA, OTTO):
                kept = folders.list_folders(session, by=by, now=NOW)
                with monkeypatch.context() as patch:
                    patch.setattr(folder_counts, "cached_counts", lambda _: {})
                    assert kept == folders.list_folders(session, by=by, now=NOW)
        if step == 0:
            with transaction(company) as session:
                decisions.decide_messages(
                    session, DecisionRequest(Selection.of(ids=tuple(made[:3])), Verb.RELEASE), by=ANA, now=NOW, settings=settings
                )
        else:
            counted(company)


def test_who_moves_takes_the_counts_along(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    some_mail(company, settings)
    counted(company)
    moved = tuple(replace(one, department="legal") if one.uid == "joe.fern" else one for one in COMPANY.people)
    with transaction(company) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, people=moved), settings.company, by=SYNC, now=NOW)
    agree(company, monkeypatch, (ANA, BEN))
    counted(company)
    agree(company, monkeypatch, (ANA, BEN))


def test_while_much_is_touched_everything_is_counted(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    some_mail(company, settings)
    counted(company)
    monkeypatch.setattr(dirty_counts, "LEAST", 1)
    came(company, settings, JOE, MARA, author="x@x.example")
    with read_transaction(company) as session:
        assert item_list.cached_for(session, HELD, ANA, "sender", NOW) is None
        assert session.scalar(select(func.count()).select_from(Touched)) == 2


@pytest.mark.parametrize(("share", "most", "is_counted_beside"), [(1, 5000, True), (1, 1, False), (1000, 5000, False)])
def test_how_much_is_counted_beside_follows_from_what_is_held(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, share: int, most: int, is_counted_beside: bool
) -> None:
    some_mail(company, settings)
    counted(company)
    for name, value in {"LEAST": 1, "SHARE": share, "MOST": most}.items():
        monkeypatch.setattr(dirty_counts, name, value)
    for number in range(3):
        came(company, settings, JOE, author=f"x{number}@x.example")
    with read_transaction(company) as session:
        found = item_list.cached_for(session, HELD, ANA, "sender", NOW)
        assert (found is not None, dirty_counts.touched_sources(session) is not None) == (is_counted_beside, is_counted_beside)
    if is_counted_beside:
        agree(company, monkeypatch, (ANA, BEN))


def test_anchors_lead_to_where_they_say(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    some_mail(company, settings)
    for module in (fold_counts, item_list):
        monkeypatch.setattr(module, "ANCHOR_EVERY", 2)
    counted(company)
    fold_counts.note_anchors(company)
    with read_transaction(company) as session:
        whole = item_list.list_items(session, HELD, by=ANA, now=NOW, limit=50)
        kept = item_list.list_anchors(session, HELD, by=ANA, now=NOW)
        monkeypatch.setattr(item_list, "cached_for", lambda *_: None)
        assert kept == item_list.list_anchors(session, HELD, by=ANA, now=NOW)
        assert (kept.rows, [position for position, _ in kept.items]) == (5, [0, 2, 4])
        for position, place in kept.items:
            page = item_list.list_items(session, HELD, by=ANA, now=NOW, limit=2, at=place)
            assert [item.key for item in page.items] == [item.key for item in whole.items[position : position + 2]]


@pytest.mark.parametrize("group", ["sender", "campaign", long("none")])
@pytest.mark.parametrize("few", [True, long(False)])
def test_a_page_is_found_by_its_position_and_read_upwards(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group, few: bool
) -> None:
    made = some_mail(company, settings)
    with transaction(company) as session:  # one after the other, and the first two press
        for number, one in enumerate(made):
            presses = {"urgency": 90, "time_limited_until": NOW + timedelta(minutes=9 + number)} if number < 2 else {}
            came_in = {"received_at": NOW - timedelta(seconds=number)}
            session.execute(update(Delivery).where(col(Delivery.id) == one).values(**came_in, **presses))
    monkeypatch.setattr(fold_counts, "ANCHOR_EVERY", 2)
    monkeypatch.setattr(fold_counts, "SINGLES_EVERY", 2)
    monkeypatch.setattr(item_list, "is_few", lambda *_: few)
    counted(company)
    fold_counts.note_anchors(company)
    with read_transaction(company) as session:
        asked = partial(item_list.list_items, session, HELD, by=ANA, now=NOW, group=group, limit=2)
        whole = [item.key for item in asked(limit=50).items]
        assert len(whole) > 4
        for position in range(len(whole)):
            page = asked(position=position)
            assert page.position == position
            if few or group != "none":
                assert [item.key for item in page.items] == whole[position : position + 2]
            else:  # about there: kept places of all held messages know nothing of what presses
                assert abs(whole.index(page.items[0].key) - position) <= 2
        page = asked(end=True)
        upwards = [item.key for item in page.items]
        while page.preceding:
            page = asked(before=page.preceding)
            upwards = [*(item.key for item in page.items), *upwards]
        assert upwards == whole


def plan_of(session: Session, words: str, values: Any) -> list[str]:
    """Query plan of SQLite, without constant and single-row subqueries."""
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values).all()
    beside = {row[0] for row in rows if "SUBQUERY" in row[3]}
    for number, parent, *_ in rows:
        if parent in beside:
            beside.add(number)
    return [row[3] for row in rows if row[0] not in beside]


@pytest.mark.parametrize("piles", [{"a@x.example"}, {"a@x.example", "7"}, {"a@x.example", "7", "#8"}])
@pytest.mark.parametrize("group", GROUPS)
def test_a_few_piles_are_not_looked_for_among_all_that_is_held(sqlite_engine: Engine, piles: set[str], group: Group) -> None:
    asked: list[tuple[str, Any]] = []
    with read_transaction(sqlite_engine) as session:
        event.listen(sqlite_engine, "before_cursor_execute", lambda _, __, words, values, *___: asked.append((words, values)))
        session.execute(item_parts(in_piles(session, piles, group), group, NOW)).all()
        words, values = asked[-1]
        plan = plan_of(session, words, values)
    ways = [line for line in plan if line.startswith("SEARCH delivery")]
    assert len(ways) == len(piles) if group == "campaign" else ways
    assert not [line for line in plan if "(state=?)" in line or "SCAN delivery" in line], plan


@pytest.mark.parametrize("by", ACTORS, ids=lambda by: by.name)
@pytest.mark.parametrize("group", GROUPS)
def test_a_row_carries_its_ids_unless_they_are_many(company: Engine, settings: Settings, group: Group, by: Actor) -> None:
    some_mail(company, settings)
    with read_transaction(company) as session:
        whole = item_list.list_items(session, HELD, by=by, now=NOW, group=group)
        assert max(len(item.ids) for item in whole.items) >= 4
        assert all(list(item.ids) == sorted(item.ids, reverse=True) for item in whole.items)
        for most in (1, 2, 3):
            fewer = item_list.list_items(session, HELD, by=by, now=NOW, group=group, most_ids=most)
            assert [item.ids for item in fewer.items] == [item.ids if item.count <= most else (item.lead.id,) for item in whole.items]


FEW = {"campaign": ({"71", "72"}, {"a@x.example", "b@x.example"}), "sender": ({"a@x.example", "b@x.example"},)}


@pytest.mark.parametrize("departments", [1, 16])
@pytest.mark.parametrize("group", GROUPS)
def test_the_ids_of_rows_are_not_looked_for_among_all_of_their_departments(sqlite_engine: Engine, group: Group, departments: int) -> None:
    whose = Actor.person("max", Role.TRIAGE, Scope(departments=frozenset(f"d{number}" for number in range(departments))), "Max")
    assert sorted(map(sorted, by_index({pile for some in FEW[group] for pile in some}, group))) == sorted(map(sorted, FEW[group]))
    with read_transaction(sqlite_engine) as session:
        for some in FEW[group]:
            words = select(col(Delivery.id)).where(visible_selection(HELD, whose), in_piles(session, some, group))
            compiled = words.compile(sqlite_engine, compile_kwargs={"literal_binds": True})
            plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
            ways = [line for line in plan if line.startswith("SEARCH delivery")]
            assert ways
            assert not [line for line in ways if "(department=?" in line], plan
            if group == "campaign" and some == FEW[group][0]:  # nor among all copies
                assert [line for line in ways if "(campaign_id=? AND state=? AND department=?)" in line], plan


@pytest.mark.parametrize("group", [*GROUPS, "none"])
def test_the_last_page_is_the_end_of_the_whole_list(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    some_mail(company, settings)
    time_limited = came(company, settings, JOE, author="no-reply@shop.example", subject="Sign in")
    with transaction(company) as session:
        session.execute(update(Delivery).where(col(Delivery.id).in_(time_limited)).values(time_limited_until=NOW + timedelta(minutes=30)))
    counted(company)
    came(company, settings, JOE, MARA, author="late@x.example", subject="Touched since")
    for _ in range(2):
        with read_transaction(company) as session:
            whole = item_list.list_items(session, HELD, by=ANA, now=NOW, group=group)
            assert whole.items[0].lead.id in time_limited
            for limit in (1, 3, len(whole.items), 50):
                last = item_list.list_items(session, HELD, by=ANA, now=NOW, group=group, limit=limit, end=True)
                inside, first = limit < len(whole.items), last.items[0]
                assert last == replace(
                    whole, items=whole.items[-limit:], position=len(whole.items) - len(last.items), preceding=last.preceding
                )
                assert (last.preceding[3] if last.preceding else None) == (first.key if inside else None)
        monkeypatch.setattr(item_list, "cached_for", lambda *_: None)  # counted, the second time


@pytest.mark.parametrize("author", ["#1@bad.example", "1@bad.example", *map(long, ("#foo@bad.example", "#"))])
@pytest.mark.parametrize("group", GROUPS)
def test_addresses_that_look_like_names_of_piles(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, author: str, group: Group
) -> None:
    counted(company)
    came(company, settings, JOE, MARA, author=author)
    for _ in range(2):
        with read_transaction(company) as session:
            read_cached, all_counted = both(session, ANA, group, monkeypatch)
            assert read_cached == all_counted
            assert (read_cached.rows, read_cached.deliveries) == (1, 2)
        counted(company)


@pytest.mark.parametrize("wanted", [replace(HELD, q="wave"), replace(HELD, person="joe.fern"), replace(HELD, states=("purged",))])
def test_other_questions_are_counted(company: Engine, settings: Settings, wanted: Selection) -> None:
    some_mail(company, settings)
    counted(company)
    with read_transaction(company) as session:
        assert item_list.cached_for(session, wanted, ANA, "sender", NOW) is None


def test_each_mail_as_a_row_of_its_own_in_the_same_order(company: Engine, settings: Settings) -> None:
    made = some_mail(company, settings)
    with transaction(company) as session:
        for number, one in enumerate(made):
            until = NOW + timedelta(minutes=number) if number % 3 == 0 else None
            session.execute(update(Delivery).where(col(Delivery.id) == one).values(urgency=20 * (number % 5), time_limited_until=until))
    for _ in range(2):
        with read_transaction(company) as session:
            whole = item_list.list_items(session, HELD, by=ANA, now=NOW, group="none")
            rows = session.scalars(select(Delivery)).all()
            never = NOW + timedelta(days=1)
            expected = sorted(
                rows,
                key=lambda one: (
                    one.time_limited_until if one.time_limited_until and one.time_limited_until > NOW else never,
                    -one.urgency,
                    -one.received_at.timestamp(),
                    f"#{one.id}",
                ),
            )
            assert [item.lead.id for item in whole.items] == [one.id for one in expected]
            assert (whole.rows, whole.deliveries) == (len(made), len(made))
            after, seen = None, list[str]()
            while after is not None or not seen:
                page = item_list.list_items(session, HELD, by=ANA, now=NOW, group="none", limit=3, after=after)
                seen += [item.key for item in page.items]
                after = page.following
            assert seen == [item.key for item in whole.items]
        counted(company)


def test_a_view_that_is_made_in_slices_misses_nothing_that_comes_or_goes_meanwhile(
    company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_counts, "AT_ONCE", 3)
    made = some_mail(company, settings)
    came(company, settings, JOE, author="")
    assert fold_counts.begin_views(company, now=NOW) > 0
    for step in range(100):
        if step % 2:
            came(company, settings, (JOE, MARA)[step % 4 // 2], author=f"{'zam'[step % 3]}{step % 5}@late.example")
        elif made:
            with transaction(company) as session:
                purged = Selection.of(ids=(made.pop(),))
                decisions.decide_messages(session, DecisionRequest(purged, Verb.PURGE), by=ANA, now=NOW, settings=settings)
        if step % 3 == 0:
            folded(company)
        if not fold_counts.go_on(company, now=NOW):
            break
    assert step > 5
    while folded(company):
        pass
    with read_transaction(company) as session:
        assert set(session.scalars(select(col(CachedView.ready)))) == {True}
    agree(company, monkeypatch, (ANA, BOTH))


def test_who_comes_after_a_crash_goes_on_where_it_was(company: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_counts, "AT_ONCE", 2)
    some_mail(company, settings)
    fold_counts.begin_views(company, now=NOW)
    fold_counts.go_on(company, now=NOW)
    with read_transaction(company) as session:
        assert {(one.ready, one.stage, one.reached) for one in session.scalars(select(CachedView))} == {(False, 0, "one1@good.example")}
    assert fold_counts.begin_views(company, now=NOW) == 0
    counted(company)
    agree(company, monkeypatch, (BOTH,))
