"""When held mail expires, and who is told so before."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive
from triage import cards, db, decisions, expiry, ids, legal_holds, listings, retention
from triage.decisions import Verb
from triage.retention import Expiring
from triage.selection import Selection
from triage.settings import Settings
from triage.states import State

DAYS = timedelta(days=1)
MARA, JOE = "mara.berg@company.example", "joe.fern@company.example"


@pytest.mark.parametrize(
    ("state", "entered_at", "decided_at", "days", "expires"),
    [
        ("held", NOW, None, 30, NOW + 30 * DAYS),
        ("held", NOW, NOW - DAYS, 30, NOW + 30 * DAYS),
        ("held", NOW, NOW + 2 * DAYS, 30, NOW + 32 * DAYS),
        ("held", NOW + 4 * DAYS, None, 30, NOW + 34 * DAYS),
        ("held", NOW + 4 * DAYS, NOW + 2 * DAYS, 30, NOW + 34 * DAYS),
        ("held", NOW - DAYS, None, 30, NOW + 30 * DAYS),
        ("held", NOW, None, None, None),
        ("purged", NOW, None, 30, None),
    ],
)
def test_when_mail_expires(
    state: str, entered_at: datetime, decided_at: datetime | None, days: int | None, expires: datetime | None
) -> None:
    assert expiry.moment(state, ids.first_id_at(entered_at), NOW, decided_at, days) == expires


def test_what_lay_in_the_spool_for_long_is_held_as_long_as_all_other_mail(known: Engine, settings: Settings) -> None:
    short = replace(settings, retention=replace(settings.retention, held_days=2))
    with db.transaction(known) as session:
        arrive(session, short, at=NOW - 5 * DAYS)
        expiry.note(session, 2)
        ends = NOW + 2 * DAYS
        assert [one.expires_at for one in listings.deliveries(session, Selection(), by=ANA).items] == [ends]
        assert retention.expiring(session, by=ANA, settings=short, now=NOW) == []
        assert retention.expiring(session, by=ANA, settings=short, now=ends - DAYS / 2) == [Expiring("it", "joe.fern", 1, ends)]
        assert retention.expire(session, settings=short, now=ends - DAYS / 2) == 0
        assert retention.expire(session, settings=short, now=ends + DAYS / 2) == 1


def test_what_expires_within_a_day_is_told_by_folder(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, MARA, JOE)
        (spared,) = arrive(session, settings, JOE, subject="Held for the court")
        legal_holds.add(session, by=IDA, reason="x", now=NOW, selected=Selection.of(ids=(spared,)))
        (again,) = arrive(session, settings, JOE, subject="Looked at again")
        for verb in (Verb.PURGE, Verb.RESTORE):
            decisions.decide(session, Selection.of(ids=(again,)), verb, by=ANA, reason="", now=NOW + 5 * DAYS, settings=settings)
        ends = NOW + 30 * DAYS
        assert retention.expiring(session, by=ANA, settings=settings, now=ends - 2 * DAYS) == []
        told = retention.expiring(session, by=ANA, settings=settings, now=ends - DAYS / 2)
        assert told == [Expiring("it", "joe.fern", 1, ends), Expiring("legal", "mara.berg", 1, ends)]
        assert [one.department for one in retention.expiring(session, by=BEN, settings=settings, now=ends - DAYS / 2)] == ["legal"]


def test_lists_and_cards_say_so(known: Engine, settings: Settings) -> None:
    ends = NOW + 30 * DAYS
    with db.transaction(known) as session:
        arrive(session, settings, MARA, JOE)
        arrive(session, settings, JOE, author="other@elsewhere.example")
        expiry.note(session, settings.retention.held_days)
    with db.reading(known) as session:
        for now, soon in ((NOW, None), (ends - DAYS / 2, ends)):
            page = cards.cards(session, Selection(states=(State.HELD,)), by=ANA, now=now)
            assert {(one.count, one.expires_at) for one in page.items} == {(2, soon), (1, soon)}
            single = cards.cards(session, Selection(states=(State.HELD,)), by=ANA, now=now, group="none")
            assert [one.expires_at for one in single.items] == [soon] * 3
        assert {one.expires_at for one in listings.deliveries(session, Selection(), by=ANA).items} == {ends}
        assert listings.deliveries(session, Selection(), by=ANA, expiring_by=NOW + DAYS).total == 0
        assert listings.deliveries(session, Selection(), by=ANA, expiring_by=ends + DAYS).total == 3


def test_nothing_is_said_where_nothing_was_ever_let_expire(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, MARA)
        assert [one.expires_at for one in listings.deliveries(session, Selection(), by=ANA).items] == [None]
        assert listings.deliveries(session, Selection(), by=ANA, expiring_by=NOW + 99 * DAYS).total == 0
