"""Claim: seeding reads 600 sent folders over IMAP 1.3 times as fast as imapclient with 4 processes, at 0.7 of what signing in alone costs.

600 accounts with 200 sent messages of 4 KB in a real Dovecot; everything of ours, from the first connection to the last commit
in SQLite. Beside it imapclient in 4 processes, which fetches the same fields and learns nothing; the same 4 processes that only
sign in and select the folder, which is the floor; and `doveadm fetch` of the same fields, straight at the files. Then the same
folders as Maildirs: the claim is 40,000 messages a second. Every round reads warm caches of the server, and a fresh database.
`python -m bench.seed million` reads a million messages from mbox files, and says what that takes in memory.
"""

import contextlib
import functools
import itertools
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

from imapclient import IMAPClient  # type: ignore[import-untyped]

from bench.rounds import goals, printing, processor
from bench.rounds.alternating import Sample, measure_medians
from bench.rounds.sent_folders import fill_maildirs, make_address, make_messages
from mailboxes.sources import seed_contacts
from mailboxes.sources.imap_source import ImapSource
from mailboxes.sources.maildir_source import MaildirSource
from mailboxes.sources.mbox_source import MboxSource
from mailboxes.sources.seed_contacts import Plan, Report
from mailboxes.sources.source import TEACHING, Source
from migrations.upgrade import upgrade
from tests.peers import processes
from tests.peers.daemon import read_peak
from tests.peers.mail import dovecot
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, DepartmentEntry, PersonEntry
from triage.config.settings import Company, Recall, Settings
from triage.directory import apply as directory
from triage.store import db
from triage.times import utcnow

PEOPLE, EACH = 600, 200
MESSAGES = PEOPLE * EACH
CONNECTIONS = 4
ROUNDS = 3
MILLION = 1_000_000
FIELDS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(TEACHING)})]"
NAMES = {
    "ours": "seed imap, 4 connections",
    "imapclient": "imapclient, 4 processes",
    "floor": "sign in and SELECT alone",
    "doveadm": "doveadm fetch",
    "maildir": "seed maildir, 2 processes",
}
BY = Actor.system("bench")
_numbers = itertools.count()


@dataclass(frozen=True)
class Site:
    """A Dovecot, and a database with the people whose mailboxes it holds."""

    server: dovecot.Server
    settings: Settings
    directory: Path

    def seed(self, source: Source, connections: int, heard: Callable[[Report, str], None] = lambda report, account: None) -> Report:
        """A whole run into a fresh copy of the database."""
        file = self.directory / f"run{next(_numbers)}.db"
        shutil.copyfile(self.directory / "empty.db", file)
        engine = db.open_engine(f"sqlite:///{file}")
        try:
            return seed_contacts.read_accounts(
                engine, Plan(source, "bench", connections=connections), settings=self.settings, by=BY, heard=heard
            )
        finally:
            engine.dispose()


def main() -> int:
    """Measure and print."""
    if sys.argv[1:] == ["million"]:
        return measure_million()
    print(f"{PEOPLE} accounts × {EACH} sent messages; medians of {ROUNDS} rounds, warm\n", flush=True)
    try:
        with contextlib.ExitStack() as stack:
            site = open_site(stack)
            watch = processor.Watch((site.server.process.pid,) if site.server.process else ())
            warm_caches(site)
            found = measure_medians({way: functools.partial(measure_way, site, way) for way in NAMES}, ROUNDS)
            others = watch.stop()[2]
    except processes.Missing as missing:
        return printing.print_missing(missing)
    rows = [
        (
            NAMES[way],
            f"{MESSAGES / one['seconds']:,.0f}",
            f"{one['ours'] / MESSAGES * 1000:.3f}",
            f"{one['server'] / MESSAGES * 1000:.3f}",
            printing.format_ratio(one["seconds"], found["ours"]["seconds"]),
        )
        for way, one in found.items()
    ]
    rate = {way: MESSAGES / one["seconds"] for way, one in found.items()}
    goals.print_goals(
        {
            "seed.imapclient": rate["ours"] / rate["imapclient"],
            "seed.floor": rate["ours"] / rate["floor"],
            "seed.maildir": rate["maildir"],
        }
    )
    printing.print_table(("", "messages/s", "CPU ms each", "and Dovecot's", "its time to seed imap's"), rows)
    printing.print_machine(
        "Dovecot " + ".".join(map(str, dovecot.read_version(processes.need("dovecot", dovecot.PACKAGES)))), others=[others]
    )
    return 0


def open_site(stack: contextlib.ExitStack) -> Site:
    """Start a site with full mailboxes and no learned contacts."""
    place = stack.enter_context(processes.short_directory("seed"))
    server = stack.enter_context(dovecot.running())
    fill_maildirs(server.directory / "mail", PEOPLE, EACH)
    (server.directory / "users").write_text("".join(f"{make_address(number)}\n" for number in range(PEOPLE)))
    return Site(server, prepare_staff(place, server.imap_port), place)


