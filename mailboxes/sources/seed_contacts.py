"""Seeding: known contacts from years of sent mail. Child processes read and parse; this one learns, and remembers how far they are.

A child says what it has read through its own pipe and waits while that is full, so memory stays flat however much mail there is.
It knows its next accounts beforehand, so it reads on while this process learns.
What it read and how far it was go into one transaction: a run that ends in the middle is gone on with by the next one.
"""

import contextlib
import gc
import logging
import multiprocessing
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import NamedTuple, Self

from sqlalchemy import Engine

from mailboxes.mailbox import NoToken, ShutOut, Unreachable
from mailboxes.sources.source import Account, Batch, Folder, Mark, Source, sort_key
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.contacts.sent_headers import PlainReader, read_elaborately
from triage.policy.contacts.sent_mail_totals import Gathered, gather_mail, join_totals
from triage.policy.learning import learn_contacts, seeding_progress
from triage.policy.learning.learn_contacts import Learned
from triage.policy.learning.seeding_progress import ReadPart
from triage.store import db
from triage.times import utcnow

TRIES = 4  # at one place in one account
AT_ONCE = 10_000  # messages that are learned from in one transaction, if they come soon
SOON, LATEST = 0.2, 2.0  # seconds: without news, and in all
SELDOM = 100_000  # values made and not given back, before circles are looked for among them
MOST_REFUSED = 3  # logins in a row of one connection: more could lock the master account
STOPPED = "not tried: the credentials that open every mailbox were refused several times; correct them and run it again"
AHEAD = 4  # accounts that a child knows of beside the one that it reads, while there are plenty
log = logging.getLogger(__name__)

CHILDREN = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a seeding: the source, its period, and how gently it is read."""

    source: Source
    name: str  # of the source: imap://HOST:PORT, maildir:PATH, mbox:PATH
    since: datetime | None = None
    connections: int = 4
    rate: float = 0.0  # messages a second in all; 0: as fast as it goes
    pause: float = 2.0  # seconds before a second try; doubled for each further one

    @property
    def has_one_login(self) -> bool:
        """Whether the same credential opens every account, so that its refusal concerns them all."""
        return bool(getattr(self.source, "has_one_login", False))

    @property
    def day(self) -> str:
        """The day `since`, as it is remembered."""
        return f"{self.since:%Y-%m-%d}" if self.since else ""


class Lot(NamedTuple):
    """Contacts that a child has read from one folder since it reported last."""

    folder: str
    mark: Mark
    found: Gathered
    unreadable: tuple[str, ...]
    left: int

    @property
    def messages(self) -> int:
        """Number of messages, unreadable ones included."""
        return self.found.messages + len(self.unreadable)


class End(NamedTuple):
    """A child is through with an account; `why` not, where it is not."""

    folders: int
    why: str = ""
    is_shut_out: bool = False  # the credentials that open every account were refused


@dataclass(slots=True)
class Report:
    """Result of seeding contacts so far."""

    accounts: int = 0  # in all
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # account: why
    without: int = 0  # accounts that have no sent folder
    folders: int = 0
    messages: int = 0
    found: int = 0  # addresses that messages went to, each as often as one did
    learned: Learned = field(default_factory=Learned)
    unreadable: Counter[str] = field(default_factory=Counter)
    left: dict[str, int] = field(default_factory=dict)  # account that is open: messages that are still to come, as far as is known


News = tuple[Lot | None, End | None]  # what a child says
Folders = dict[str, list[ReadPart]]  # by folder, what was read
Heard = Callable[[Report, str], None]  # called when there is news of an account


def read_accounts(engine: Engine, plan: Plan, *, settings: Settings, by: Actor, heard: Heard) -> Report:
    """Read all accounts and learn from them. Unreachable when there is no source; accounts that fail are in the report."""
    waiting = deque(plan.source.accounts())
    report = Report(accounts=len(waiting))
    with db.read_transaction(engine) as session:
        read_parts = seeding_progress.read_progress(session, plan.name)
    lots: list[tuple[str, Lot]] = []
    ends: list[tuple[str, End]] = []
    settling = partial(settle_account, engine, plan, report=report, settings=settings, by=by, heard=heard)
    with collect_garbage_seldom(), start_children(plan, min(plan.connections, len(waiting))) as readers:
        due = time.monotonic() + LATEST
        for reader in readers:
            reader.begin(waiting, read_parts)
        while busy := [reader for reader in readers if reader.accounts]:
            ready = wait([reader.pipe for reader in busy], timeout=SOON if lots or ends else None)
            for reader in busy:
                if reader.pipe in ready:
                    hear_child(reader, lots, ends, waiting, read_parts)
            if not ready or sum(lot.messages for _, lot in lots) >= AT_ONCE or time.monotonic() > due:
                settling(lots, ends)
                lots, ends, due = [], [], time.monotonic() + LATEST
        settling(lots, ends)
    return report


@contextlib.contextmanager
def collect_garbage_seldom() -> Iterator[None]:
    """Runs garbage collection seldom: objects made here form no cycles, and looking for some took a third of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def hear_child(
    reader: "Reader", lots: list[tuple[str, Lot]], ends: list[tuple[str, End]], waiting: deque[str], read_parts: dict[str, Folders]
) -> None:
    """Put what a child says to the rest; when it is through with an account, give it another."""
    lot, end = reader.hear(waiting)
    account = reader.accounts[0]
    if lot:
        lots.append((account, lot))
    if end:
        ends.append((account, end))
        reader.accounts.popleft()
        reader.begin(waiting, read_parts)


