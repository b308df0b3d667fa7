"""Content as a near-duplicate fingerprint: what is the same message sent many times has like fingerprints, whoever sent which copy."""

import base64
import re
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, shake_128
from itertools import islice
from typing import Self
from urllib.parse import unquote
from zlib import crc32

from triage.message.fingerprint_text import candidate_words, distinctive_words, is_telling, plain_letters, written_lines
from triage.message.letter_pairs import is_random
from triage.message.mime.links import TARGET_LIMIT, browser_target, link_destination

FEATURES = 128  # of a message that are kept: those with the smallest hashes, a fair sample (bottom-k, Broder 1997)
BANDS, ROWS = 16, 3  # two messages that share J of their features share a band with probability 1 - (1 - J^3)^16
ORDERS = BANDS * ROWS
WORDS_LIMIT = 4_000
LINKS_LIMIT = 40
ATTACHMENTS_LIMIT = 5
WEIGHT = 6  # an attachment counts as so many words
VARYING = re.compile(r"\d|.{25}")  # a piece of a host or path that differs from copy to copy
FILE = re.compile(r"([^.]{4,})(\.[a-z]{2,5})?", re.IGNORECASE)  # a piece whose letters may be by chance, and its ending
NAMED = re.compile(r"[^\W\d_]{2,40}")
NUMBERS = 1 << 32  # that a feature may have
EARLY = NUMBERS // 12  # places in an order: where there are many features, the first of them stands there
CACHE = 1 << 13  # features whose early places are remembered: words come again
ALIKE = ((50, 0.42), (20, 0.5), (10, 0.6), (4, 0.75))  # so many features, and the likeness that makes one mail of two; fewer: all of them
WORDED = 4  # features beside links: with as many, links do not count, since a host or a path of its own for each copy costs nothing
NEEDED = [next((likeness for count, likeness in ALIKE if fewer >= count), 1.0) for fewer in range(FEATURES + 1)]  # by the fewer features

BAND_NUMBERS = struct.Struct(f"<{BANDS}q")
PLACES = struct.Struct(f"<{ORDERS}I")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A sample of a message's features, and the bands under which like messages are found."""

    bands: tuple[int, ...]
    features: frozenset[int]

    def as_text(self) -> str:
        """Plain text; `from_text` reads it back."""
        return base64.b64encode(BAND_NUMBERS.pack(*self.bands) + pack_features(self.features)).decode()

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """The fingerprint that `as_text` wrote; None for "": a message without features is like no other."""
        data = base64.b64decode(text)
        return cls(BAND_NUMBERS.unpack_from(data), frozenset(unpack_features(data[BAND_NUMBERS.size :]))) if data else None

    def likeness(self, features: Collection[int]) -> float:
        """Returns the estimated share of features that both have in common, 0 to 1."""
        common = self.features.intersection(features)
        if not common:
            return 0.0
        lowest = sorted(self.features.union(features))[:FEATURES]
        return len(common.intersection(lowest)) / len(lowest)

    def may_be_like(self, features: Collection[int]) -> bool:
        """Whether they can be like enough. Told from what they have in common alone, which is soon counted."""
        most = len(self.features.intersection(features)) / max(len(self.features), len(features))  # the likeness is never greater
        return most >= self.needed(features)

    def needed(self, features: Collection[int]) -> float:
        """Returns the likeness from which on both are the same message: the less there is to compare, the higher."""
        return NEEDED[min(len(self.features), len(features))]


def pack_features(features: frozenset[int]) -> bytes:
    """The features as bytes."""
    return struct.pack(f"<{len(features)}I", *sorted(features))


def unpack_features(data: bytes) -> tuple[int, ...]:
    """The features that `pack_features` wrote."""
    return struct.unpack(f"<{len(data) // 4}I", data)


def make_fingerprint(
    subject: str, text: str, *, targets: Iterable[str] = (), attachments: Iterable[str] = (), people: Iterable[str] = ()
) -> Fingerprint | None:
    """The fingerprint of a message, None when nothing is left to recognise it by. Never raises, and bounded by the limits above.

    `targets` of links, `attachments` as SHA-256, `people` by names and addresses: whoever wrote and whoever is written to.
    """
    names = frozenset(NAMED.findall(plain_letters(" ".join(people))))
    spoken, others = spoken_words(text, names), {*other_features(subject, attachments, names)}
    if count_telling(spoken, names, WORDED) + len(others) < WORDED:
        others |= {*link_features(targets)}
    lowest = sample_features(spoken, others, names)
    return Fingerprint(bands_of(lowest), frozenset(lowest)) if lowest else None


