"""Claim: of 1,000,000 deliveries the newest 50 that a search finds are listed in 60 ms (p99), whatever it looks for.

What people type into the search field over all messages, as the house answers it: the page, and how many more there are. Words that
nearly every message has, that one in a thousand has, that one message has and that none has; addresses; parts of words; several at once;
words, phrases and beginnings of words of held messages' texts; in the whole company and in one department. Beside each the same list
without a search; and how all of it grows from a hundredth of those messages. `--size N` for another number, `--kept DIRECTORY` keeps the
databases.
"""

import argparse
import contextlib
import gc
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import Session, SQLModel

from bench.queue_rows import ANA, BEN, House, prepare_house
from bench.rounds import filled_databases, filling, goals, printing, processor
from bench.rounds.filling import CONTENT, DELIVERY, MESSAGE
from tests.peers import postgresql, processes
from tests.triage import arriving
from triage import ids
from triage.actor import Actor
from triage.quarantine.search import listing, message_words
from triage.quarantine.search.selection import Selection
from triage.store import db

SIZE = 1_000_000
READS = 60
DAYS = 30
COPIES = 5  # deliveries of one message
WORDS = 20_000
SAID = 120  # words of a text
WORDS_OF_MESSAGES = SQLModel.metadata.tables["message_words"]
SYLLABLES = [one + other for one in "bcdfghjklmnprstvwxyz" for other in "aeiou"]
FREQUENCIES = list(accumulate(1 / (rank + 10) for rank in range(WORDS)))  # Zipf-Mandelbrot, as words occur


