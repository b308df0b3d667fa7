"""When held mail expires, and who is told so before."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive
from triage import cards, db, decisions, expiry, legal_holds, listings, retention
from triage.decisions import Verb
from triage.retention import Expiring
from triage.selection import Selection
from triage.settings import Settings
from triage.states import State

DAYS = timedelta(days=1)
MARA, JOE = "mara.berg@company.example", "joe.fern@company.example"


@pytest.mark.parametrize(
    ("state", "decided_at", "days", "expires"),
    [
        ("held", None, 30, NOW + 30 * DAYS),
        ("held", NOW - DAYS, 30, NOW + 30 * DAYS),
        ("held", NOW + 2 * DAYS, 30, NOW + 32 * DAYS),
        ("held", None, None, None),
        ("purged", None, 30, None),
    ],
)
def test_when_mail_expires(state: str, decided_at: datetime | None, days: int | None, expires: datetime | None) -> None:
    assert expiry.moment(state, NOW, decided_at, days) == expires


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
