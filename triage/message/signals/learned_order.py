"""Learned order of the queue: points from what staff decided about messages with the same signs, as log odds in words. Pure; no verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from triage.message.signals.signal_context import Signal
from triage.say import say_count

ENOUGH = 10  # senders or campaigns with a sign before anything is said of it
POINTS = 4.0  # for each unit of log odds
MOST = 12  # points of one sign
MOST_SIGNS = 2  # signs that count for a message: many that go together say the same


class Tally(NamedTuple):
    """Numbers of senders whose messages were released and removed; a campaign counts as one."""

    released: int = 0
    removed: int = 0


NO_TALLY = Tally()


@dataclass(frozen=True, slots=True)
class Learned:
    """Recent decisions of staff: of everything, and of messages with each sign."""

    all: Tally = NO_TALLY
    signs: Mapping[str, Tally] = field(default_factory=dict)


NOTHING_LEARNED = Learned()


class Lesson(NamedTuple):
    """Sign that moves a message in the queue, with its points and its reason."""

    sign: str
    points: int
    sentence: str


def find_lessons(signals: Sequence[Signal], learned: Learned) -> tuple[Lesson, ...]:
    """Returns the lessons for a message with these signs, the strongest first."""
    found = {one.sign: one for one in (lesson_of(signal, learned) for signal in signals) if one}
    return tuple(sorted(found.values(), key=lambda one: -abs(one.points))[:MOST_SIGNS])


def lesson_of(signal: Signal, learned: Learned) -> Lesson | None:
    """Returns what is learned of one sign; None where too little is known, or where it is decided as everything else is."""
    tally = learned.signs.get(signal.name, NO_TALLY)
    number = sum(tally)
    if number < ENOUGH:
        return None
    points = max(-MOST, min(MOST, round(POINTS * (log_odds(tally) - log_odds(learned.all)))))
    most = max(tally)
    if not points or (tally.released == most) != (points > 0):  # what most of them became must be the reason
        return None
    words = {"number": most, "sign": signal.sentence}
    said = (
        say_count(
            "Staff released messages from {number} of {count} sender or campaign lately: {sign}",
            "Staff released messages from {number} of {count} senders or campaigns lately: {sign}",
            count=number,
            **words,
        )
        if points > 0
        else say_count(
            "Staff removed messages from {number} of {count} sender or campaign lately: {sign}",
            "Staff removed messages from {number} of {count} senders or campaigns lately: {sign}",
            count=number,
            **words,
        )
    )
    return Lesson(signal.name, points, said)


def log_odds(tally: Tally) -> float:
    """Log odds of being released, with one more of each so that nothing is certain."""
    return math.log((tally.released + 1) / (tally.removed + 1))


def tally_decisions(decided: Iterable[tuple[bool, str, Iterable[str]]]) -> Learned:
    """Counts decisions given as (released, sender, signs); the sender is a campaign, a domain or an address, and counts once a sign."""
    everything: dict[bool, set[str]] = {True: set(), False: set()}
    signs: dict[str, dict[bool, set[str]]] = {}
    for released, sender, names in decided:
        everything[released].add(sender)
        for name in names:
            signs.setdefault(name, {True: set(), False: set()})[released].add(sender)
    return Learned(tally_of(everything), {name: tally_of(found) for name, found in sorted(signs.items())})


def tally_of(found: Mapping[bool, set[str]]) -> Tally:
    """Counts the released and the removed senders."""
    return Tally(len(found[True]), len(found[False]))
