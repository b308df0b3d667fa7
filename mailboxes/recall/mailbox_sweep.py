"""Sweep of one mailbox: stores and removes, a few at a time, a sender's or named messages that never passed through Mailroom."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlmodel import Session

from mailboxes.mailbox import BROKEN_OFF, Impossible, Mailbox, Unreachable
from mailboxes.match import Names
from mailboxes.recall.examine_found import read_copy
from mailboxes.recall.mailbox_session import open_mailbox
from triage.config.settings import Settings
from triage.delivery.recall.recall_jobs import Ending, RecallJob
from triage.delivery.recalled_copies import Copy
from triage.quarantine.decisions import mailbox_sweep
from triage.quarantine.decisions.mailbox_sweep import Search, Sighting
from triage.runtime.sandbox_pool import Pool
from triage.say import error_sentence
from triage.times import utcnow

Ask = Callable[[Callable[[Session], Any]], Any]  # writes in a transaction; returns once it is committed


class Sweep:
    """The search of one mailbox, and how far it is."""

    def __init__(self, search: Search, settings: Settings, parsers: Pool, ask: Ask) -> None:
        self.search, self.settings, self.parsers, self.ask = search, settings, parsers, ask
        self.jobs: list[RecallJob] = []
        self.endings: dict[int, Ending] = {}
        self.mailbox: Mailbox | None = None
        self.met: set[tuple[str, int, int, str]] = set()  # where copies lay that this attempt was to take

    @property
    def address(self) -> str:
        """Address of the searched mailbox."""
        return self.search.mailbox

    def run(self) -> dict[int, Ending]:
        """Go there, look, take, leave; how it ended is in the audit log."""
        later, why, pause = False, "", 0.0
        try:
            self.mailbox = open_mailbox(self.search.place, self.address, self.settings)
            for copies in self.found(self.mailbox):
                self.take(self.mailbox, copies)
        except Unreachable as fault:
            later, why, pause = True, error_sentence(fault), fault.pause
        except Impossible as fault:
            why = error_sentence(fault)
        except Exception:
            self.settle(BROKEN_OFF, later=True)
            raise
        finally:
            if self.mailbox:
                self.mailbox.close()
                self.mailbox = None
        self.settle(why, later=later, pause=pause)
        return self.endings

    def settle(self, why: str, *, later: bool, pause: float = 0.0) -> None:
        """Records in the audit log how the search of the mailbox ended."""
        ended = partial(mailbox_sweep.settle_mailbox, search=self.search, met=self.met, why=why, later=later, pause=pause)
        self.ask(lambda session: ended(session, settings=self.settings, now=utcnow()))

    def found(self, mailbox: Mailbox) -> Iterator[list[Copy]]:
        """Yields the messages that may match the search."""
        search = self.search
        return mailbox.from_sender(search.sender, whole=search.take) if search.sender else mailbox.at(search.named)

    def take(self, mailbox: Mailbox, copies: list[Copy]) -> None:
        """Secure what is the sender's, and only then take it out."""
        sightings = [one for copy in copies if (one := self.seen(copy))]
        if sightings and (mine := self.ask(lambda session: mailbox_sweep.secure_found(session, self.search, sightings, now=utcnow()))):
            self.met |= {copy.place for copy in mine}
            try:
                self.confirm(mailbox.take(mine))
            except Unreachable as fault:
                self.confirm(fault.taken)
                raise

    def confirm(self, taken: Sequence[Copy]) -> None:
        """Records in the audit log the copies that the mailbox confirmed as removed."""
        if taken:
            self.ask(lambda session: mailbox_sweep.confirm_removed(session, self.search, taken, now=utcnow()))

    def seen(self, copy: Copy) -> Sighting | None:
        """The copy with what it says, if the sender is its author, or it was named."""
        summary = read_copy(copy.raw, self.parsers, whole=self.search.take)
        if summary is None or (self.search.sender and self.search.sender not in summary.authors):
            return None
        return Sighting(copy, summary, Names.of(copy.raw).marker)
