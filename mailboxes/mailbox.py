"""Interface of a mailbox for recall, whatever the protocol."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mailboxes.match import Sought
from triage.delivery.recall.hunt_criteria import Criteria
from triage.delivery.recall.related_messages import Place
from triage.delivery.recalled_copies import Copy
from triage.say import error_sentence, say

LONGEST_PAUSE = 900.0  # seconds that a server may ask us to wait
BROKEN_OFF = say("an internal fault ended this attempt; the log says more")


class Affected(StrEnum):
    """Mailboxes that a refused access token affects."""

    ALL = "all"
    DOMAIN = "domain"  # those of the same domain
    OWNER = "owner"  # this one


class Unreachable(Exception):
    """The mailbox cannot be entered or read just now; the text says why. Try again later, after `pause` seconds at least.

    `taken`: the copies of which it confirmed before that they are removed.
    """

    pause = 0.0
    taken: Sequence[Copy] = ()


class NoCredentials(Unreachable):
    """A secret for signing in cannot be read. The text names a file or a setting, for whoever runs Mailroom."""


class NoToken(NoCredentials):
    """The provider gives no access token until somebody mends something."""

    def __init__(self, words: str, affected: Affected) -> None:
        super().__init__(words)
        self.affected = affected

    def repeated(self, left: float) -> "NoToken":
        """The same, said again."""
        return NoToken(error_sentence(self), self.affected)


class Busy(Unreachable):
    """A server has too much to do, and wants to be left alone for so many seconds."""

    def __init__(self, words: str, pause: float) -> None:
        super().__init__(words)
        self.pause = min(max(pause, 1.0), LONGEST_PAUSE)

    def repeated(self, left: float) -> "Busy":
        """The same, while so many seconds are left."""
        return Busy(error_sentence(self), left)


class ShutOut(Unreachable):
    """The server refuses these credentials: trying again with the same ones helps nobody."""


class Impossible(Exception):
    """This mailbox will never do what is asked; the text says why and what would help."""


@dataclass(slots=True)
class Found:
    """Copies of one delivery in a mailbox, and related messages."""

    copies: list[Copy] = field(default_factory=list)
    related: list[Copy] = field(default_factory=list)  # header blocks of messages that only bear or refer to its Message-ID


class Mailbox(Protocol):
    """Open mailbox. A single thread uses it; only `abort` may come from another."""

    def find(self, sought: list[Sought], since: datetime) -> list[Found]:
        """Look for these in every folder: one Found each. What did not come in at `since` or later is looked for among all messages."""

    def from_sender(self, sender: str, *, whole: bool) -> Iterator[list[Copy]]:
        """Yields what may be this sender's messages, in every folder, some at a time; the header blocks alone unless `whole`."""

    def matching(self, criteria: Criteria) -> Iterator[list[Copy]]:
        """Yields what may fit a hunt, in every folder, the newest of a folder first; header blocks alone where those are enough."""

    def at(self, places: Sequence[Place]) -> Iterator[list[Copy]]:
        """The whole messages that lie at these places still, some at a time."""

    def take(self, copies: list[Copy]) -> list[Copy]:
        """Take exactly these copies out for good; those of which the server confirmed it. The others were not there any more.

        Unreachable where it kept some, with those that it removed. Impossible when it cannot take single ones.
        """

    def put_back(self, copy: Copy) -> str:
        """Put a copy where it lay, with its flags and date; in the INBOX when the folder is gone. The folder it is in now."""

    def close(self) -> None:
        """Leave the mailbox."""

    def abort(self) -> None:
        """Make a call that hangs in another thread come to an end."""
