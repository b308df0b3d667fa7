"""Hunt in one mailbox: counts matching messages, or lists them once two people approved that. Changes nothing there."""

from collections.abc import Iterator

from mailboxes.mailbox import Impossible, Mailbox
from mailboxes.match import Names
from mailboxes.recall.examine_found import read_copy
from mailboxes.recall.mailbox_sweep import Sweep
from triage.delivery.recall.hunt_criteria import MOST_FOUND, MOST_READ, MOST_READ_WHOLE, Criteria
from triage.delivery.recall.hunted_messages import Hunted
from triage.delivery.recall.related_messages import Place
from triage.delivery.recalled_copies import Copy
from triage.quarantine.decisions import mailbox_sweep
from triage.say import say
from triage.times import utcnow


class Hunt(Sweep):
    """The search of one mailbox by what messages say, and how far it is."""

    read = found_here = 0  # messages

    def found(self, mailbox: Mailbox) -> Iterator[list[Copy]]:
        """Yields the messages that may match. Impossible where they are too many; those before it count."""
        most = MOST_READ_WHOLE if self.criteria.reads_bodies else MOST_READ
        for copies in mailbox.matching(self.criteria):
            self.read += len(copies)
            if self.read > most:
                raise Impossible(say("only the newest {number} messages that may match were read: narrow the hunt", number=f"{most:,}"))
            yield copies

    @property
    def criteria(self) -> Criteria:
        """Criteria of the hunt."""
        assert self.search.criteria is not None
        return self.search.criteria

    def take(self, mailbox: Mailbox, copies: list[Copy]) -> None:
        """Takes nothing: what matches is counted, and written down where it may be shown."""
        hunted = [one for copy in copies if (one := self.examine(copy))][: MOST_FOUND - self.found_here]
        self.found_here += len(hunted)
        if hunted:
            self.ask(lambda session: mailbox_sweep.note_hunted(session, self.search, hunted, now=utcnow()))
        if self.found_here == MOST_FOUND:
            raise Impossible(say("only the newest {number} matching messages were counted: narrow the hunt", number=MOST_FOUND))

    def examine(self, copy: Copy) -> Hunted | None:
        """The message, if it fits; None too where it cannot be read."""
        summary = read_copy(copy.raw, self.parsers, whole=self.criteria.reads_bodies)
        if summary is None or not self.criteria.fits(summary, copy.internal_date):
            return None
        place = Place(copy.folder, copy.uid_validity, copy.uid, copy.name)
        author = summary.author or summary.claimed_author
        return Hunted(place, copy.internal_date, Names.of(copy.raw).marker, "\\Seen" in copy.flags, author, summary.subject)
