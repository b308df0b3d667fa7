"""The index of words finds what looking through all messages finds, in the same order, and follows every change."""

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Engine, delete, select, text, update
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage import ids
from triage.config.settings import Settings
from triage.quarantine.search import listing, newest_matches, trigram_index
from triage.quarantine.search.selection import Selection
from triage.store import ledger
from triage.store.db import transaction
from triage.store.delivery_state import Event
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import MessageWords

JOE = "it+joe.fern@company.example"
LETTERS = "abAB\"'*()%_^:é漢字-"
MESSAGES = 40


@pytest.fixture
def full(known: Engine, settings: Settings) -> Engine:
    """Messages with any letters in their subjects, two of every moment."""
    chance = random.Random(7)
    with transaction(known) as session:
        for number in range(MESSAGES):
            subject = "".join(chance.choices([*LETTERS, " "], k=12))
            arrive(session, settings, JOE, subject=f"{number} {subject}", at=NOW + timedelta(seconds=number // 2))
    return known


def listed(session: Session, search: str, page: int = 7) -> list[int]:
    """Deliveries that a search lists, page by page."""
    found: list[int] = []
    after = None
    while True:
        one = listing.list_deliveries(session, Selection(q=search), by=ANA, limit=page, after=after)
        found += [item.id for item in one.items]
        if one.following is None:
            return found
        after = one.following


def looked_through(session: Session, word: str) -> list[int]:
    """The same by hand."""
    rows = session.execute(select(col(Delivery.received_at), col(Delivery.id), col(Delivery.search))).all()
    return [one for _, one, _ in sorted((row for row in rows if word.casefold() in row.search), reverse=True)]


@pytest.mark.parametrize("few", [newest_matches.FEW, 0], ids=["looked up", "walked through"])
def test_the_index_finds_what_is_there(full: Engine, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_matches, "FEW", few)
    with transaction(full) as session:

        @example('"*"')
        @example("sales@supplier.example")
        @given(st.text(LETTERS, min_size=1, max_size=5))
        @hypothesis_settings(max_examples=examples(8), suppress_health_check=list(HealthCheck), deadline=None)
        def finds(word: str) -> None:
            word = word.replace('"', "") or "b"
            assert listed(session, f'"{word}"') == looked_through(session, word)

        finds()


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        (["supplier", "quixotic"], ["qui", "sup"]),
        (["supplier"], ["sup", "upp"]),
        (["ab", "39 "], ["39 "]),
        (["none", "39 p"], ["non", "39 "]),
    ],
)
def test_the_rarest_pieces_are_looked_up(
    sqlite_engine: Engine, settings: Settings, words: list[str], pieces: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigram_index, "RARITY", text(f"{trigram_index.MATCHING} LIMIT 1 OFFSET 1"))
    with transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        for number in range(3):
            arrive(session, settings, JOE, subject=f"{number} quixotic" if number == 0 else "39 plans")
        assert trigram_index.rarest_pieces(session, words, ids.LARGEST) == [f'"{piece}"' for piece in pieces]


def test_the_index_follows_every_change(full: Engine) -> None:
    with transaction(full) as session:
        one, other = listed(session, "supplier")[:2]
        session.execute(update(Delivery).where(col(Delivery.id) == one).values(search="something quite different"))
        session.execute(delete(Delivery).where(col(Delivery.id) == other))
        session.execute(delete(MessageWords))
        assert listed(session, "quite different") == [one]
        assert len(left := listed(session, "supplier")) == MESSAGES - 2
        assert not {one, other} & set(left)


def test_a_change_of_state_does_not_write_the_words_again(postgresql_engine: Engine, settings: Settings) -> None:
    versions = text("SELECT delivery_id, xmin, ctid FROM delivery_words ORDER BY delivery_id")
    with transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, JOE)
    with transaction(postgresql_engine) as session:
        before = session.execute(versions).all()
        assert len(ledger.record_many(session, col(Delivery.id) > 0, Event.PURGE, by=ANA, now=NOW)) == 1
        assert session.execute(versions).all() == before
