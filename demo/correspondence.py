"""A believable morning of mail to Quellmark: all messages in the order in which they are sent. The same seed, the same morning."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.crooks import write_crooks
from demo.machines import list_machines
from demo.newsletters import write_newsletters
from demo.regulars import write_regulars
from demo.sample_messages import Draft, SampleMessage, compose_message
from demo.strangers import write_strangers


def write_morning(*, seed: int, start: datetime, pace_seconds: float = 0.0) -> list[SampleMessage]:
    """About 150 messages. The first is sent at `start` (aware), each next one `pace_seconds` later; each was written shortly before."""
    rng = random.Random(seed)
    samples = []
    for place, draft in enumerate(order_drafts(rng, start)):
        sent = start + timedelta(seconds=place * pace_seconds)
        samples.append(compose_message(draft, rng, sent.replace(microsecond=0) - timedelta(seconds=rng.randrange(2, 90))))
    return samples


def order_drafts(rng: random.Random, start: datetime) -> list[Draft]:
    """Sorts drafts by their moment; spreads those without one over the morning."""
    placed = [(rng.random() * 0.95 if draft.moment is None else draft.moment, draft) for draft in collect_drafts(rng, start)]
    return [draft for _, draft in sorted(placed, key=lambda pair: pair[0])]


def collect_drafts(rng: random.Random, start: datetime) -> Iterator[Draft]:
    """Collects all messages that Quellmark gets this morning."""
    yield from write_regulars()
    yield from write_newsletters(rng)
    yield from write_strangers(start)
    yield from list_machines(rng)
    yield from write_crooks(rng)
