"""Campaigns: mail that comes again joins what it is like, whoever sends it and however slowly; everything else begins its own."""

import random
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select, text as sql
from sqlmodel import Session, col

from tests.peers.processes import HANG
from tests.peers.receiving import wait_until
from tests.triage import arriving, waves
from tests.triage.arriving import NOW
from triage.config.settings import Settings
from triage.ids import new_id
from triage.intake import receive as intake
from triage.message.fingerprint import Fingerprint
from triage.message.similarity import MOST_REPRESENTATIVES, OF_A_BAND, Likeness
from triage.message.summary import make_summary
from triage.quarantine.campaigns import assign as campaigns
from triage.store import db
from triage.store.models.campaigns import Campaign, Representative
from triage.store.models.deliveries import Delivery

NEWS = "Our harvest festival opens on Saturday with music, cider and a market of forty growers."


def read(raw: bytes) -> Fingerprint | None:
    """The fingerprint of a message."""
    return Fingerprint.from_text(make_summary(raw).fingerprint)


def test_a_wave_is_one_campaign_and_other_mail_is_not_in_it(engine: Engine) -> None:
    chance = random.Random(4)
    copies = [one for number, (subject, text) in enumerate(waves.TEXTS) for one in waves.wave(number, text, subject, 25, chance)]
    truth = [number for number in range(len(waves.TEXTS)) for _ in range(25)]
    order = list(range(len(copies)))
    chance.shuffle(order)
    found: dict[int, int | None] = {}
    for place in order:
        with db.transaction(engine) as session:
            found[place] = campaigns.assign_campaign(session, read(copies[place].raw), now=NOW)
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
            seen.add(campaigns.assign_campaign(session, read(one.raw), now=NOW + timedelta(days=30 * month)))
    assert len(seen) == 1


def test_a_campaign_that_drifts_gets_representatives_and_not_too_many(engine: Engine) -> None:
    chance = random.Random(6)
    subject, text = waves.TEXTS[7]
    words = waves.invented(chance, 400)
    with db.transaction(engine) as session:
        first = campaigns.assign_campaign(session, read(waves.copy(7, text, subject, 0, chance, words).raw), now=NOW)
        assert first
        assert campaigns.count_representatives(session, [first])[first] == 1
    for _ in range(40):  # each copy has a little of its words replaced, and stays so
        text = waves.replaced(text, 0.03, chance, words)
        with db.transaction(engine) as session:
            assert campaigns.assign_campaign(session, read(waves.copy(7, text, subject, 0, chance, words).raw), now=NOW) == first
    with db.read_transaction(engine) as session:
        assert 1 < campaigns.count_representatives(session, [first])[first] <= MOST_REPRESENTATIVES


def test_mail_without_features_has_no_campaign(engine: Engine) -> None:
    with db.transaction(engine) as session:
        assert campaigns.assign_campaign(session, None, now=NOW) is None
        assert not session.scalar(select(func.count()).select_from(Campaign))


def test_common_bands_do_not_hide_a_campaign(engine: Engine) -> None:
    chance = random.Random(7)
    mine = read(next(waves.wave(0, waves.TEXTS[0][1], waves.TEXTS[0][0], 1, chance)).raw)
    assert mine
    with db.transaction(engine) as session:
        first = campaigns.assign_campaign(session, mine, now=NOW)
        for number in range(OF_A_BAND * 2):  # newer, of few words, and found under half of the same bands
            crowd = Fingerprint((*mine.bands[:8], *range(number * 8, number * 8 + 8)), frozenset(range(number * 20, number * 20 + 20)))
            begin(session, crowd)
        assert campaigns.assign_campaign(session, mine, now=NOW) == first


