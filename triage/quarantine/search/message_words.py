"""Full-text index: the words of held messages' texts, subjects, authors and attachment names, until their content is erased."""

import re
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Self
from unicodedata import normalize

from sqlalchemy import Boolean, ColumnElement, Text, and_, bindparam, delete, false, func, literal, not_, or_, select, text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, col

from triage.message.summary import Summary
from triage.policy.decide import Disposition
from triage.quarantine.search.links_and_files import file_named
from triage.quarantine.search.search_stream import Batch, batch_rows
from triage.quarantine.search.text_spellings import column_holds
from triage.store import confidential_rows, db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message, MessageWords

WORD = re.compile(r"[^\W_]+")
LONGEST = 40  # letters of a word that are kept
MOST_WORDS = 5_000  # of one message
NOTHING = '""'  # no text at all would be an error of FTS5
AT_FIRST = 25  # messages, each of several deliveries, that are looked at first
TOGETHER = 2  # words that FTS5 is asked for at once
TRIED = 100  # messages that have a word, until it is known how rare it is
NEWEST = text("SELECT rowid FROM message_word_index WHERE message_word_index MATCH :words AND rowid <= :most ORDER BY rowid DESC")
RARITY = text(f"{NEWEST} LIMIT 1 OFFSET {TRIED}")
PREFIX = 3  # letters from which on a word also finds longer ones that begin with it


def words_of(said: str) -> list[str]:
    """The words of a text as they are kept and looked for: folded, each once, in the order of the text."""
    return list(dict.fromkeys(one[:LONGEST] for one in WORD.findall(normalize("NFKC", said).casefold())))


def words_of_message(summary: Summary) -> str:
    """Returns the words of a message for the index, with a space between them."""
    names = (name for file in summary.attachments for name in (file.name, *file.also, *file.names))
    said = (summary.subject, summary.author_name, summary.author, *names, summary.text)
    return " ".join(words_of("\n".join(said))[:MOST_WORDS])


def index_words(session: Session, found: Iterable[tuple[int, str]]) -> None:
    """Enter the words of new messages, each with its message's id."""
    db.insert_all(session, MessageWords, [{"message_id": message, "words": words} for message, words in found])


def erase_words(session: Session, messages: ColumnElement[bool]) -> None:
    """The content of messages is erased, and so are their words. `messages`: a condition on MessageWords.message_id."""
    session.execute(delete(MessageWords).where(messages))


def match_words(terms: Sequence[str]) -> ColumnElement[bool]:
    """Deliveries that were held, outside of confidential folders, whose messages have all these folded words and phrases.

    What lies in a confidential folder is opened with a reason, in the audit log; a search would tell of it without one.
    """
    return and_(MessageHolds(col(Delivery.message_id), terms), is_open_and_held(), *phrases_of(terms))


def occurs_in_message(terms: Sequence[str]) -> ColumnElement[bool]:
    """The same, where few deliveries are looked at: it reads the words of each."""
    asked = words_asked_for(terms)
    if not asked:
        return false()
    found = select(literal(1)).select_from(MessageWords).where(col(MessageWords.message_id) == col(Delivery.message_id), holds_all(asked))
    return and_(is_open_and_held(), found.correlate(Delivery).exists(), *phrases_of(terms))


def holds_all(asked: Iterable[tuple[str, bool]]) -> ColumnElement[bool]:
    """Whether a row of words has all these, each with whether longer ones count too; it is read for that."""
    said = literal(" ") + col(MessageWords.words) + " "
    return and_(*(said.contains(f" {word}" if longer else f" {word} ") for word, longer in asked))


def is_open_and_held() -> ColumnElement[bool]:
    """Deliveries that were held outside of confidential folders."""
    return and_(col(Delivery.verdict) == Disposition.QUARANTINE, not_(confidential_rows.is_confidential()))


