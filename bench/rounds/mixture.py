"""Waves mixed into real mail, and how well they were told apart."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.triage import waves
from tests.triage.messages import from_archive
from triage.message.fingerprint import Fingerprint
from triage.message.summary import Summary, make_summary

OF_REAL_PHISHING = 24  # waves
FEWEST_WORDS = 30  # of a real mail that a wave is made of
LONGEST = 3_000  # characters of it
RUN = 5  # words in a row


@dataclass(frozen=True, slots=True)
class Mail:
    """Message of the mixture: its true kind and its fingerprint."""

    truth: str  # wave 3; ham, phish, spam
    fingerprint: Fingerprint | None


@dataclass(frozen=True, slots=True)
class Score:
    """Quality of the campaigns found: how well waves are kept apart from each other and from wanted messages."""

    waves: int
    precision: float
    recall: float
    mixed: int  # campaigns with real ham and other real mail
    pieces: int  # campaigns that the worst wave is spread over
    largest: float  # share of the worst wave in its largest campaign


def mix_messages(corpus: Path | None, copies: int) -> list[Mail]:
    """Waves of so many copies and all real mail, in chance order."""
    chance = random.Random(copies)
    real = read_corpus(corpus) if corpus else []
    texts = [*waves.TEXTS]
    of_wave: dict[int, int] = {}  # place of the real mail that a wave is made of
    runs = [runs_of(one.text) for _, one in real]
    for place in pick_seeds(real, runs, chance):
        of_wave[place] = len(texts)
        texts.append((real[place][1].subject, real[place][1].text[:LONGEST]))
    found = [
        Mail(f"wave {of_wave[place]}" if place in of_wave else kind, Fingerprint.from_text(one.fingerprint))
        for place, (kind, one) in enumerate(real)
    ]
    for number, (subject, text) in enumerate(texts):
        for copy in waves.wave(number, text, subject, copies, chance):
            one = make_summary(copy.raw)
            found.append(Mail(f"wave {number}", Fingerprint.from_text(one.fingerprint)))
    chance.shuffle(found)
    return found


def read_corpus(corpus: Path) -> list[tuple[str, Summary]]:
    """All real mail, and whether it is ham, phish or spam."""
    phish = [("phish", make_summary(raw)) for _, raw in from_archive(corpus, "mail-phish")]
    other = [("spam" if "/spam/" in name else "ham", make_summary(raw)) for name, raw in from_archive(corpus, "mail-other")]
    return phish + other


def pick_seeds(real: Sequence[tuple[str, Summary]], runs: Sequence[set[tuple[str, ...]]], chance: random.Random) -> list[int]:
    """Places of real phishing messages that waves are made of: each unlike every other real mail."""
    long_enough = [
        place for place, (kind, one) in enumerate(real) if kind == "phish" and len(one.text.split()) >= FEWEST_WORDS and not one.problems
    ]
    chance.shuffle(long_enough)
    alone = (
        place for place in long_enough if not any(place != other and share_words(runs[place], runs[other]) for other in range(len(real)))
    )
    return list(islice(alone, OF_REAL_PHISHING))


def share_words(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    """Whether two messages belong to one campaign already, whatever our fingerprint says."""
    return len(one & other) > 0.1 * min(len(one), len(other))


def runs_of(text: str) -> set[tuple[str, ...]]:
    """Sequences of RUN consecutive words."""
    words = re.findall(r"[^\W\d_]+", text[:LONGEST].casefold())
    return {tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1)}


def score_campaigns(messages: Sequence[Mail], found: Sequence[int | None]) -> Score:
    """Compare the campaigns with the truth. Of pairs of real messages nobody knows the truth: they are counted by kind only."""
    inside: dict[int, Counter[str]] = defaultdict(Counter)
    size: Counter[str] = Counter()
    pieces: dict[str, list[int]] = defaultdict(list)
    for mail, campaign in zip(messages, found, strict=True):
        size[mail.truth] += 1
        if campaign is not None:
            inside[campaign][mail.truth] += 1
    right = wrong = 0
    for truths in inside.values():
        of_waves = {truth: count for truth, count in truths.items() if truth.startswith("wave")}
        total, waved = sum(truths.values()), sum(of_waves.values())
        same = sum(count * (count - 1) // 2 for count in of_waves.values())
        right += same
        wrong += waved * (waved - 1) // 2 - same + waved * (total - waved)
        for truth, count in of_waves.items():
            pieces[truth].append(count)
    every = sum(count * (count - 1) // 2 for truth, count in size.items() if truth.startswith("wave"))
    return Score(
        waves=len(pieces),
        precision=right / (right + wrong),
        recall=right / every,
        mixed=sum(1 for truths in inside.values() if truths["ham"] and (truths["phish"] or truths["spam"])),
        pieces=max(map(len, pieces.values())),
        largest=min(max(counts) / size[truth] for truth, counts in pieces.items()),
    )
