"""Training messages: the part that a trainee sees, the right answer, and the clues."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what reads messages takes a while to import, and most commands read none
    from triage.message.summary import Link, Summary

MOST_LINKS = 20
RELEASE_IT, REMOVE_IT = "let-in", "keep-out"
ANSWERS = (RELEASE_IT, REMOVE_IT)


@dataclass(frozen=True, slots=True)
class TrainingMessage:
    """Training message with a known answer. `case` names it; a past message is named by its delivery."""

    case: str
    author_name: str
    author: str
    recipient: str
    subject: str
    written: str  # as its Date field says
    proof: str  # what its authentication proves, a sentence
    text: str
    raw: bytes
    answer: str  # let-in, keep-out
    clues: tuple[str, ...]  # sentences
    message_id: int | None = None  # of a past one
    reply_to: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()  # names
    links: "tuple[Link, ...]" = ()


Deck = Callable[[], Sequence[TrainingMessage]]  # generated messages, the same each time


def training_message_fields(summary: "Summary") -> dict[str, Any]:
    """Returns what a message shows of itself, as the fields of its message."""
    return {
        "author_name": summary.author_name,
        "author": summary.author or summary.claimed_author,
        "subject": summary.subject,
        "written": summary.date,
        "text": summary.text,
        "reply_to": summary.reply_to,
        "attachments": tuple(one.name for one in summary.attachments),
        "links": summary.links[:MOST_LINKS],
    }
