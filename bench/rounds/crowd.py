"""Fills a database with campaigns that nobody began: words drawn as often as words occur in mail."""

import random
from collections.abc import Sequence
from itertools import accumulate

from sqlalchemy import Engine, insert
from sqlmodel import SQLModel

from bench.rounds.filling import look_at_statistics
from triage import ids
from triage.message.fingerprint import FEATURES, Fingerprint, bands_of, pack_features
from triage.store import db
from triage.times import utcnow

GROUP = 50_000  # campaigns that are written together, their bands in order
KNOWN = 2_000  # of all campaigns, spread evenly, that copies are made of
WORDS = 60_000
FREQUENCIES = list(
    accumulate(1 / (rank + 30) for rank in range(WORDS))
)  # Zipf-Mandelbrot: two messages share 1.2 % of their words, real ones 0.7 %
LENGTH, SPREAD = 3.8, 0.7  # of a lognormal distribution: half of the messages have more than 45 telling words
CAMPAIGN, REPRESENTATIVE, BAND = (SQLModel.metadata.tables[name] for name in ("campaign", "representative", "representative_band"))


def fill_campaigns(engines: Sequence[Engine], size: int) -> list[Fingerprint]:
    """Add so many campaigns of one message each to every database; some of their fingerprints."""
    chance, known = random.Random(size), []
    for begin in range(0, size, GROUP):
        messages = [(ids.new_id(), make_mail(chance)) for _ in range(min(GROUP, size - begin))]
        known += [one for place, (_, one) in enumerate(messages, begin) if place % max(1, size // KNOWN) == 0]
        for engine in engines:
            write_campaigns(engine, messages)
    for engine in engines:
        look_at_statistics(engine)
    return known


def write_campaigns(engine: Engine, messages: Sequence[tuple[int, Fingerprint]]) -> None:
    """Each as a campaign and its representative."""
    now = utcnow()
    bands = sorted((band, number) for number, one in messages for band in set(one.bands))
    with db.transaction(engine) as session:
        connection = session.connection()
        connection.execute(insert(CAMPAIGN), [{"id": number, "begun_at": now, "made_by": "bench"} for number, _ in messages])
        connection.execute(
            insert(REPRESENTATIVE),
            [{"id": number, "campaign_id": number, "features": pack_features(one.features)} for number, one in messages],
        )
        if db.is_postgresql(session):
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor().copy("COPY representative_band (band, representative_id) FROM STDIN") as copy:
                for row in bands:
                    copy.write_row(row)
        else:
            connection.exec_driver_sql("INSERT INTO representative_band (band, representative_id) VALUES (?, ?)", bands)


def make_mail(chance: random.Random) -> Fingerprint:
    """The fingerprint of a message of words by chance."""
    count = max(6, round(chance.lognormvariate(LENGTH, SPREAD)))
    return of_words(chance.choices(range(WORDS), cum_weights=FREQUENCIES, k=count))


def change_words(one: Fingerprint, chance: random.Random) -> Fingerprint:
    """A copy with a tenth of its words replaced."""
    words = sorted(one.features)
    kept = chance.sample(words, round(len(words) * 0.9))
    return sample_features({*kept, *(chance.getrandbits(32) for _ in range(len(words) - len(kept)))})


def of_words(words: Sequence[int]) -> Fingerprint:
    """The fingerprint of these words."""
    return sample_features({word * 2_654_435_761 & 0xFFFFFFFF for word in words})  # spread over all numbers of 32 bits


def sample_features(features: set[int]) -> Fingerprint:
    """The fingerprint of these features."""
    lowest = sorted(features)[:FEATURES]
    return Fingerprint(bands_of(lowest), frozenset(lowest))