def settle_account(
    engine: Engine,
    plan: Plan,
    lots: list[tuple[str, Lot]],
    ends: list[tuple[str, End]],
    *,
    report: Report,
    settings: Settings,
    by: Actor,
    heard: Heard,
) -> None:
    """Learn from what was read, then say so."""
    if lots:
        learn_lots(engine, plan, lots, report, settings=settings, by=by)
    for account, end in ends:
        end_account(report, account, end)
    for account in dict.fromkeys(account for account, _ in (*lots, *ends)):
        heard(report, account)


def learn_lots(engine: Engine, plan: Plan, lots: list[tuple[str, Lot]], report: Report, *, settings: Settings, by: Actor) -> None:
    """Learn from some accounts' lots, and remember how far they are."""
    now = utcnow()
    found = join_totals(lot.found for _, lot in lots)
    read = [
        seeding_progress.Read(account, lot.folder, ReadPart(plan.day, lot.mark.validity, lot.mark.last), lot.messages)
        for account, lot in lots
    ]
    with db.transaction(engine) as session:
        learned = learn_contacts.learn_gathered(session, found, how="seed", settings=settings, by=by, now=now)
        seeding_progress.remember_progress(session, plan.name, read, now=now)
    for account, lot in lots:
        report.messages += lot.messages
        report.unreadable.update(lot.unreadable)
        report.left[account] = lot.left
    report.found += found.recipients
    report.learned = add_counts(report.learned, learned)


def add_counts(one: Learned, other: Learned) -> Learned:
    """Both together."""
    return Learned(one.learned + other.learned, one.known + other.known, one.parked + other.parked, one.skipped + other.skipped)


def end_account(report: Report, account: str, end: End) -> None:
    """An account is through."""
    report.left.pop(account, None)
    report.folders += end.folders
    if end.why:
        report.failed[account] = end.why
    else:
        report.done += 1
        report.without += not end.folders


# the children


