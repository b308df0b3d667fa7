"""Snoozed rows: out of the way of who snoozed them, in everybody else's view, and back in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlmodel import Session, col

from tests import company_rows
from tests.effort import long
from tests.triage.arriving import ANA, COMPANY, IDA, NO_DMARC, NOW, OTTO, SYNC, arrive, erase
from tests.triage.quarantine.triage_items.test_fold_counts import counted
from triage.access import staff_login, substitutes
from triage.access.sessions import hash_session_key
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.quarantine import coverage, next_free_row
from triage.quarantine.search.selection import ANY_PROOF, Selection
from triage.quarantine.teamwork import snoozes
from triage.quarantine.triage_items import item_list, row_facets
from triage.quarantine.triage_items.item_list import ItemPage
from triage.quarantine.triage_items.row_order import EVERY_ROW, RowOrder
from triage.store import ledger
from triage.store.db import transaction
from triage.store.delivery_state import Event, State
from triage.store.models.assignments import Snooze
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffSession
from triage.store.queue.grouping import Group

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
BEN = Actor.person("ben", Role.TRIAGE, EVERYTHING, "Ben Okafor")
HELD = Selection(proof=ANY_PROOF, states=(State.HELD,))
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), ("company",)) for one in (ANA, BEN, IDA, OTTO))
GROUPS: tuple[Group, ...] = get_args(Group)
AT_TWO = NOW + timedelta(hours=2)
WAVE = (
    "Dear colleague, your mailbox is nearly full. Open the page of the help desk today and confirm your address, so that nothing is lost."
)


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    """On each kind of database: a company whose staff is signed in since eight."""
    with transaction(engine) as session:
        company_rows.enter(session, replace(COMPANY, staff=STAFF), settings.company, by=SYNC, now=NOW)
        for one in (ANA, BEN, IDA, OTTO):
            session.add(
                StaffSession(key_sha256=hash_session_key(one.name), login=one.name, started_at=NOW - timedelta(hours=1), seen_at=NOW)
            )
        session.flush()
        yield session


def queue(session: Session, by: Actor, now: datetime = NOW, **asked: Any) -> ItemPage:
    return item_list.list_items(session, HELD, by=by, now=now, **asked)


def senders(page: ItemPage) -> list[str]:
    return sorted(item.lead.author.partition("@")[0] for item in page.items)


def snooze(session: Session, settings: Settings, *ids: int, by: Actor = BEN, until: datetime = AT_TWO, now: datetime = NOW) -> int:
    return snoozes.snooze_messages(session, Selection.of(ids=ids), until, by=by, settings=settings, now=now)


@pytest.mark.parametrize("group", GROUPS)
def test_a_snoozed_row_is_out_of_one_persons_way_until_its_time(session: Session, settings: Settings, group: Group) -> None:
    (anne,) = arrive(session, settings, JOE, author="anne@a.example")
    arrive(session, settings, MARA, author="bert@b.example")
    assert snooze(session, settings, anne) == 1

    bens = queue(session, BEN, group=group)
    assert (senders(bens), bens.rows, bens.deliveries, bens.snoozed, bens.back_at) == (["bert"], 1, 1, 1, AT_TWO)
    asleep = queue(session, BEN, group=group, snoozed=True)
    assert (senders(asleep), asleep.rows, asleep.snoozed) == (["anne"], 1, 1)

    anas = queue(session, ANA, group=group)
    assert (senders(anas), anas.snoozed, anas.back_at) == (["anne", "bert"], 0, None)
    marks = {item.lead.author: [(one.name, one.until) for one in item.snoozed] for item in anas.items}
    assert marks == {"anne@a.example": [("Ben Okafor", AT_TWO)], "bert@b.example": []}

    assert senders(queue(session, BEN, AT_TWO, group=group)) == ["anne", "bert"], "it is back by itself"
    assert queue(session, BEN, AT_TWO, group=group, snoozed=True).items == ()


@pytest.mark.parametrize("group", ["campaign", *(long(one) for one in GROUPS if one != "campaign")])
def test_cached_rows_are_those_that_are_counted(
    engine: Engine, session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch, group: Group
) -> None:
    """Ben's rows and his snoozed ones, with all their numbers, from the cached counts and without, also where some were touched since."""
    mails = [arrive(session, settings, JOE, author=f"{name}@w.example", dmarc=NO_DMARC) for name in ("anne", "bert", "carl")]
    mails.append(arrive(session, settings, JOE, MARA, author="dora@w.example", text=WAVE))
    session.commit()
    counted(engine)
    with transaction(engine) as later:
        snooze(later, settings, *mails[0], *mails[3])
        ways = product(get_args(RowOrder), (False, True))
        for order, shown in ways:
            compare(later, monkeypatch, group=group, order=order, snoozed=shown, position=1)
            compare(later, monkeypatch, group=group, order=order, snoozed=shown)
            anchors = item_list.list_anchors(later, HELD, by=BEN, now=NOW, group=group, order=order, snoozed=shown)
            assert anchors.rows == queue(later, BEN, group=group, snoozed=shown).rows
        arrive(later, settings, JOE, author="carl@w.example")
        for shown in (False, True):
            compare(later, monkeypatch, group=group, snoozed=shown)


