"""Session in one mailbox: carries out all its removals and restorations."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mailboxes.mailbox import Found, Impossible, Mailbox, NoCredentials, Unreachable
from mailboxes.match import Sought
from mailboxes.recall.examine_found import related_to
from mailboxes.recall.imap_mailbox import ImapMailbox
from mailboxes.recall.maildir_mailbox import MaildirMailbox
from triage.config.settings import Settings
from triage.delivery.recall.recall_jobs import Ending, RecallJob
from triage.delivery.recalled_copies import Copy
from triage.runtime.sandbox_pool import Pool
from triage.say import error_sentence, join_parts, say, say_count
from triage.text.sanitize import escape_visible

NO_WAY_IN = say("Mailroom has no access to this mailbox: ask your Mailroom administrator to set it up.")
NO_CREDENTIALS = say("Mailroom cannot sign in to the mailboxes: ask your Mailroom administrator to correct that")
REPLACED = say("another worker has taken over")

log = logging.getLogger(__name__)

Secure = Callable[[Sequence[tuple[RecallJob, list[Copy]]]], set[int]]  # returns once it is in the audit log: ids that may be taken


def open_mailbox(place: str, mailbox: str, settings: Settings) -> Mailbox:
    """The mailbox behind the IMAP server or on the disk. Unreachable when there is no way in now, Impossible when there is none."""
    if place.startswith("maildir:"):
        return MaildirMailbox(Path(place.removeprefix("maildir:")), mailbox)
    if not place:
        raise Impossible(NO_WAY_IN)
    try:
        return ImapMailbox(settings.recall, mailbox)
    except NoCredentials as fault:  # staff reads why a copy was not taken
        log.error("the mailbox %s cannot be entered: %s", escape_visible(mailbox), fault)
        raise Unreachable(NO_CREDENTIALS) from fault


class Visit:
    """The jobs of one mailbox, and how far they are."""

    def __init__(self, jobs: list[RecallJob], settings: Settings, secure: Secure, parsers: Pool) -> None:
        self.jobs, self.settings, self.secure, self.parsers = jobs, settings, secure, parsers
        self.endings: dict[int, Ending] = {}
        self.found: set[int] = set()  # of which deliveries there was a copy
        self.removed: set[int] = set()  # of which the server confirmed that one was removed
        self.mailbox: Mailbox | None = None

    @property
    def address(self) -> str:
        """Address of the visited mailbox."""
        return self.jobs[0].mailbox

    def run(self) -> dict[int, Ending]:
        """Go there, do it, leave: how each job ended, whatever happens."""
        for place in dict.fromkeys(one.place for one in self.jobs):
            self.go(place, self.address, [one for one in self.jobs if one.place == place])
            for address in dict.fromkeys(name for one in self.jobs for name in one.earlier):
                self.retry_failed(place, address)
        return self.endings

    def retry_failed(self, place: str, address: str) -> None:
        """Tries deliveries that failed once more in the mailbox of an earlier name, which the server may still know."""
        missed = [one for one in self.jobs if one.place == place and address in one.earlier and not self.is_done(one)]
        first = {one.delivery_id: self.endings.pop(one.delivery_id) for one in missed}
        if missed:
            self.go(place, address, missed)
        self.endings |= {one.delivery_id: first[one.delivery_id] for one in missed if not self.is_done(one)}

    def is_done(self, job: RecallJob) -> bool:
        """Whether a copy was removed, or is back in its place."""
        return job.delivery_id in self.found or self.endings[job.delivery_id].kind in ("restored", "there")

    def go(self, place: str, address: str, jobs: list[RecallJob]) -> None:
        """The jobs in one place, in the mailbox of this name."""
        why: str = REPLACED
        kind, pause = "deferred", 0.0
        try:
            self.mailbox = open_mailbox(place, address, self.settings)
            self.work(self.mailbox, jobs)
        except Unreachable as fault:
            why, pause = error_sentence(fault), fault.pause
        except Impossible as fault:
            kind, why = "refused", error_sentence(fault)
        finally:
            if self.mailbox:
                self.mailbox.close()
                self.mailbox = None
        for job in jobs:
            self.endings.setdefault(job.delivery_id, Ending("deferred" if job.irreplaceable else kind, why, pause=pause))

    def work(self, mailbox: Mailbox, jobs: list[RecallJob]) -> None:
        """Take and put back; what somebody moved meanwhile is looked for once more."""
        moved = self.work_once(mailbox, jobs)
        if moved and self.work_once(mailbox, moved):
            raise Unreachable(say("copies were moved meanwhile, so the mailbox is searched again"))

    def work_once(self, mailbox: Mailbox, jobs: list[RecallJob]) -> list[RecallJob]:
        """Look once for everything, then take and put back; those with a copy that was moved meanwhile."""
        found = mailbox.find([search_keys(one) for one in jobs], min(one.received_at for one in jobs))
        both = list(zip(jobs, found, strict=True))
        moved = self.take(mailbox, [(job, there) for job, there in both if not job.restoring])
        for job, there in both:
            if job.restoring:
                self.put_back(mailbox, job, there)
        return moved

    def take(self, mailbox: Mailbox, wanted: list[tuple[RecallJob, Found]]) -> list[RecallJob]:
        """Secure the copies, and only then take them out; those with a copy that was not where it had been found."""
        allowed = self.secure([(job, there.copies) for job, there in wanted]) if wanted else set()
        mine = [(job, there) for job, there in wanted if job.delivery_id in allowed]
        self.found |= {job.delivery_id for job, there in mine if there.copies}
        copies = [copy for _, there in mine for copy in there.copies]
        try:
            taken = {copy.place for copy in mailbox.take(copies)} if copies else set()
        except Impossible as fault:  # of no concern to what is to be put back
            self.endings.update((job.delivery_id, Ending("refused", error_sentence(fault))) for job, _ in mine)
            return []
        self.removed |= {job.delivery_id for job, there in mine if any(copy.place in taken for copy in there.copies)}
        for job, there in mine:
            beside = related_to(search_keys(job), there.related, self.parsers)
            kind = "taken" if job.delivery_id in self.removed else "missing"
            self.endings[job.delivery_id] = Ending(kind, describe_related(there.related), beside)
        return [job for job, there in mine if any(copy.place not in taken for copy in there.copies)]

    def put_back(self, mailbox: Mailbox, job: RecallJob, there: Found) -> None:
        """Put back what is not there; a mailbox that refuses gets it delivered again."""
        if there.copies and not job.copies:
            self.endings[job.delivery_id] = Ending("there", say("It is still there."))
        elif job.gone:
            self.endings[job.delivery_id] = Ending("restored", say("Its owner had deleted it before; nothing was put back."))
        elif not job.copies:
            self.endings[job.delivery_id] = Ending("absent", say("It is not there any more, so it is delivered again."))
        else:
            self.endings[job.delivery_id] = put_copies(mailbox, job, there)


def put_copies(mailbox: Mailbox, job: RecallJob, there: Found) -> Ending:
    """Put every copy where it lay, unless a worker who died has done so already."""
    present = list(there.copies)
    back: list[str] = []
    refused = ""
    for copy in job.copies:
        if twin := twin_of(copy, present):
            present.remove(twin)
            back.append(twin.folder)
            continue
        try:
            back.append(mailbox.put_back(copy))
        except Impossible as fault:
            if job.irreplaceable:
                return Ending("deferred", error_sentence(fault))
            if not back:
                return Ending("absent", say("{why}; it is delivered again.", why=fault))
            refused = say("Some copies could not be put back: {why}.", why=fault)
    return Ending("restored", join_parts(" ", (say("Back in {folders}.", folders=escape_visible(", ".join(dict.fromkeys(back)))), refused)))


def twin_of(copy: Copy, present: list[Copy]) -> Copy | None:
    """Finds the copy that a worker who died has put back: in its folder, or with its date elsewhere, since that folder was gone."""
    inside = [one for one in present if one.folder == copy.folder]
    fallen = [one for one in present if one.internal_date == copy.internal_date and one.raw == copy.raw]
    return next(iter([one for one in inside if one in fallen] or inside or fallen), None)


def search_keys(job: RecallJob) -> Sought:
    """Returns the search keys of a delivery's copies."""
    return Sought(job.marker, job.message_id, job.content)


def describe_related(related: Sequence[Copy]) -> str:
    """Describes other messages that bear or refer to the Message-ID, for the person who purges to decide about; "" when there are none."""
    if not related:
        return ""
    count, folders = len(related), Counter(copy.folder for copy in related)
    places = ", ".join(f"{escape_visible(folder)} ({number})" for folder, number in folders.items())
    return say_count(
        "Left alone: {count} related message with its Message-ID or about it (a reply, forwarded or copied), in {places}.",
        "Left alone: {count} related messages with its Message-ID or about it (replies, forwarded or copied), in {places}.",
        count=count,
        places=places,
    )
