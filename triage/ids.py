"""Time-ordered 64-bit ids made by us: 41 bits of milliseconds since 2024, 22 bits that count up from chance."""

import json
import secrets
import threading
import time
import zlib
from datetime import datetime
from typing import Any

from triage.say import quote_text, say
from triage.times import from_micros, to_micros

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
SEQUENCE_BITS = 22
LARGEST = 2**63 - 1
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
WIDTH = 13

_lock = threading.Lock()
_last = 0


def new_id() -> int:
    """A positive id below 2**63, larger than every earlier one of this process."""
    return new_ids(1)[0]


def new_ids(count: int) -> range:
    """So many, one after the other."""
    global _last
    with _lock:
        fresh = (time.time_ns() // 1_000_000 - EPOCH_MS) << SEQUENCE_BITS | secrets.randbits(SEQUENCE_BITS - 1)
        first = max(fresh, _last + 1)
        _last = first + count - 1
        return range(first, first + count)


def sibling_id(number: int, owner: Any) -> int:
    """Another id of the same millisecond, always the same one for the same owner (JSON values): for an id that is taken."""
    chosen = zlib.crc32(json.dumps(owner, sort_keys=True).encode()) & SEQUENCE_MASK
    return number & ~SEQUENCE_MASK | (chosen if chosen != number & SEQUENCE_MASK else (chosen + 1) & SEQUENCE_MASK)


def first_id_at(instant: datetime) -> int:
    """The smallest id that can have been made at that instant or later; from 2093 on the largest that there is."""
    return min(max(0, to_micros(instant) // 1000 - EPOCH_MS) << SEQUENCE_BITS, LARGEST)


def made_at(number: int) -> datetime:
    """Returns when an id was made, to the millisecond."""
    return from_micros(((number >> SEQUENCE_BITS) + EPOCH_MS) * 1000)


def format_id(number: int) -> str:
    """The id as 13 characters for people, URLs and trace fields; order is kept. 64-bit numbers do not fit JavaScript's."""
    return ALPHABET[number >> 60 & 31] + "".join([PAIRS[number >> place & 1023] for place in (50, 40, 30, 20, 10, 0)])


def is_like(text: str) -> bool:
    """Whether a word looks like an id of this century. One of figures alone is rather a telephone number."""
    try:
        return text.startswith("0") and not text.isdigit() and parse_id(text) > 0
    except ValueError:
        return False


def parse_id(text: str) -> int:
    """The id that `format_id` wrote; ValueError for anything else."""
    folded = text.strip().upper()
    if len(folded) != WIDTH or any(letter not in ALPHABET for letter in folded):
        raise ValueError(say("{text} is not an id (13 characters, digits and letters)", text=quote_text(text[:40])))
    number = 0
    for letter in folded:
        number = number << 5 | ALPHABET.index(letter)
    if number >= 1 << 63:
        raise ValueError(say("{text} is not an id (too large)", text=quote_text(text[:40])))
    return number