def compare(session: Session, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> None:
    """The page, the filter's numbers and the anchors of the same question agree."""
    same = {name: asked[name] for name in ("group", "snoozed")}
    found, facets = queue(session, BEN, **asked), row_facets.list_facets(session, HELD, by=BEN, now=NOW, only=EVERY_ROW, **same)
    with monkeypatch.context() as patch:
        patch.setattr(item_list, "cached_for", lambda *_: None)
        assert queue(session, BEN, **asked) == found
        assert row_facets.list_facets(session, HELD, by=BEN, now=NOW, only=EVERY_ROW, **same) == facets
    assert sum(one.rows for one in facets if one.name == "severity") == found.rows
    assert found.snoozed == (3 if asked["group"] == "none" else 2)


def test_another_copy_brings_the_whole_row_back(session: Session, settings: Settings) -> None:
    copies = [arrive(session, settings, JOE, author=f"w{n}@w.example", text=WAVE)[0] for n in range(3)]
    (row,) = queue(session, BEN, group="campaign").items
    assert row.count == 3
    snooze(session, settings, *copies)
    assert queue(session, BEN, group="campaign").items == ()
    arrive(session, settings, MARA, author="w9@w.example", text=WAVE)
    (row,) = queue(session, BEN, group="campaign").items
    assert (row.count, row.snoozed) == (4, ()), "the row is decided as a whole, so it is shown as a whole"
    assert queue(session, ANA, group="campaign").items[0].snoozed == ()
    assert queue(session, BEN, group="campaign", snoozed=True).items == ()


def test_a_row_with_messages_that_nobody_snoozed_stays(session: Session, settings: Settings) -> None:
    first, _ = (arrive(session, settings, JOE, author="anne@a.example")[0] for _ in range(2))
    snooze(session, settings, first)
    assert [item.count for item in queue(session, BEN, group="sender").items] == [2]
    assert queue(session, BEN, group="none").rows == 1


def test_who_snoozed_brings_it_back(session: Session, settings: Settings) -> None:
    (anne,) = arrive(session, settings, JOE, author="anne@a.example")
    snooze(session, settings, anne)
    with pytest.raises(NotFound, match="snoozed none of these"):
        snoozes.wake_messages(session, Selection.of(ids=(anne,)), by=ANA, now=NOW)
    assert snoozes.wake_messages(session, Selection.of(ids=(anne,)), by=BEN, now=NOW) == 1
    assert senders(queue(session, BEN)) == ["anne"]
    records = session.scalars(select(AuditRecord).where(col(AuditRecord.subject) == "staff:ben").order_by(col(AuditRecord.id))).all()
    records = [one for one in records if one.act != "sync-staff"]
    assert [(one.act, one.by, one.items) for one in records] == [("snooze", str(BEN), 1), ("end-snooze", str(BEN), 1)]
    assert records[0].detail["until"] == AT_TWO.isoformat()


def leaves(session: Session, how: str) -> None:
    """Ben goes home."""
    if how == "signs out":
        staff_login.sign_out(session, BEN.name, now=NOW)
        snoozes.end_snoozes(session, by=BEN)
    elif how == "session ends":
        session.execute(delete(StaffSession).where(col(StaffSession.login) == BEN.name))
    elif how == "is away":
        coverage.set_away(session, BEN.name, AT_TWO, by=BEN, now=NOW)
    else:
        substitutes.arrange_substitute(session, "ben", "ana", starts_at=NOW, ends_at=AT_TWO, reason="", by=BEN, now=NOW)


@pytest.mark.parametrize("how", ["signs out", "session ends", "is away", "has a substitute"])
def test_a_row_of_somebody_who_goes_home_is_everybodys_again(session: Session, settings: Settings, how: str) -> None:
    (anne,) = arrive(session, settings, JOE, author="anne@a.example")
    snooze(session, settings, anne)
    leaves(session, how)
    assert queue(session, ANA).items[0].snoozed == ()
    assert (senders(queue(session, BEN)), queue(session, BEN).snoozed) == (["anne"], 0)


def test_the_next_free_row_is_none_that_one_has_snoozed(session: Session, settings: Settings) -> None:
    (anne,) = arrive(session, settings, JOE, author="anne@a.example")
    snooze(session, settings, anne)
    assert next_free_row.next_free(session, HELD, by=BEN, now=NOW) is None
    assert next_free_row.next_free(session, HELD, by=ANA, now=NOW) is not None


def with_target(settings: Settings) -> Settings:
    """IT's messages wait ninety minutes of work, from nine to five."""
    notices = replace(settings.notices, targets=("it=90",))
    return replace(settings, notices=notices, coverage=replace(settings.coverage, hours=("mon-sun 09:00-17:00",), time_zone="UTC"))


def test_no_row_sleeps_past_the_target_of_its_department(session: Session, settings: Settings) -> None:
    (joes,), (maras,) = arrive(session, settings, JOE), arrive(session, settings, MARA)
    session.execute(update(Delivery).values(urgency=50))
    settings = with_target(settings)
    with pytest.raises(BadInput, match=r"at the latest until 24 Nov 2026, 11:00 \(UTC\): then the first of these"):
        snooze(session, settings, joes, maras, until=NOW + timedelta(minutes=91))
    assert snooze(session, settings, joes, until=NOW + timedelta(minutes=90)) == 1
    assert snooze(session, settings, maras) == 1, "her department has none"
    with pytest.raises(NotAllowedNow, match="has waited longer than its target"):
        snooze(session, settings, joes, until=AT_TWO, now=NOW + timedelta(minutes=90))
    own = replace(settings, notices=replace(settings.notices, targets=("it=90", "person:mara.berg=30")))
    with pytest.raises(BadInput, match="at the latest until 24 Nov 2026, 10:00"):
        snooze(session, own, maras, until=NOW + timedelta(minutes=31))
    session.execute(update(Delivery).values(urgency=10))
    assert snooze(session, settings, joes) == 1, "the target is about messages that may be wanted"


def test_no_row_sleeps_past_its_expiry_or_the_session(session: Session, settings: Settings) -> None:
    long = replace(settings, api=replace(settings.api, session_hours=24 * 60))
    (mail,) = arrive(session, settings, JOE)
    with pytest.raises(BadInput, match="then the first of these messages expires"):
        snooze(session, long, mail, until=NOW + timedelta(days=31))
    assert snooze(session, long, mail, until=NOW + timedelta(days=29)) == 1
    with pytest.raises(BadInput, match=r"24 Nov 2026, 20:30 \(UTC\): then your session ends"):
        snooze(session, utc(settings), mail, until=NOW + timedelta(hours=12))
    with pytest.raises(BadInput, match="name a time in the future"):
        snooze(session, settings, mail, until=NOW)


def utc(settings: Settings) -> Settings:
    return replace(settings, coverage=replace(settings.coverage, time_zone="UTC"))


def test_time_limited_and_decided_messages_are_not_snoozed(session: Session, settings: Settings) -> None:
    (code,), (done,) = arrive(session, settings, JOE), arrive(session, settings, JOE)
    session.execute(update(Delivery).where(col(Delivery.id) == code).values(time_limited_until=NOW + timedelta(minutes=9)))
    ledger.record_event(session, done, Event.PURGE, by=ANA, now=NOW)
    with pytest.raises(NotAllowedNow, match="time-limited messages cannot be snoozed"):
        snooze(session, settings, code)
    with pytest.raises(NotFound, match="none of these messages is held"):
        snooze(session, settings, done)
    assert session.scalars(select(Snooze)).all() == []


def test_who_looks_only_or_is_a_program_snoozes_nothing(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    for by in (OTTO, Actor("token", "x", Role.TRIAGE, EVERYTHING), Actor.person("nobody", Role.TRIAGE, EVERYTHING, "Nobody")):
        with pytest.raises(NotAllowed):
            snooze(session, settings, mail, by=by)


def test_too_many_at_a_time_are_refused(session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snoozes, "MOST", 2)
    mails = [arrive(session, settings, JOE)[0] for _ in range(3)]
    assert snooze(session, settings, *mails[:2]) == 2
    assert snooze(session, settings, *mails[:2], until=NOW + timedelta(hours=3)) == 2, "snoozed again they count once"
    with pytest.raises(NotAllowedNow, match="at most 2 messages"):
        snooze(session, settings, mails[2])
    assert snooze(session, settings, mails[2], now=NOW + timedelta(hours=3), until=NOW + timedelta(hours=4)) == 1


def test_a_confidential_copy_is_snoozed_by_its_readers_only(session: Session, settings: Settings) -> None:
    entry = ConfidentialEntry("person:mara.berg", ("ben",))
    directory.apply_directory(session, replace(COMPANY, staff=STAFF, sealed=(entry,)), settings.company, by=SYNC, now=NOW)
    (sealed,) = arrive(session, settings, MARA)
    with pytest.raises(NotFound):
        snooze(session, settings, sealed, by=ANA)
    assert snooze(session, settings, sealed) == 1
    record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "snooze")).one()
    assert "person:mara.berg" in str(record.detail), "so that only its readers find the record"


def test_a_snooze_is_gone_with_the_contents_of_the_message(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    snooze(session, settings, mail)
    ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    assert erase(session, settings=settings, now=NOW + timedelta(days=400)) == 1
    assert session.scalars(select(Snooze)).all() == []
