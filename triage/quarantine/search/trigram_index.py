"""Finds candidates of a search by the database's trigram index, where they are few."""

from sqlalchemy import select, text
from sqlmodel import Session, col

from triage.quarantine.search import message_words, search_query
from triage.quarantine.search.search_condition import MEANING
from triage.store import db
from triage.store.models.deliveries import Delivery

FEW = 7_000  # deliveries: beyond that walking through the newest ones finds a page sooner
PIECE = 3  # letters
MOST_PIECES = 12  # that are asked for
NAMING = (search_query.ANY_ID, "queue-id")  # fields that name one message
KEPT = ("", "from", "subject")  # names of terms whose words `Delivery.search` holds
MATCHING = text("SELECT rowid FROM delivery_words WHERE delivery_words MATCH :pieces LIMIT :most")


def few_candidates(session: Session, search: str) -> list[int] | None:
    """The deliveries among which everything is that the search finds, if they are few; None when they are not, or the index is of no help.

    What is asked first is the words alone: a database that sees the whole question rather walks through all messages, from
    the newest to the one that has them.
    """
    if named := [term for term in search_query.parse_terms(search) if term.wanted and term.name in NAMING]:
        return list(session.scalars(select(col(Delivery.id)).where(MEANING[named[0].name](named[0])).limit(FEW + 1)))
    words = looked_up(search)
    if not words:
        return None
    found = set(holding_words(session, words) if db.is_postgresql(session) else matching_pieces(session, words))
    if len(found) <= FEW and (plain := [term.value for term in search_query.parse_terms(search) if term.wanted and not term.name]):
        found.update(message_words.some_deliveries(session, plain, FEW + 1))
    return sorted(found) if len(found) <= FEW else None


def looked_up(search: str) -> list[str]:
    """The words of a search of which the index can tell something."""
    return [term.value for term in search_query.parse_terms(search) if term.wanted and term.name in KEPT and len(term.value) >= PIECE]


def holding_words(session: Session, words: list[str]) -> list[int]:
    """Returns some deliveries that hold all these words: PostgreSQL's index (pg_trgm) is behind LIKE."""
    wanted = select(col(Delivery.id)).where(*(col(Delivery.search).contains(word, autoescape=True) for word in words))
    return list(session.scalars(wanted.limit(FEW + 1)))


def matching_pieces(session: Session, words: list[str]) -> list[int]:
    """Some of those that hold all their pieces, wherever they stand: SQLite's index (FTS5)."""
    asked = {"pieces": " AND ".join(map(quote_piece, word_pieces(words))), "most": FEW + 1}
    return list(session.connection().execute(MATCHING, asked).scalars())


def word_pieces(words: list[str]) -> list[str]:
    """Three letters that stand together in one of the words; those with figures first, which are rare."""
    found = {word[place : place + PIECE]: None for word in words for place in range(len(word) - PIECE + 1)}
    return sorted(found, key=str.isalpha)[:MOST_PIECES]


def quote_piece(piece: str) -> str:
    """A piece as FTS5 reads it: nothing in it is an operator."""
    return '"' + piece.replace('"', '""') + '"'