def phrases_of(terms: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions for the terms that are more than one word."""
    return [contains_phrase(one) for one in terms if not WORD.fullmatch(one)]


def contains_phrase(phrase: str) -> ColumnElement[bool]:
    """The text, or the name of an attachment, has this phrase as it is written. Only messages that have its words are read."""
    on_one_line = func.replace(col(Message.text), "\n", " ")
    said = (col(Message.id) == col(Delivery.message_id), column_holds(on_one_line, phrase))
    return or_(select(literal(1)).select_from(Message).where(*said).correlate(Delivery).exists(), file_named(phrase))


def match_newest(session: Session, terms: Sequence[str], most: int) -> Generator[Batch]:
    """Messages up to the id `most` that have all these words, the newest first: SQLite's index (FTS5)."""
    asked = words_asked_for(terms)
    found = session.connection().execute(NEWEST, {"words": " AND ".join(rarest_words(session, asked, most)), "most": most})
    batches = batch_rows(found.scalars(), AT_FIRST)
    try:
        yield from batches if len(asked) <= TOGETHER else sift_batches(session, terms, batches)
    finally:
        found.close()


def sift_batches(session: Session, terms: Sequence[str], batches: Iterable[Batch]) -> Generator[Batch]:
    """The same batches without the messages that have not all these words."""
    holds = holds_all(words_asked_for(terms))
    for batch in batches:
        named = db.is_among(session, col(MessageWords.message_id), (place[0] for place in batch.places))
        found = set(session.scalars(select(col(MessageWords.message_id)).where(named, holds)))
        yield Batch([place for place in batch.places if place[0] in found], batch.reached, rows=len(batch.places))


def rarest_words(session: Session, asked: Sequence[tuple[str, bool]], most: int) -> list[str]:
    """The words of which the newest messages lie furthest back, as FTS5 reads them: few, as it reads on where no message has them all."""
    words = [quote_word(*pair) for pair in asked]
    if len(words) <= TOGETHER:
        return words
    return sorted(words, key=lambda word: session.connection().scalar(RARITY, {"words": word, "most": most}) or 0)[:TOGETHER]


def words_asked_for(terms: Sequence[str]) -> list[tuple[str, bool]]:
    """The words of all terms, each with whether longer ones that begin so count too."""
    return list(dict.fromkeys(pair for term in terms for pair in asked_words(term)))


def quote_word(word: str, longer: bool) -> str:
    """A word as FTS5 reads it; nothing in it is an operator."""
    return f'"{word}"*' if longer else f'"{word}"'


class WordQuery(TypeDecorator[Any]):
    """Folded words and phrases as the database's full-text search reads them; nothing in them is an operator."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """The query: every word, of a term's last one also longer ones."""
        asked = words_asked_for(value)
        if dialect.name == "postgresql":
            return " & ".join(f"'{word}':*" if longer else f"'{word}'" for word, longer in asked)
        return " ".join(quote_word(*pair) for pair in asked) or NOTHING


def asked_words(term: str) -> list[tuple[str, bool]]:
    """The words of a term, each with whether longer ones that begin so count too."""
    words = words_of(term)
    return [(word, place == len(words) and len(word) >= PREFIX) for place, word in enumerate(words, 1)]


class MessageHolds(FunctionElement[bool]):
    """Whether a column is the id of a message whose words match. A term without a letter or figure matches none."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: Any, terms: Sequence[str]) -> None:
        super().__init__(column, bindparam(None, tuple(terms), type_=WordQuery(), unique=True))

    def self_group(self, against: Any = None) -> Self:
        """As it is: compared with 1, as SQLite's booleans are else, no index would find it."""
        return self


@compiles(MessageHolds)
def match_fts5(element: MessageHolds, compiler: Any, **options: Any) -> str:
    """SQLite's way: FTS5."""
    column, words = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT rowid FROM message_word_index WHERE message_word_index MATCH {words})"  # noqa: S608 (the compiler made both)


@compiles(MessageHolds, "postgresql")
def match_tsvector(element: MessageHolds, compiler: Any, **options: Any) -> str:
    """PostgreSQL's way: the words are lexemes as they stand."""
    column, words = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"{column} IN (SELECT message_id FROM message_words"  # noqa: S608 (the compiler made both)
        f" WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST({words} AS tsquery))"
    )