def test_what_comes_in_is_put_into_its_campaign(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    for number, author in enumerate(("a@one.example", "b@two.example", "c@three.example")):
        raw = f"From: {author}\r\nSubject: Harvest {number}\r\n\r\nDear friend {number},\r\n\r\n{NEWS}\r\n".encode()
        with db.transaction(engine) as session:
            everybody = arriving.envelope("it+joe.fern@company.example", "legal+mara.berg@company.example", reverse_path=author)
            intake.receive_message(session, everybody, raw, arriving.authentication(author), make_summary(raw), settings=settings, now=NOW)
    with db.read_transaction(engine) as session:
        groups = session.execute(select(col(Delivery.campaign_id), func.count()).group_by(col(Delivery.campaign_id))).all()
        assert [number for _, number in groups] == [6]
        assert groups[0][0] == session.scalars(select(col(Campaign.id))).one()
        assert session.scalar(select(func.count()).select_from(Representative)) == 1


def begin(session: Session, mail: Fingerprint) -> int:
    """A campaign with one representative, whatever it is like."""
    campaign_id = new_id()
    session.add(Campaign(id=campaign_id, begun_at=NOW))
    session.flush()
    campaigns.add_representative(session, campaign_id, mail)
    return campaign_id


def test_the_newest_of_a_common_band_are_looked_at(engine: Engine) -> None:
    mine = Fingerprint(tuple(range(16)), frozenset(range(40)))
    with db.transaction(engine) as session:
        first = begin(session, mine)
        assert campaigns.Sorting(session, [mine]).matches == {0: (1.0, first)}
        for number in range(OF_A_BAND):  # newer ones under all of the same bands
            begin(session, Fingerprint(mine.bands, frozenset(range(number * 50 + 100, number * 50 + 120))))
        assert campaigns.Sorting(session, [mine]).matches == {0: None}


@pytest.mark.parametrize("together", [1, 7, 100])
def test_what_comes_in_together_is_sorted_as_if_it_came_one_by_one(engine: Engine, together: int) -> None:
    chance = random.Random(7)
    messages = [
        read(copy.raw) for number in range(4) for copy in waves.wave(number, waves.TEXTS[number][1], waves.TEXTS[number][0], 20, chance)
    ]
    chance.shuffle(messages)
    messages.insert(5, None)
    found: list[int | None] = []
    for place in range(0, len(messages), together):
        with db.transaction(engine) as session:
            found += campaigns.assign_all(session, messages[place : place + together], now=NOW)
    alike = Likeness()
    assert found[5] is None
    assert partition(found) == partition([alike.name(mail) for mail in messages])
    with db.read_transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == len(set(found) - {None})


def partition(names: Sequence[object]) -> set[frozenset[int]]:
    """Sets of messages that share a name."""
    return {frozenset(place for place, one in enumerate(names) if one == name) for name in names}


def test_however_many_come_in_together_the_database_is_asked_a_few_times(engine: Engine) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    messages = [Fingerprint(tuple(range(begin, begin + 16)), frozenset(range(begin, begin + 40))) for begin in range(0, 3200, 100)]
    counts = []
    for _ in ("new", "copies"):
        asked.clear()
        with db.transaction(engine) as session:
            campaigns.assign_all(session, messages, now=NOW)
        counts.append(sum("representative" in one or "campaign" in one or "advisory" in one for one in asked))
    assert counts == ([6, 1] if engine.dialect.name == "postgresql" else [4, 1])


@pytest.mark.postgresql
def test_two_judges_that_enter_the_first_of_a_wave_begin_one_campaign(postgresql_url: str) -> None:
    engine = db.open_engine(postgresql_url)
    subject, words = waves.TEXTS[0]
    copies = [read(one.raw) for one in waves.wave(0, words, subject, 2, random.Random(7), levels=(1,))]
    found: list[int | None] = []

    def other() -> None:
        with db.transaction(engine) as session:
            found.append(campaigns.assign_campaign(session, copies[1], now=NOW))

    def is_waited_for() -> bool:
        with db.read_transaction(engine) as session:
            waiting = sql("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            return bool(found) or bool(session.scalar(waiting))

    thread = threading.Thread(target=other)
    with db.transaction(engine) as session:
        first = campaigns.assign_campaign(session, copies[0], now=NOW)
        thread.start()
        wait_until(is_waited_for)
    thread.join(HANG)
    assert found == [first]
    engine.dispose()
