"""A search finds what its plain condition finds, page by page, and says how far it has looked where it had no time for a page."""

import random
import re
from collections.abc import Generator, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import Connection, Engine, event, select, text, true
from sqlmodel import Session, col

from tests.effort import examples
from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, arrive
from tests.triage.plans import explained
from triage import ids
from triage.access import scope as access
from triage.actor import Actor
from triage.config.settings import Settings
from triage.quarantine.search import listing, message_words, newest_matches, search_stream, trigram_index
from triage.quarantine.search.listing import Listed, Page
from triage.quarantine.search.search_stream import END, TOP, Batch, Place, Source
from triage.quarantine.search.selection import Selection, selection_condition
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
MESSAGES = 24
WORDS = ("invoice", "order", "lawyer", "lawyers", "straße", "漢字", "a", "zq", "q1_2", "50%")
SUBJECTS = [f"subject:{word}" for word in WORDS]
TERMS = (
    *WORDS,
    *SUBJECTS,
    "from:supplier",
    "from:@else.example",
    "from:xx",
    "to:joe",
    "to:mara",
    "has:attachment",
    "state:held",
    "severity:none",
)
MORE = ('"order lawyer"', '"a zq"', "after:2026-01-01", "before:2026-01-01", "law", "quixotic")


@pytest.fixture
def full(known: Engine, settings: Settings) -> Engine:
    """Messages whose subjects and texts have some of the words, each for one or two people."""
    chance = random.Random(7)
    with transaction(known) as session:
        for number in range(MESSAGES):
            subject, text = (" ".join(chance.choices(WORDS, k=3)) for _ in range(2))
            people = chance.choice([(JOE,), (MARA,), (JOE, MARA)])
            arrive(session, settings, *people, subject=subject, text=text, at=NOW + timedelta(seconds=number))
    return known


def read_pages(session: Session, wanted: Selection, by: Actor, limit: int) -> Iterator[Page[Listed]]:
    """All pages of a list."""
    after = None
    while True:
        page = listing.list_deliveries(session, wanted, by=by, limit=limit, after=after)
        yield page
        if page.following is None:
            return
        after = page.following


