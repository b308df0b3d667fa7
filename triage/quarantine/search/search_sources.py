"""Chooses the indexes that a search reads: trigrams, words of messages, one id, or all deliveries by the time at which they came."""

from collections.abc import Generator, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlmodel import Session, col

from triage.quarantine.search import message_words, newest_matches, search_query, search_stream, trigram_index
from triage.quarantine.search.newest_matches import Words
from triage.quarantine.search.search_condition import MEANING, MEANING_HERE, condition_of, match_anywhere, match_words_here, plain_words
from triage.quarantine.search.search_query import Term
from triage.quarantine.search.search_stream import END, TOP, Batch, Place, Source, batch_rows
from triage.quarantine.search.selection import Selection, selection_condition
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import MessageWords
from triage.times import LATEST, from_micros, to_micros

NAMING = (search_query.ANY_ID, "queue-id")  # fields that name one message
KEPT = ("", "from", "subject")  # names of terms whose words `Delivery.search` holds
TIMES = ("after", "before")


def open_sources(session: Session, wanted: Selection, *where: ColumnElement[bool], after: Place = TOP) -> list[Source]:
    """The sources of a search, which find what is down from a place. Their places are comparable.

    What has the words in subject, names or addresses is found by its own id, else by the id of its message: both are made when they come.
    """
    terms = [one for one in search_query.parse_terms(wanted.q) if one.wanted]
    if named := [one for one in terms if one.name in NAMING]:
        return [named_source(session, named[0], searched(wanted, where), after)]
    kept = [one for one in terms if one.name in KEPT]
    if not kept:
        return [walk_source(session, wanted, where, after)]
    plain = plain_words(terms)
    rest = searched(wanted, where, without=plain)
    here = [match_anywhere(one) for one in kept]
    sources = [Source(Delivery.id, Delivery.id, rest, delivery_batches(session, kept, after), first=here)]
    said = [one.value for one in plain]
    if message_words.words_asked_for(said):
        not_here = not_(and_(*map(match_anywhere, plain)))
        there = and_(rest, message_words.is_open_and_held(), not_here, *message_words.phrases_of(said))
        sources.append(Source(Delivery.message_id, Delivery.message_id, there, message_batches(session, said, after)))
    return sources


def searched(wanted: Selection, where: Sequence[ColumnElement[bool]], without: Sequence[Term] = ()) -> ColumnElement[bool]:
    """Condition for all terms of a search except `without`, for where few deliveries are checked."""
    terms = [one for one in search_query.parse_terms(wanted.q) if one not in without]
    words = plain_words(terms)
    together = [match_words_here(words)] if words else []
    others = [condition_of(one, MEANING_HERE) for one in terms if one not in words]
    return and_(selection_condition(replace(wanted, q="")), *together, *others, *where)


def named_source(session: Session, term: Term, condition: ColumnElement[bool], after: Place) -> Source:
    """The deliveries that a term names, which are few."""
    found = session.scalars(select(col(Delivery.id)).where(MEANING[term.name](term), col(Delivery.id) <= after[0]))
    return Source(Delivery.id, Delivery.id, condition, batch_rows(sorted(found, reverse=True)))


def walk_source(session: Session, wanted: Selection, where: Sequence[ColumnElement[bool]], after: Place) -> Source:
    """All deliveries, the newest first, of the folders and states that are meant."""
    bounds = [condition_of(one, MEANING) for one in search_query.parse_terms(wanted.q) if one.name in TIMES]
    outside = replace(wanted, q="", link_domain="", attachment_sha256="")
    among = and_(selection_condition(outside), *bounds, *where)
    batches = walk_deliveries(session, among, after)
    return Source(Delivery.received_at, Delivery.id, searched(wanted, where), batches, of_row=to_micros, instant=from_micros)


def walk_deliveries(session: Session, among: ColumnElement[bool], after: Place) -> Generator[Batch]:
    """Batches of deliveries, the last received first."""
    received, number = col(Delivery.received_at), col(Delivery.id)
    size = search_stream.AT_ONCE
    while True:
        at = from_micros(min(after[0], to_micros(LATEST)))
        before = and_(received <= at, or_(received < at, number < after[1]))
        rows = session.execute(select(received, number).where(among, before).order_by(received.desc(), number.desc()).limit(size))
        places = [(to_micros(when), one) for when, one in rows]
        if len(places) < size:
            yield Batch(places, END)
            return
        after, size = places[-1], min(2 * size, search_stream.MOST_AT_ONCE)
        yield Batch(places, after)


def delivery_batches(session: Session, kept: Sequence[Term], after: Place) -> Generator[Batch]:
    """Deliveries that may have these words in subject, names and addresses."""
    words = [one.value for one in kept]
    if db.is_postgresql(session):
        table = trigram_index.words_on_postgresql(words)
        return newest_matches.match_newest(session, table, after[0], search_stream.patience_at(after))
    return trigram_index.match_pieces(session, words, after[0]) if trigram_index.has_piece(words) else walk_ids(session, after[0])


def message_batches(session: Session, said: Sequence[str], after: Place) -> Generator[Batch]:
    """Messages that have these words in their texts."""
    if not db.is_postgresql(session):
        return message_words.match_newest(session, said, after[0])
    here = message_words.holds_all(message_words.words_asked_for(said))
    words = Words(MessageWords.message_id, here, message_words.MessageHolds(col(MessageWords.message_id), said))
    return newest_matches.match_newest(session, words, after[0], search_stream.patience_at(after))


def walk_ids(session: Session, most: int) -> Generator[Batch]:
    """Batches of all deliveries, the last entered first."""
    every = select(col(Delivery.id)).where(col(Delivery.id) <= most).order_by(col(Delivery.id).desc())
    found = session.connection().execute(every)  # which fetches as it goes, as the session would not
    try:
        yield from batch_rows(found.scalars())
    finally:
        found.close()
