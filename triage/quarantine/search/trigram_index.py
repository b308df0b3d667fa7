"""Trigram index: deliveries whose subject, names and addresses may have some words, newest first."""

from collections.abc import Generator, Iterable, Sequence

from sqlalchemy import text
from sqlmodel import Session

from triage.quarantine.search.search_stream import Batch, batch_rows

PIECE = 3  # letters
MOST_PIECES = 12  # that are tried
TRIED = 100  # deliveries that have a piece, until it is known how rare it is
MATCHING = text("SELECT rowid FROM delivery_words WHERE delivery_words MATCH :pieces AND rowid <= :most ORDER BY rowid DESC")
RARITY = text(f"{MATCHING} LIMIT 1 OFFSET {TRIED}")


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
