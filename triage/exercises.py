"""Mail to practise on: what a trainee sees of it, the right answer, and what gave it away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

LET_IN, KEEP_OUT = "let-in", "keep-out"
ANSWERS = (LET_IN, KEEP_OUT)


@dataclass(frozen=True, slots=True)
class Exercise:
    """One mail whose answer is known. `card` names it; a past one is named by its delivery."""

    card: str
    author_name: str
    author: str
    recipient: str
    subject: str
    written: str  # as its Date field says
    proof: str  # what its authentication proves, a sentence
    text: str
    raw: bytes
    answer: str  # let-in, keep-out
    gave_away: tuple[str, ...]  # sentences
    at: datetime | None = None  # when a past one came


Deck = Callable[[], Sequence[Exercise]]  # generated mail, the same each time