def make_word(rank: int) -> str:
    """The word of this rank: the commonest is of rank 0, and every one is another."""
    return "".join(SYLLABLES[place % len(SYLLABLES)] for place in (rank, rank // len(SYLLABLES), 7 * rank + 3))


def make_text_word(rank: int) -> str:
    """The same for texts: no subject has one of these."""
    return f"x{make_word(rank)}"


QUESTIONS = {
    "a word of every tenth mail": make_word(0),
    "a word of one mail in a hundred": make_word(60),
    "a word of one mail in ten thousand": make_word(15_000),
    "a word of no mail": "quixotic",
    "a part of a word": make_word(700)[1:5],
    "two common words": f"{make_word(1)} {make_word(2)}",
    "a common and a rare word": f"{make_word(0)} {make_word(12_000)}",
    "not a common word": f"-{make_word(0)}",
    "an address": "somebody77@sender5.example",
    "from: a domain": "from:@sender5.example",
    "from: nobody": "from:@nowhere.example",
    "to: a person": "to:person7",
    "subject: a rare word": f"subject:{make_word(9_000)}",
    "two letters": "zq",
    "two common letters": "ba",
    "a word of most texts": make_text_word(0),
    "a word of one text in a hundred": make_text_word(900),
    "a word of few texts": make_text_word(19_500),
    "two common words of texts": f"{make_text_word(3)} {make_text_word(4)}",
    "a common and a rare word of texts": f"{make_text_word(0)} {make_text_word(19_000)}",
    "the beginning of words of texts": make_text_word(5)[:4],
    "a phrase of texts": f'"{make_text_word(0)} {make_text_word(1)}"',
    "a phrase of no text": f'"{make_text_word(0)} {make_text_word(0)}"',
    "not a common word of texts": f"-{make_text_word(0)}",
}


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--size", type=int, default=SIZE, help="deliveries")
    wanted.add_argument("--reads", type=int, default=READS, help="of each question")
    wanted.add_argument("--kept", help="where the databases lie, and stay")
    given = wanted.parse_args()
    size = given.size
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(filled_databases.find_place("search", given.kept))
        try:
            server = stack.enter_context(filled_databases.start_server(place))
        except processes.Missing as missing:
            return printing.print_missing(missing)
        few, houses = (fill_databases(place, server, count, given.reads) for count in (size // 100, size))
        watch = processor.Watch((int((server.directory / "data" / "postmaster.pid").read_text().split()[0]),))
        slowest = max(print_report(house, size, ask_everything(small)) for small, house in zip(few, houses, strict=True))
        others = watch.stop()[2]
        for house in (*few, *houses):
            house.engine.dispose()
    goals.print_goals({"search.p99": slowest}, of=size, whole=SIZE)
    printing.print_machine(*(house.version for house in houses), others=[others])
    return 0


def fill_databases(place: Path, server: postgresql.Server, size: int, reads: int) -> list[House]:
    """A database of each kind with so much mail."""
    houses = [
        prepare_house(
            "SQLite", db.open_engine(f"sqlite:///{place}/search{size}.db", cache=db.LARGE_CACHE), "SELECT sqlite_version()", reads
        ),
        prepare_house("PostgreSQL", db.open_engine(server.create(f"search{size}")), "SHOW server_version", reads),
    ]
    if empty := [house.engine for house in houses if filled_databases.is_empty(house.engine)]:
        fill_engines(empty, size)
    return houses


def fill_engines(engines: list[Engine], size: int) -> None:
    """Add so many deliveries of the last month, in the order in which they came."""
    chance = random.Random(size)
    content: dict[str, Any] = {"id": ids.new_id(), "sha256": f"{size:064x}", "size": 0}
    for engine in engines:
        with db.transaction(engine) as session:
            session.connection().execute(insert(CONTENT), content)
    for messages, deliveries, words in make_groups(size, content["id"], chance):
        for engine in engines:
            with db.transaction(engine) as session:
                session.connection().execute(insert(MESSAGE), messages)
                session.connection().execute(insert(DELIVERY), deliveries)
                session.connection().execute(insert(WORDS_OF_MESSAGES), words)
    for engine in engines:
        filling.look_at_statistics(engine)


Rows = list[dict[str, Any]]


def make_groups(size: int, content: int, chance: random.Random) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Messages, their deliveries, and the words of the messages."""
    span = timedelta(days=DAYS) / size
    for first in range(0, size, filling.GROUP):
        messages, deliveries, words = [], [], []
        for number in range(first, min(first + filling.GROUP, size)):
            at = arriving.NOW - timedelta(days=DAYS) + number * span
            message, delivery = filling.make_rows(content, "", chance)
            if number % COPIES == 0:
                subject = " ".join(make_word(rank) for rank in chance.choices(range(WORDS), cum_weights=FREQUENCIES, k=7))
                said = " ".join(make_text_word(rank) for rank in chance.choices(range(WORDS), cum_weights=FREQUENCIES, k=SAID))
                messages.append(message | {"id": ids.first_id_at(at) + number, "received_at": at, "text": said})
                words.append({"message_id": messages[-1]["id"], "words": " ".join(message_words.words_of(f"{subject} {said}"))})
            names = (subject, delivery["author_name"], delivery["author"], delivery["recipient"], delivery["person"])
            kept = {"id": ids.first_id_at(at) + number, "message_id": messages[-1]["id"], "received_at": at, "subject": subject}
            here = {"recipient": f"{number}.{delivery['recipient']}", "search": " ".join(names).casefold()}
            deliveries.append(delivery | kept | here | {"signals": [], "why_here": [], "beside": []})
        yield messages, deliveries, words


Answers = Mapping[str, tuple[tuple[float, float], tuple[float, float]]]
"""p50 and p99 of each search, in the whole company and in one department."""


def ask_everything(house: House) -> Answers:
    """Ask everything."""
    asks = {"no search": "", **QUESTIONS}
    return {name: (ask_search(house, words, ANA), ask_search(house, words, BEN)) for name, words in asks.items()}


def print_report(house: House, size: int, few: Answers) -> float:
    """Ask everything and print, with how it grew from a hundredth of the messages; the slowest p99 of a search."""
    gc.freeze()  # as in the process that the API is forked from (triage_cli.services.preload)
    print(f"{house.version}, {size:,} deliveries, {house.reads} times each; growth from {size // 100:,}")
    found = ask_everything(house)
    rows = [
        (name, QUESTIONS.get(name, ""), *format_figures(whole), printing.format_ratio(whole[0], few[name][0][0]), *format_figures(one))
        for name, (whole, one) in found.items()
    ]
    printing.print_table(("milliseconds", "", "company p50", "p99", "growth", "department p50", "p99"), rows)
    return max(max(whole[1], one[1]) for name, (whole, one) in found.items() if name in QUESTIONS)


def ask_search(house: House, words: str, by: Actor) -> tuple[float, float]:
    """p50 and p99 of one search."""
    wanted = Selection.of(q=words) if words else Selection()
    ask: Callable[[Session], Any] = lambda session: listing.list_deliveries(session, wanted, by=by)  # noqa: E731
    taken = sorted(time_question(house, ask) for _ in range(house.reads))
    return taken[house.reads // 2], taken[house.reads * 99 // 100]


def format_figures(taken: tuple[float, float]) -> tuple[str, str]:
    """As the table shows them."""
    return f"{taken[0]:.1f}", f"{taken[1]:.1f}"


def time_question(house: House, ask: Callable[[Session], Any]) -> float:
    """Milliseconds until a question is answered."""
    with db.read_transaction(house.engine) as session:
        begun = time.perf_counter()
        ask(session)
        return 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    sys.exit(main())