def spoken_words(text: str, names: Collection[str]) -> set[str]:
    """The words of a text, whether they tell something or not; of a long one the first that do."""
    found = candidate_words("\n".join(written_lines(text)))
    return set(found if len(found) <= WORDS_LIMIT else islice((word for word in found if is_telling(word, names)), WORDS_LIMIT))


def count_telling(spoken: Collection[str], names: Collection[str], most: int) -> int:
    """Counts the telling words, up to `most`."""
    return sum(1 for _ in islice((word for word in spoken if is_telling(word, names)), most))


def link_features(targets: Iterable[str]) -> Iterator[str]:
    """The shapes of links, by which a message is recognised that says next to nothing."""
    yield from (f"link {shape}" for target in islice(targets, LINKS_LIMIT) if (shape := shape_of(target)))


def other_features(subject: str, attachments: Iterable[str], names: Collection[str]) -> Iterator[str]:
    """Yields the features beside the text: telling words of the subject, and attachments."""
    yield from (f"subject {word}" for word in distinctive_words(subject, names))
    yield from (f"attachment {number} {sha256}" for sha256 in islice(attachments, ATTACHMENTS_LIMIT) for number in range(WEIGHT))


def sample_features(spoken: Collection[str], others: Collection[str], names: Collection[str]) -> list[int]:
    """The features with the smallest numbers, in order: of the words that tell something, and of all others.

    They are looked for where about twice as many are: to ask each word, and to sort them all, would take most of the time.
    """
    of_words, of_others = number_features(spoken), number_features(others)
    likely = NUMBERS * 2 * FEATURES // max(1, len(of_words) + len(of_others))
    found: set[int] = set()
    for bound in sorted({min(likely, NUMBERS), NUMBERS}):
        if len(found) < FEATURES:
            found = {number for number, word in zip(of_words, spoken, strict=True) if number < bound and is_telling(word, names)}
            found.update(number for number in of_others if number < bound)
    return sorted(found)[:FEATURES]


def shape_of(target: str) -> str:
    """A link by host and path, without what differs from copy to copy; "" for what is no link to a host."""
    goal = link_destination(target)
    if not goal.host or goal.scheme == "mailto":
        return ""
    rest = browser_target(target[:TARGET_LIMIT]).replace("\\", "/").partition("://")[2].partition("/")[2]
    path, _, query = rest.partition("#")[0].partition("?")
    keys = sorted({pair.partition("=")[0] for pair in query.split("&")})
    pieces = [generalise_piece(unquote(piece)) for piece in path.split("/") if piece]
    return f"{'.'.join(map(generalise_piece, goal.host.split('.')))}/{'/'.join(pieces)}?{'&'.join(map(generalise_piece, keys))}"[:200]


def generalise_piece(piece: str) -> str:
    """A piece of a host or path, a star where it is a number, a token or letters by chance."""
    if VARYING.search(piece):
        return "*"
    name = FILE.fullmatch(piece)
    return f"*{name[2] or ''}".casefold() if name and is_random(name[1].casefold()) else piece.casefold()


def number_features(features: Collection[str]) -> list[int]:
    """Features as numbers of 32 bits. A checksum is enough to choose a fair sample by; a digest of each word takes half of our time."""
    return [*map(crc32, "\n".join(features).encode("utf-8", "replace").split(b"\n"))] if features else []


def bands_of(features: Collection[int]) -> tuple[int, ...]:
    """The bands: each a hash of the features that come first in three of the orders. Not without features."""
    first = first_positions(features)
    return tuple(band_number(number, first[number * ROWS : (number + 1) * ROWS]) for number in range(BANDS))


def first_positions(features: Collection[int]) -> list[int]:
    """Returns the first place of any feature in each of the random orders of all features (MinHash)."""
    first = [NUMBERS] * ORDERS
    for feature in features:
        for order, place in early_orders(feature):
            if place < first[order]:
                first[order] = place
    return first if NUMBERS not in first else [min(places) for places in zip(*map(places_of, features), strict=True)]


@lru_cache(maxsize=CACHE)
def early_orders(feature: int) -> list[tuple[int, int]]:
    """Returns the orders in which a feature is early, each with its place."""
    return [(order, place) for order, place in enumerate(places_of(feature)) if place < EARLY]


def places_of(feature: int) -> tuple[int, ...]:
    """Returns the place of a feature in each of the orders, as numbers of 32 bits."""
    return PLACES.unpack(shake_128(feature.to_bytes(4, "little")).digest(PLACES.size))


def band_number(number: int, first: list[int]) -> int:
    """Hashes a band to a number that fits a database column."""
    return int.from_bytes(blake2b(struct.pack(f"<{ROWS}I", *first), digest_size=8, salt=bytes([number])).digest(), "little") >> 1
