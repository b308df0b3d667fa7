"""Seeding: whatever happens on the way, each message teaches once, and what was not read is said."""

import contextlib
import os
import signal
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from mailboxes.mailbox import Unreachable
from mailboxes.sources import seed_contacts
from mailboxes.sources.imap_source import ImapSource
from mailboxes.sources.maildir_source import MaildirSource
from mailboxes.sources.seed_contacts import End, Plan, Report
from mailboxes.sources.source import Batch, Folder, Mark, Stored
from tests.mailboxes.delivering import behind_dovecot
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.triage import arriving
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.contacts.contact_evidence import Reason
from triage.policy.learning import seeding_progress
from triage.policy.learning.seeding_progress import Read, ReadPart
from triage.store import db
from triage.store.models.contacts import Contact, SeededFolder
from triage.store.scratch_copy import make_scratch

JOE, MARA = "joe.fern@company.example", "mara.berg@company.example"
BY = Actor("shell", "root", arriving.IDA.role, arriving.IDA.scope, "root (shell)")


def mail(number: int, author: str = JOE, *, day: int = 3, more: str = "") -> bytes:
    """A message that somebody sent on a day of November, to somebody new."""
    return (
        f"From: {author}\r\nTo: p{number}@partner.example\r\nDate: {day} Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}@company.example>\r\n{more}\r\nhello\r\n"
    ).encode()


@pytest.fixture
def house(engine: Engine, settings: Settings) -> Engine:
    """The small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Directory of the Maildirs."""
    return tmp_path / "maildirs"


def file(root: Path, number: int, raw: bytes, address: str = JOE) -> None:
    """Put a message into somebody's sent folder."""
    folder = root / address / ".Sent" / "cur"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{1_795_000_000 + number}.M{number}.host:2,S").write_bytes(raw)


def plan(root: Path, **more: object) -> Plan:
    """Read the Maildirs."""
    return replace(Plan(MaildirSource(root), f"maildir:{root}", connections=2, pause=0.01), **more)  # type: ignore[arg-type]


def run(engine: Engine, plan: Plan, settings: Settings) -> Report:
    """To the end."""
    return seed_contacts.read_accounts(engine, plan, settings=settings, by=BY, heard=lambda report, account: None)


def known(engine: Engine) -> dict[str, tuple[str, int]]:
    """Contacts by address: the employee, and the number of messages."""
    with db.read_transaction(engine) as session:
        rows = session.execute(select(col(Contact.address), col(Contact.person), col(Contact.sent)))
        return {address: (person, count) for address, person, count in rows}


def test_each_mail_teaches_once(house: Engine, root: Path, settings: Settings) -> None:
    for number in range(3):
        file(root, number, mail(number))
    file(root, 7, mail(7, MARA), MARA)
    file(root, 8, mail(8, MARA, more="Auto-Submitted: auto-replied\r\n"), MARA)
    file(root, 9, b"\x00\xff broken", MARA)
    (root / "nobody@else.example" / "cur").mkdir(parents=True)
    report = run(house, plan(root), settings)
    assert (report.accounts, report.done, report.without, report.folders, report.messages) == (3, 3, 1, 2, 6)
    assert (report.found, report.learned.learned, report.failed) == (5, 4, {})
    assert report.learned.skipped == {Reason.AUTOMATIC: 1, Reason.FORWARD: 1}
    before = known(house)
    assert before == {f"p{number}@partner.example": ("joe.fern", 1) for number in range(3)} | {"p7@partner.example": ("mara.berg", 1)}
    assert run(house, plan(root), settings).messages == 0
    file(root, 10, mail(1))
    assert run(house, plan(root), settings).messages == 1
    assert known(house) == before | {"p1@partner.example": ("joe.fern", 2)}


def test_a_later_day_first_and_then_everything_is_everything_once(house: Engine, root: Path, settings: Settings) -> None:
    for number in range(1, 10):
        file(root, number, mail(number, day=number))
    assert run(house, plan(root, since=datetime(2026, 11, 7, tzinfo=UTC)), settings).messages == 3
    file(root, 10, mail(10, day=10))
    file(root, 11, mail(11, day=1))  # written before, filed late
    assert run(house, plan(root, since=datetime(2026, 11, 4, tzinfo=UTC)), settings).messages == 4
    assert run(house, plan(root), settings).messages == 4
    assert {count for _, count in known(house).values()} == {1}
    assert len(known(house)) == 11
    assert run(house, plan(root, since=datetime(2026, 11, 2, tzinfo=UTC)), settings).messages == 0