def prepare_staff(place: Path, imap_port: int = 0) -> Settings:
    """Settings, and a database with the people in it."""
    (place / "password").write_text(dovecot.MASTER_PASSWORD)
    settings = Settings(
        company=Company(domains=("company.example",), hostname="mx.company.example"),
        recall=Recall(imap=f"imap://127.0.0.1:{imap_port}", master_user=dovecot.MASTER, password_file=str(place / "password")),
    )
    engine = db.open_engine(f"sqlite:///{place}/empty.db")
    upgrade(engine)
    people = tuple(PersonEntry(f"p{number}", f"Person {number}", "it", make_address(number)) for number in range(PEOPLE))
    company = CompanyDirectory(departments=(DepartmentEntry("it", "IT"),), people=people, staff=(), postmaster=make_address(0))
    with db.transaction(engine) as session:
        directory.apply_directory(session, company, settings.company, by=BY, now=utcnow())
    engine.dispose()
    return settings


def warm_caches(site: Site) -> None:
    """Fills the server's caches with all header fields and imports what the forkserver's children need, this program included."""
    multiprocessing.set_forkserver_preload(["bench.seed"])
    forkserver.ensure_running()
    fetch_doveadm(site)
    site.seed(MaildirSource(site.server.directory / "mail", only=(make_address(0),)), 1)


def measure_way(site: Site, way: str) -> Sample:
    """Measures one run: seconds, and processor seconds of ours and of the server."""
    server = site.server.process.pid if site.server.process else 0
    before = processor.tree_seconds(os.getpid()) - processor.tree_seconds(server), processor.tree_seconds(server)
    begun = time.perf_counter()
    WAYS[way](site)
    seconds = time.perf_counter() - begun
    after = processor.tree_seconds(os.getpid()) - processor.tree_seconds(server), processor.tree_seconds(server)
    return {"seconds": seconds, "ours": after[0] - before[0], "server": after[1] - before[1]}


def seed_imap(site: Site) -> None:
    """Over IMAP."""
    source = ImapSource(site.settings.recall, tuple(make_address(number) for number in range(PEOPLE)), TEACHING)
    report = site.seed(source, CONNECTIONS)
    assert (report.messages, report.failed) == (MESSAGES, {}), report


def seed_maildir(site: Site) -> None:
    """From the disk."""
    assert site.seed(MaildirSource(site.server.directory / "mail"), 2).messages == MESSAGES


def fetch_imapclient(site: Site) -> None:
    """Fetch the same fields with the IMAPClient library and do nothing with them, as a hand-written script would."""
    with ProcessPoolExecutor(CONNECTIONS) as pool:
        assert sum(pool.map(functools.partial(fetch_account, site.server.imap_port), range(PEOPLE), chunksize=5)) == MESSAGES


def fetch_account(port: int, number: int) -> int:
    """Fetches the header fields of one account; the number of messages."""
    with open_session(port, number) as client:
        return len(client.fetch(client.search(), [FIELDS]))


def enter_mailboxes(site: Site) -> None:
    """Into every mailbox and out again."""
    with ProcessPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(functools.partial(looked_into, site.server.imap_port), range(PEOPLE), chunksize=5))


def looked_into(port: int, number: int) -> None:
    """Opens one account and reads nothing."""
    with open_session(port, number):
        return


@contextlib.contextmanager
def open_session(port: int, number: int):  # type: ignore[no-untyped-def]
    """A session with the sent folder selected."""
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login(f"{make_address(number)}*{dovecot.MASTER}", dovecot.MASTER_PASSWORD)
        client.select_folder("Sent", readonly=True)
        yield client


def fetch_doveadm(site: Site) -> None:
    """Dovecot's own tool, straight at the files."""
    wanted = " ".join(f"hdr.{name.lower()}" for name in TEACHING)
    command = ["doveadm", "-c", str(site.server.directory / "dovecot.conf"), "fetch", "-F", str(site.server.directory / "users")]
    subprocess.run([*command, wanted, "mailbox", "Sent"], check=True, stdout=subprocess.DEVNULL)


WAYS = {"ours": seed_imap, "imapclient": fetch_imapclient, "floor": enter_mailboxes, "doveadm": fetch_doveadm, "maildir": seed_maildir}


def measure_million() -> int:
    """A million messages: the memory of this process and of its children, after a tenth and at the end."""
    with processes.short_directory("million") as place:
        owners, files = 4, []
        for number in range(owners):
            files.append(place / make_address(number))
            with files[-1].open("wb") as file:
                for raw in make_messages(number, MILLION // owners):
                    file.write(b"From x Tue Nov 24 10:00:00 2026\n" + raw[: raw.index(b"\r\n\r\n")] + b"\r\n\r\nhello\r\n\n")
        seen: dict[str, float] = {}

        def heard(report: Report, _account: str) -> None:
            if report.messages * 10 >= MILLION:
                seen.setdefault("a tenth", read_memory())
            seen["the end"] = read_memory()

        begun = time.perf_counter()
        report = Site(None, prepare_staff(place), place).seed(MboxSource(tuple(files)), 2, heard)  # type: ignore[arg-type]
        seconds = time.perf_counter() - begun
    assert report.messages == MILLION, report
    print(f"{MILLION:,} messages in {seconds:.0f} s, {MILLION / seconds:,.0f} a second")
    print(", ".join(f"after {when}: {size:.0f} MB at most" for when, size in seen.items()))
    return 0


def read_memory() -> float:
    """The most memory that this process and all that it has started have taken so far, each for itself."""
    total = 0
    for pid in (os.getpid(), *processes.list_descendants(os.getpid())):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, StopIteration):  # it has ended
            total += read_peak(pid)
    return total / 1024 / 1024


if __name__ == "__main__":
    sys.exit(main())