@dataclass(slots=True)
class Reader:
    """A child process as its parent sees it."""

    plan: Plan
    process: ForkServerProcess
    pipe: Connection
    accounts: deque[str] = field(default_factory=deque)  # that it reads now, and next

    @classmethod
    def start(cls, plan: Plan) -> Self:
        """A new one."""
        return cls(plan, *start_child(plan))

    def begin(self, waiting: deque[str], read_parts: dict[str, Folders]) -> None:
        """Give it the next account, if there is one; some more, if there are plenty."""
        wanted = 1 + min(AHEAD, len(waiting) // (2 * self.plan.connections))
        while waiting and len(self.accounts) < wanted:
            account = waiting.popleft()
            self.accounts.append(account)
            with contextlib.suppress(OSError):  # it is dead: `hear_child` says so
                self.pipe.send((account, read_parts.get(account, {})))

    def hear(self, waiting: deque[str]) -> News:
        """Receives the child's next report. Another process replaces a dead one: that costs the account that it was at, and no other."""
        try:
            news: News = self.pipe.recv()
        except (EOFError, OSError):
            self.end()
            self.process, self.pipe = start_child(self.plan)
            while len(self.accounts) > 1:
                waiting.appendleft(self.accounts.pop())
            return None, End(0, "the process that read it came to a sudden end; run it again")
        return news

    def end(self) -> None:
        """Ends the child process."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()


@contextlib.contextmanager
def start_children(plan: Plan, number: int) -> Iterator[list[Reader]]:
    """So many child processes; all of them end with this one, whatever happens."""
    CHILDREN.set_forkserver_preload([__name__])
    readers = [Reader.start(plan) for _ in range(number)]
    try:
        yield readers
    finally:
        for reader in readers:
            reader.end()


def start_child(plan: Plan) -> tuple[ForkServerProcess, Connection]:
    """A child process, and our end of its pipe."""
    ours, theirs = CHILDREN.Pipe()
    process = CHILDREN.Process(target=serve_child, args=(plan, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def serve_child(plan: Plan, pipe: Connection) -> None:
    """Serves as a child: reads the accounts that it is given, until nobody gives any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us
    refused = 0  # logins in a row
    with contextlib.suppress(EOFError, OSError), collect_garbage_seldom():
        while True:
            account, read_parts = pipe.recv()
            speaker = Speaker(pipe)
            is_over = refused >= MOST_REFUSED
            end = End(0, STOPPED) if is_over else read_account(plan, account, read_parts, speaker.say)
            if not is_over:
                refused = refused + 1 if end.is_shut_out else 0
            speaker.say(end)


class Speaker:
    """Says one lot after the other, the last one together with the end: what is said costs both sides more than what is in it."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.held: Lot | None = None

    def say(self, news: Lot | End) -> None:
        """Reports the next lot of an account, or its end; a lot is held back until the next report."""
        if isinstance(news, End):
            self.pipe.send((self.held, news))
        elif self.held:
            self.pipe.send((self.held, None))
        self.held = news if isinstance(news, Lot) else None


def read_account(plan: Plan, address: str, read_parts: Folders, say: Callable[[Lot], None]) -> End:
    """Reads all new messages in the sent folders of one account. After a broken connection it reconnects and resumes."""
    marks: dict[str, Mark] = {}
    folders, tries = 0, 1
    while True:
        before = dict(marks)
        try:
            folders = max(folders, read_folders(plan, address, read_parts, marks, say))
            return End(folders)
        except NoToken as fault:  # which locks no account, and is asked about once a minute
            return End(0, str(fault))
        except ShutOut as fault:
            return End(0, str(fault), is_shut_out=plan.has_one_login)
        except Unreachable as fault:
            tries = 1 if marks != before else tries + 1
            if tries > TRIES:
                return End(folders, f"{fault}; what was read is kept, run it again to go on")
            if fault.pause:
                log.warning("%s: waiting %.0f seconds for the server: %s", address, fault.pause, fault)
            time.sleep(max(fault.pause, plan.pause * 2 ** (tries - 1)))


def read_folders(plan: Plan, address: str, read_parts: Folders, marks: dict[str, Mark], say: Callable[[Lot], None]) -> int:
    """In one session: every sent folder from its mark on; how many there are."""
    account = plan.source.open(address)
    try:
        folders = [folder for folder in account.folders() if folder.use == "sent"]
        for folder in folders:
            read_folder(plan, address, account, folder, read_parts.get(folder.name, []), marks, say)
    finally:
        account.close()
    return len(folders)


def read_folder(
    plan: Plan,
    address: str,
    account: Account,
    folder: Folder,
    read_parts: list[ReadPart],
    marks: dict[str, Mark],
    say: Callable[[Lot], None],
) -> None:
    """Reads one folder, without what an earlier run has read."""
    after = marks.get(folder.name) or furthest_mark(plan.day, read_parts)
    everything = not plan.day and not read_parts
    plain = PlainReader(address)
    pace = Pace(plan.rate / plan.connections if plan.rate else 0.0)
    for batch in account.read(folder, after=after, since=plan.since):
        now = utcnow()
        parsed = (
            plain.read(one.raw, now) or read_elaborately(one.raw, address, partial(getattr, one, "arrived"), now) for one in batch.messages
        )
        if not everything:
            read = zip(batch.messages, parsed, strict=True)
            parsed = (mail for one, mail in read if is_new(one.place, mail.at, batch, plan, read_parts))
        say(Lot(folder.name, batch.mark, gather_mail(parsed), batch.unreadable, batch.left))
        marks[folder.name] = batch.mark
        pace.wait_for(len(batch.messages))


def furthest_mark(day: str, read_parts: list[ReadPart]) -> Mark | None:
    """Returns how far a folder was read already for the whole period that is wanted now, None when it was not."""
    enough = [one for one in read_parts if one.since <= day]
    last = max(enough, key=lambda one: sort_key(one.last), default=None)
    return Mark(last.validity, last.last) if last else None


def is_new(place: str, at: datetime, batch: Batch, plan: Plan, read_parts: list[ReadPart]) -> bool:
    """Whether a message is from the wanted day or later, and was not read by a run that asked for a later day."""
    day = f"{at:%Y-%m-%d}"
    return day >= plan.day and not any(
        one.since > plan.day and one.validity == batch.mark.validity and sort_key(place) <= sort_key(one.last) and day >= one.since
        for one in read_parts
    )


class Pace:
    """Rate limit: no more than so many messages a second."""

    def __init__(self, rate: float) -> None:
        self.rate, self.begun, self.messages = rate, time.monotonic(), 0

    def wait_for(self, messages: int) -> None:
        """Wait until that many more were due."""
        self.messages += messages
        if self.rate:
            time.sleep(max(0.0, self.begun + self.messages / self.rate - time.monotonic()))