def test_a_dry_run_says_the_same_and_learns_nothing(house: Engine, root: Path, settings: Settings) -> None:
    for number in range(3):
        file(root, number, mail(number))
    with make_scratch(house) as copy:
        dry = run(copy, plan(root), settings)
    assert known(house) == {}
    assert run(house, plan(root), settings) == dry


def test_a_child_that_dies_costs_its_account_only(house: Engine, root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [JOE, MARA, "info@company.example"]
    for number, address in enumerate(people):
        file(root, number, mail(number, address), address)
    begin = seed_contacts.Reader.begin
    victims: list[seed_contacts.Reader] = []

    def dying(reader: seed_contacts.Reader, *words: object) -> None:
        if not victims:
            victims.append(reader)
            os.kill(reader.process.pid or 0, signal.SIGKILL)
            reader.process.join()
        begin(reader, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(seed_contacts.Reader, "begin", dying)
    report = run(house, plan(root, connections=1), settings)
    assert report.failed == {"info@company.example": "the process that read it came to a sudden end; run it again"}
    assert report.done == 2
    monkeypatch.undo()
    assert run(house, plan(root), settings).failed == {}
    assert {count for _, count in known(house).values()} == {1}
    assert len(known(house)) == 3


@dataclass
class Flaky:
    """A mailbox with a hundred sent messages that breaks off now and then."""

    breaks: list[int]  # before which messages, in turn
    opened: int = 0
    shut: list[Mark | None] = field(default_factory=list)

    def accounts(self) -> list[str]:
        return [JOE]

    def open(self, address: str) -> "Flaky":
        self.opened += 1
        return self

    def folders(self) -> list[Folder]:
        return [Folder("INBOX", "inbox"), Folder("Sent", "sent")]

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        self.shut.append(after)
        for number in range(int(after.last) + 1 if after else 1, 101):
            if self.breaks and self.breaks[0] == number:
                self.breaks.pop(0)
                raise Unreachable("the line went dead")
            yield Batch((Stored(str(number), None, mail(number)),), Mark("7", str(number)), (), 100 - number)

    def close(self) -> None:
        """Do nothing, because nothing is open."""


def test_a_connection_that_breaks_is_made_again_and_goes_on_where_it_was() -> None:
    source = Flaky([40, 40, 90])
    lots: list[seed_contacts.Lot] = []
    end = seed_contacts.read_account(Plan(source, "x", pause=0.0), JOE, {}, lots.append)
    assert (end, source.opened) == (End(1), 4)
    assert source.shut == [None, Mark("7", "39"), Mark("7", "39"), Mark("7", "89")]
    read = [contact.recipient for lot in lots for theirs in lot.found.contacts.values() for contact in theirs]
    assert read == [f"p{number}@partner.example" for number in range(1, 101)]


def test_an_account_that_breaks_at_one_place_again_and_again_is_given_up_for_this_time() -> None:
    source = Flaky([40] * 10)
    lots: list[seed_contacts.Lot] = []
    end = seed_contacts.read_account(Plan(source, "x", pause=0.0), JOE, {}, lots.append)
    assert end == End(0, "the line went dead; what was read is kept, run it again to go on")
    assert (source.opened, len(lots)) == (1 + seed_contacts.TRIES, 39)


def test_what_is_left_is_gentle_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    pace = seed_contacts.Pace(100.0)
    for _ in range(3):
        clock[0] += 1.0  # that long it took to read them
        pace.wait_for(500)
    assert slept == [4.0, 4.0, 4.0]


def test_the_marks_of_a_folder_that_was_numbered_anew_count_no_more(house: Engine) -> None:
    now = arriving.NOW
    with db.transaction(house) as session:
        first = [Read(JOE, "Sent", ReadPart("", "1", "50"), 50), Read(JOE, "Other", ReadPart("", "1", "5"), 5)]
        seeding_progress.remember_progress(session, "x", first, now=now)
        seeding_progress.remember_progress(session, "x", [Read(JOE, "Sent", ReadPart("2026-01-01", "1", "60"), 10)], now=now)
        anew = [Read(JOE, "Sent", ReadPart("2026-01-01", "1", "70"), 10), Read(JOE, "Sent", ReadPart("2026-01-01", "2", "3"), 3)]
        seeding_progress.remember_progress(session, "x", anew, now=now)
        seeding_progress.remember_progress(session, "x", [Read(JOE, "Other", ReadPart("", "1", "9"), 4)], now=now)
    with db.read_transaction(house) as session:
        assert seeding_progress.read_progress(session, "x") == {
            JOE: {"Sent": [ReadPart("2026-01-01", "2", "3")], "Other": [ReadPart("", "1", "9")]}
        }
        assert seeding_progress.read_progress(session, "y") == {}
        assert sorted(session.scalars(select(col(SeededFolder.messages)))) == [3, 9]


@pytest.mark.corpus
def test_real_mail_never_stops_it(sqlite_engine: Engine, settings: Settings, corpus: Path, tmp_path: Path) -> None:
    with tarfile.open(corpus / "maildirs.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    settings = replace(settings, company=replace(settings.company, domains=("enron.com", "barrera.org")))
    report = run(sqlite_engine, plan(tmp_path / "maildirs"), settings)
    assert (report.accounts, report.done, report.failed, report.folders, report.messages) == (23, 23, {}, 24, 344)
    assert report.unreadable == {}
    assert sum(report.learned.skipped.values()) >= 100  # nobody of them works here: whatever is not skipped before is not-ours


# over IMAP


class Cutter:
    """Stands before a server, and hangs up on each connection after so many bytes from there; more each time."""

    def __init__(self, target: int, first: int) -> None:
        self.target, self.allowance = target, first
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.cuts = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Serves connections one after another."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.target)) as server:
                asking = threading.Thread(target=carry, args=(client, server), daemon=True)
                asking.start()
                left = self.allowance
                self.allowance += self.allowance // 2
                while left > 0 and (data := server.recv(min(4096, left))):
                    left -= len(data)
                    try:
                        client.sendall(data)
                    except OSError:
                        break
                self.cuts += left <= 0
                for one in (client, server):
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)  # a close alone lets a thread wait in recv
                asking.join(processes.HANG)


def carry(source: socket.socket, target: socket.socket) -> None:
    """Carry the client's bytes to the server."""
    try:
        while data := source.recv(4096):
            target.sendall(data)
    except OSError:
        return


@pytest.mark.peers
def test_a_network_that_drops_in_the_middle_teaches_nothing_twice(
    sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path
) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    with server.client(JOE) as client:
        client.create_folder("Sent")
        for number in range(60):
            client.append("Sent", mail(number))
    recall = behind_dovecot(settings, server, tmp_path).recall
    cutter = Cutter(server.imap_port, 3000)
    recall = replace(recall, imap=f"imap://127.0.0.1:{cutter.port}", timeout=int(processes.HANG))
    many = Plan(ImapSource(recall, (JOE,)), "imap://x", connections=1, pause=0.01)
    reports: list[Report] = []
    while not reports or reports[-1].failed:
        reports.append(run(sqlite_engine, many, settings))
        assert len(reports) < 20
    cutter.listener.shutdown(socket.SHUT_RDWR)
    cutter.listener.close()
    assert cutter.cuts >= 1
    assert sum(report.messages for report in reports) == 60
    assert sum(report.messages for report in reports) == 60
    assert known(sqlite_engine) == {f"p{number}@partner.example": ("joe.fern", 1) for number in range(60)}


@pytest.mark.peers
def test_accounts_that_refuse_stop_nobody_else(sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    with server.client(MARA) as client:
        client.create_folder("Sent")
        client.append("Sent", mail(1, MARA))
    passwords = tmp_path / "accounts"
    passwords.write_text(f"{JOE}:wrong\n{MARA}:{dovecot.PASSWORD}\n")
    recall = replace(behind_dovecot(settings, server, tmp_path).recall, auth="per-account", password_file=str(passwords))
    report = run(sqlite_engine, Plan(ImapSource(recall, (JOE, MARA)), "imap://x", pause=0.01), settings)
    assert (report.done, report.messages, list(report.failed)) == (1, 1, [JOE])
    assert "refuses our sign-in" in report.failed[JOE]


@pytest.mark.peers
def test_a_refused_master_login_is_not_tried_for_every_mailbox(
    sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path
) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    recall = replace(behind_dovecot(settings, server, tmp_path).recall, password_file=str(wrong))
    addresses = tuple(f"p{number}@company.example" for number in range(6))
    report = run(sqlite_engine, Plan(ImapSource(recall, addresses), "imap://x", connections=1, pause=0.01), settings)
    assert list(report.failed) == list(addresses)
    reasons = [why == seed_contacts.STOPPED for why in report.failed.values()]
    assert reasons == [False] * 3 + [True] * 3
