"""Campaigns: mail that comes again joins what it is like, whoever sends it and however slowly; everything else begins its own."""

import random
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select, text as sql
from sqlmodel import col

from tests.peers.processes import HANG
from tests.peers.receiving import until
from tests.triage import arriving, waves
from tests.triage.arriving import NOW
from triage import campaigns, db, intake
from triage.content import summarise
from triage.fingerprint import Fingerprint
from triage.likeness import MOST_REPRESENTATIVES, OF_A_BAND
from triage.models import Campaign, Delivery, Representative
from triage.settings import Settings

NEWS = "Our harvest festival opens on Saturday with music, cider and a market of forty growers."


def read(raw: bytes) -> Fingerprint | None:
    """The fingerprint of a message."""
    return Fingerprint.from_text(summarise(raw).fingerprint)


def test_a_wave_is_one_campaign_and_other_mail_is_not_in_it(engine: Engine) -> None:
    chance = random.Random(4)
    copies = [one for number, (subject, text) in enumerate(waves.TEXTS) for one in waves.wave(number, text, subject, 25, chance)]
    truth = [number for number in range(len(waves.TEXTS)) for _ in range(25)]
    order = list(range(len(copies)))
    chance.shuffle(order)
    found: dict[int, int | None] = {}
    for place in order:
        with db.transaction(engine) as session:
            found[place] = campaigns.assign(session, read(copies[place].raw), now=NOW)
    pairs = [(one, other) for one in order for other in order if one < other]
    same = [(one, other) for one, other in pairs if truth[one] == truth[other]]
    together = [(one, other) for one, other in pairs if found[one] == found[other]]
    assert all(truth[one] == truth[other] for one, other in together)
    assert len(together) >= 0.95 * len(same)


def test_a_slow_wave_stays_one_campaign(engine: Engine) -> None:
    chance = random.Random(5)
    subject, text = waves.TEXTS[0]
    copies = waves.wave(0, text, subject, 12, chance, levels=(3,))
    seen = set()
    for month, one in enumerate(copies):
        with db.transaction(engine) as session:
            seen.add(campaigns.assign(session, read(one.raw), now=NOW + timedelta(days=30 * month)))
    assert len(seen) == 1


def test_a_campaign_that_drifts_gets_representatives_and_not_too_many(engine: Engine) -> None:
    chance = random.Random(6)
    subject, text = waves.TEXTS[7]
    words = waves.invented(chance, 400)
    with db.transaction(engine) as session:
        first = campaigns.assign(session, read(waves.copy(7, text, subject, 0, chance, words).raw), now=NOW)
        assert first
        assert campaigns.represented(session, first) == 1
    for _ in range(40):  # each copy has a little of its words replaced, and stays so
        text = waves.replaced(text, 0.03, chance, words)
        with db.transaction(engine) as session:
            assert campaigns.assign(session, read(waves.copy(7, text, subject, 0, chance, words).raw), now=NOW) == first
    with db.reading(engine) as session:
        assert 1 < campaigns.represented(session, first) <= MOST_REPRESENTATIVES


def test_mail_without_features_has_no_campaign(engine: Engine) -> None:
    with db.transaction(engine) as session:
        assert campaigns.assign(session, None, now=NOW) is None
        assert not session.scalar(select(func.count()).select_from(Campaign))


def test_common_bands_do_not_hide_a_campaign(engine: Engine) -> None:
    chance = random.Random(7)
    mine = read(next(waves.wave(0, waves.TEXTS[0][1], waves.TEXTS[0][0], 1, chance)).raw)
    assert mine
    with db.transaction(engine) as session:
        first = campaigns.assign(session, mine, now=NOW)
        for number in range(OF_A_BAND * 2):  # newer, of few words, and found under half of the same bands
            crowd = Fingerprint((*mine.bands[:8], *range(number * 8, number * 8 + 8)), frozenset(range(number * 20, number * 20 + 20)))
            campaigns.begin(session, crowd, now=NOW)
        assert campaigns.assign(session, mine, now=NOW) == first


def test_what_comes_in_is_put_into_its_campaign(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    for number, author in enumerate(("a@one.example", "b@two.example", "c@three.example")):
        raw = f"From: {author}\r\nSubject: Harvest {number}\r\n\r\nDear friend {number},\r\n\r\n{NEWS}\r\n".encode()
        with db.transaction(engine) as session:
            everybody = arriving.envelope("it+joe.fern@company.example", "legal+mara.berg@company.example", reverse_path=author)
            intake.receive(session, everybody, raw, arriving.authentication(author), summarise(raw), settings=settings, now=NOW)
    with db.reading(engine) as session:
        groups = session.execute(select(col(Delivery.campaign_id), func.count()).group_by(col(Delivery.campaign_id))).all()
        assert [number for _, number in groups] == [6]
        assert groups[0][0] == session.scalars(select(col(Campaign.id))).one()
        assert session.scalar(select(func.count()).select_from(Representative)) == 1


def test_the_newest_of_a_common_band_are_looked_at(engine: Engine) -> None:
    mine = Fingerprint(tuple(range(16)), frozenset(range(40)))
    with db.transaction(engine) as session:
        first = campaigns.begin(session, mine, now=NOW)
        assert campaigns.nearest(session, mine) == ((1.0, first), True)
        for number in range(OF_A_BAND):  # newer ones under all of the same bands
            campaigns.begin(session, Fingerprint(mine.bands, frozenset(range(number * 50 + 100, number * 50 + 120))), now=NOW)
        assert campaigns.nearest(session, mine) == (None, True)


@pytest.mark.postgresql
def test_a_copy_asks_the_database_once_and_a_new_campaign_twice(postgresql_engine: Engine) -> None:
    asked: list[str] = []
    event.listen(postgresql_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    one, other = (Fingerprint(tuple(range(begin, begin + 16)), frozenset(range(begin, begin + 40))) for begin in (0, 100))
    counts = []
    for mail in (one, one, other):
        asked.clear()
        with db.transaction(postgresql_engine) as session:
            campaigns.assign(session, mail, now=NOW)
        counts.append(len(asked))
    assert counts == [2, 1, 2]


@pytest.mark.postgresql
def test_two_judges_that_enter_the_first_of_a_wave_begin_one_campaign(postgresql_url: str) -> None:
    engine = db.open_engine(postgresql_url)
    subject, words = waves.TEXTS[0]
    copies = [read(one.raw) for one in waves.wave(0, words, subject, 2, random.Random(7), levels=(1,))]
    found: list[int | None] = []

    def other() -> None:
        with db.transaction(engine) as session:
            found.append(campaigns.assign(session, copies[1], now=NOW))

    def is_waited_for() -> bool:
        with db.reading(engine) as session:
            waiting = sql("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            return bool(found) or bool(session.scalar(waiting))

    thread = threading.Thread(target=other)
    with db.transaction(engine) as session:
        first = campaigns.assign(session, copies[0], now=NOW)
        thread.start()
        until(is_waited_for)
    thread.join(HANG)
    assert found == [first]
    engine.dispose()