@pytest.mark.parametrize("hurried", [True, False], ids=["out of time", "in time"])
def test_a_search_finds_what_its_condition_finds(full: Engine, hurried: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read_few(monkeypatch, 4)
    if hurried:
        hurry(monkeypatch)
    asked = st.lists(st.sampled_from([*TERMS, *MORE, *(f"-{term}" for term in TERMS)]), min_size=1, max_size=3)
    with transaction(full) as session:

        @example(["order", "lawyer"], ANA, 3)
        @example(["-lawyers"], BEN, 3)
        @given(asked, st.sampled_from([ANA, BEN]), st.integers(1, 9))
        @hypothesis_settings(max_examples=examples(8), suppress_health_check=list(HealthCheck), deadline=None)
        def finds(terms: list[str], by: Actor, limit: int) -> None:
            wanted = Selection(q=" ".join(terms))
            listed = [one for page in read_pages(session, wanted, by, limit) for one in page.items]
            where = (selection_condition(wanted), access.visible_deliveries(by))
            assert sorted(one.id for one in listed) == sorted(session.scalars(select(col(Delivery.id)).where(*where)))
            assert [one.received_at for one in listed] == sorted((one.received_at for one in listed), reverse=True)

        finds()


def read_few(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Makes each search read this many candidates or rows at first."""
    monkeypatch.setattr(search_stream, "AT_ONCE", number)
    monkeypatch.setattr(newest_matches, "ROWS", number)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each search stop after its first candidates."""
    for name, value in (("LEAST", 1), ("PATIENCE", -1), ("PATIENCE_FURTHER", -1)):
        monkeypatch.setattr(search_stream, name, value)


def source_of(numbers: list[int], rows: int) -> Source:
    """A source that finds these numbers among so many rows at once, and then nothing."""
    places = [(one, one) for one in numbers]
    return Source(Delivery.id, Delivery.id, true(), iterate([Batch(places, (min(numbers), 0), rows=rows), Batch((), END)]))


def iterate(batches: list[Batch]) -> Generator[Batch]:
    """Yields them."""
    yield from batches


@pytest.mark.parametrize("after", [TOP, (5000, 0)], ids=["first page", "later page"])
def test_no_search_stops_where_it_began(after: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the first of its sources takes all the time."""
    hurry(monkeypatch)
    monkeypatch.setattr(search_stream, "check_candidates", lambda _session, _source, places: iter(places))
    sources = [source_of([4999, 4998], 1000), source_of([4997], 1000)]
    found = search_stream.find_places(Session(), sources, 50, after)
    assert (found.places, found.reached) == (((4999, 4999), (4998, 4998)), (4998, 0))


def test_candidates_that_are_sifted_out_count_as_looked_at(
    sqlite_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a search of three words would read all messages that have two of them."""
    with transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        for text in ("alpha beta", "beta gamma", "alpha gamma", "alpha beta", "beta gamma", "alpha gamma"):
            arrive(session, settings, JOE, text=text)
    hurry(monkeypatch)
    monkeypatch.setattr(message_words, "AT_FIRST", 1)
    with read_transaction(sqlite_engine) as session:
        page = listing.list_deliveries(session, Selection(q="alpha beta gamma"), by=ANA)
        assert (page.items, page.looked_back_to is not None) == ((), True)


def test_words_beside_an_id_mean_what_they_mean_alone(known: Engine, settings: Settings) -> None:
    """All in subject, names and addresses, or all in the text."""
    with transaction(known) as session:
        (one,) = arrive(session, settings, JOE, subject="invoice", text="transfer to the lawyer")
        number = ids.format_id(session.get_one(Delivery, one).message_id)
        asked = {
            "invoice sales": True,
            "transfer lawyer": True,
            "joe invoice": True,
            "joe lawyer": False,
            "invoice -transfer": False,
            "invoice -order": True,
        }
        for name in (number, f"queue-id:{number}"):
            for words, fits in asked.items():
                wanted = Selection(q=f"{name} {words}")
                listed = [row.id for row in listing.list_deliveries(session, wanted, by=ANA).items]
                selected = list(session.scalars(select(col(Delivery.id)).where(selection_condition(wanted))))
                assert (listed, selected) == (([one], [one]) if fits else ([], [])), wanted


@pytest.mark.parametrize("search", ["quixotic -quixotic", "subject:order -order", "state:purged", "invoice state:purged", "to:nobody"])
def test_without_time_it_says_how_far_it_has_looked(full: Engine, search: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read_few(monkeypatch, 2)
    hurry(monkeypatch)
    with transaction(full) as session:
        *partly, last = read_pages(session, Selection(q=search), ANA, 5)
        assert (last.items, last.looked_back_to) == ((), None)
        moments = [page.looked_back_to for page in partly if page.looked_back_to]
        assert len(moments) == len(partly)
        assert moments == sorted(moments, reverse=True)
        assert partly or "quixotic" in search


def test_everything_since_then_has_been_looked_at(full: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    read_few(monkeypatch, 3)
    hurry(monkeypatch)
    with transaction(full) as session:
        wanted = Selection(q="order")
        seen: set[int] = set()
        for page in read_pages(session, wanted, ANA, 50):
            seen.update(one.id for one in page.items)
            since = ids.first_id_at(page.looked_back_to) if page.looked_back_to else 0
            newer = select(col(Delivery.id)).where(selection_condition(wanted), col(Delivery.message_id) > since + (1 << ids.SEQUENCE_BITS))
            assert set(session.scalars(newer)) <= seen


def test_a_search_counts_only_what_it_has_looked_at(full: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction(full) as session:
        whole = listing.list_deliveries(session, Selection(q="from:supplier"), by=ANA, limit=5)
        assert (len(whole.items), whole.total >= MESSAGES, whole.is_at_least) == (5, True, False)
        read_few(monkeypatch, 10)
        first = listing.list_deliveries(session, Selection(q="from:supplier"), by=ANA, limit=5)
        assert (len(first.items), first.total, first.is_at_least) == (5, 10, True)


def test_what_is_found_by_two_indexes_is_listed_once(full: Engine, settings: Settings) -> None:
    with transaction(full) as session:
        arrived = arrive(session, settings, JOE, MARA, subject="unheard of", text="It is unheard of.")
        page = listing.list_deliveries(session, Selection(q="unheard"), by=ANA)
        assert sorted(one.id for one in page.items) == sorted(arrived)


PLANS = {
    "offer": {"delivery_words VIRTUAL TABLE", "sqlite_autoindex_delivery_1 (id=?)"},
    "settlement": {"delivery_words VIRTUAL TABLE", "sqlite_autoindex_delivery_2 (message_id=?)"},
    "from:supplier": {"delivery_words VIRTUAL TABLE", "sqlite_autoindex_delivery_1 (id=?)"},
    "has:attachment": {"delivery_newest", "sqlite_autoindex_delivery_1 (id=?)"},
    "zq": {"sqlite_autoindex_delivery_1 (id<?)", "sqlite_autoindex_delivery_1 (id=?)"},
}


@pytest.mark.parametrize("search", PLANS)
def test_a_search_reads_its_index_and_the_rows_that_this_names(sqlite_engine: Engine, settings: Settings, search: str) -> None:
    with transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, JOE, subject="offer", text="the settlement")
    steps = explained(sqlite_engine)
    with read_transaction(sqlite_engine) as session:
        listing.list_deliveries(session, Selection(q=search), by=ANA)
    read = [step.partition(" of SELECT")[0] for step in steps if re.match(r"(SEARCH|SCAN) (delivery|message_word)", step)]
    assert [step for step in read if step == "SCAN delivery"] == []
    assert {part for part in PLANS[search] if not any(part in step for step in read)} == set(), read


@pytest.fixture
def many(postgresql_engine: Engine, settings: Settings) -> Engine:
    """Many deliveries, of which PostgreSQL has statistics."""
    columns = ", ".join(name for name in Delivery.model_fields if name not in ("id", "recipient", "search"))
    new = f"SELECT id + n, n || recipient, 'word' || n || ' of ' || search, {columns} FROM delivery, generate_series(1, 5000) n"
    with transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
        arrive(session, settings, JOE)
        session.execute(text(f"INSERT INTO delivery (id, recipient, search, {columns}) {new}"))
        session.execute(text("SELECT gin_clean_pending_list('delivery_words_by_pieces')"))
        session.execute(text("ANALYZE delivery, delivery_words"))
    return postgresql_engine


def test_postgresql_reads_the_newest_words_by_their_ids_or_asks_their_index(many: Engine) -> None:
    steps: list[str] = []

    def explain(connection: Connection, _cursor: Any, words: str, values: Any, _context: Any, _many: bool) -> None:
        if "delivery" in words and words.startswith("SELECT"):
            steps.extend(row[0] for row in connection.connection.cursor().execute(f"EXPLAIN {words}", values))

    event.listen(many, "after_cursor_execute", explain)
    words = trigram_index.words_on_postgresql(["settlement"])
    with read_transaction(many) as session:
        assert newest_matches.read_rows(session, words, ids.LARGEST, 10).rows == 10
        assert any("Index Cond: (delivery_id <=" in step for step in steps), steps
        assert not any("Sort" in step or "Seq Scan" in step for step in steps), steps
        for ask in (partial(newest_matches.ask_index, session, words, ids.LARGEST, 1), partial(select_all, session, "subject:settlement")):
            steps.clear()
            assert ask() == []
            assert any("Bitmap Index Scan on delivery_words_by_pieces" in step for step in steps), steps
            assert not any("Seq Scan" in step for step in steps), steps


def select_all(session: Session, search: str) -> list[int]:
    """The deliveries that a selection names, with no list to fill."""
    return list(session.scalars(select(col(Delivery.id)).where(selection_condition(Selection(q=search)))))
