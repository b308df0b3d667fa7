"""Trigram index: deliveries whose subject, names and addresses may have some words, newest first.

SQLite's is FTS5. PostgreSQL's is on a table of its own, which triggers fill from `Delivery.search`: a change of state writes neither.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text, and_, column, select, table, text, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session, col

from triage.quarantine.search.newest_matches import Words
from triage.quarantine.search.search_stream import Batch, batch_rows
from triage.store.models.deliveries import Delivery

PIECE = 3  # letters
MOST_PIECES = 12  # that are tried
TRIED = 100  # deliveries that have a piece, until it is known how rare it is
MATCHING = text("SELECT rowid FROM delivery_words WHERE delivery_words MATCH :pieces AND rowid <= :most ORDER BY rowid DESC")
RARITY = text(f"{MATCHING} LIMIT 1 OFFSET {TRIED}")
ON_POSTGRESQL = table("delivery_words", column("delivery_id", BigInteger), column("search", Text))


def has_piece(words: Iterable[str]) -> bool:
    """Whether the index can tell something of these words."""
    return any(len(word) >= PIECE for word in words)


def match_pieces(session: Session, words: Sequence[str], most: int) -> Generator[Batch]:
    """Deliveries up to the id `most` that have the two rarest pieces of the words: SQLite's index (FTS5).

    FTS5 looks for several pieces at once through all messages without a pause, where no message has them all: two lists are soon read.
    """
    pieces = rarest_pieces(session, words, most)
    found = session.connection().execute(MATCHING, {"pieces": " AND ".join(pieces), "most": most})
    try:
        yield from batch_rows(found.scalars())
    finally:
        found.close()


def rarest_pieces(session: Session, words: Sequence[str], most: int) -> list[str]:
    """The rarest piece, and the rarest one of another word where there is one, as FTS5 reads them."""

    def age_of_match(piece: str) -> int:
        return session.connection().scalar(RARITY, {"pieces": quote_piece(piece), "most": most}) or 0

    ranked = sorted(word_pieces(words), key=age_of_match)
    others = [piece for piece in ranked[1:] if any(piece in word and ranked[0] not in word for word in words)]
    return [quote_piece(piece) for piece in (ranked[0], *(others or ranked[1:])[:1])]


def word_pieces(words: Iterable[str]) -> list[str]:
    """Three letters that stand together in one of the words; those with figures first, which are rare."""
    found = {word[place : place + PIECE]: None for word in words for place in range(len(word) - PIECE + 1)}
    return sorted(found, key=str.isalpha)[:MOST_PIECES]


def quote_piece(piece: str) -> str:
    """A piece as FTS5 reads it: nothing in it is an operator."""
    return '"' + piece.replace('"', '""') + '"'


def words_on_postgresql(words: Iterable[str]) -> Words:
    """PostgreSQL's table of the words of deliveries, and the condition that a row of it has all these."""
    has_all = and_(*map(has_word, words))
    return Words(ON_POSTGRESQL.c.delivery_id, has_all, has_all)


def has_word(word: str) -> ColumnElement[bool]:
    """Whether a row of PostgreSQL's table has a folded word."""
    return ON_POSTGRESQL.c.search.contains(word, autoescape=True)


class HasWord(FunctionElement[bool]):
    """Whether PostgreSQL's index finds the delivery by a folded word; always true on SQLite, which looks at the delivery's row."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, word: str) -> None:
        super().__init__(col(Delivery.id).in_(select(ON_POSTGRESQL.c.delivery_id).where(has_word(word))))

    def self_group(self, against: Any = None) -> Self:
        """As it is: SQLite would compare it with 1 else."""
        return self


@compiles(HasWord)
def look_at_row(_element: HasWord, compiler: Any, **options: Any) -> str:
    """SQLite's way."""
    return str(compiler.process(true(), **options))


@compiles(HasWord, "postgresql")
def ask_index(element: HasWord, compiler: Any, **options: Any) -> str:
    """PostgreSQL's way."""
    return str(compiler.process(element.clauses, **options))
