"""Recall out of Maildirs, where mail was delivered to: found in every folder, taken, and put back under its name with its date."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session

from mailboxes.mailbox import BROKEN_OFF, Unreachable
from mailboxes.recall.maildir_mailbox import MaildirMailbox, copy_at
from mailboxes.recall.recall_role import Recaller
from tests.mailboxes.delivering import ANNA, BOB, OLD, House, letter, recalling
from tests.peers import processes
from triage.config.settings import Relay, Settings
from triage.delivery.recalled_copies import Copy
from triage.quarantine.decisions import mailbox_sweep
from triage.quarantine.decisions.decision_request import Verb
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.mailboxes import SweptMailbox
from triage.times import utcnow


@dataclass
class Disk(House):
    """A house that delivers into Maildirs."""

    directory: Path

    def lying(self) -> dict[str, tuple[bytes, int]]:
        """Files below the mailboxes except drafts: bytes and date."""
        files = [path for path in self.directory.rglob("*") if path.is_file() and path.parent.name != "tmp"]
        return {str(path.relative_to(self.directory)): (path.read_bytes(), path.stat().st_mtime_ns // 1000) for path in files}

    def only(self, mailbox: str) -> Path:
        """The one message in new."""
        (path,) = (self.directory / mailbox / "new").iterdir()
        return path


@pytest.fixture
def disk(sqlite_engine: Engine, settings: Settings, tmp_path: Path) -> Disk:
    return Disk(sqlite_engine, settings, tmp_path / "mailboxes")


def test_what_is_purged_comes_back_as_it_was(disk: Disk) -> None:
    disk.delivered(letter(1), ANNA, BOB)
    disk.delivered(letter(2, "friend@other.example"), ANNA, author="friend@other.example")
    read = disk.only(BOB)
    archive = disk.directory / BOB / ".Archive.2026"
    for part in ("cur", "new", "tmp"):
        (archive / part).mkdir(parents=True)
    os.utime(read, (1_600_000_000, 1_600_000_000.25))
    read.rename(archive / "cur" / f"{read.name}:2,RSab")
    before = disk.lying()
    purge = disk.recalled(disk.decides(Verb.PURGE))
    assert sorted(item.why for item in purge.items) == ["It was in .Archive.2026, read and answered.", "It was in INBOX, unread."]
    assert [b"friend@other.example" in raw for raw, _ in disk.lying().values()] == [True]
    disk.recalled(disk.undoes(purge))
    assert disk.lying() == before


def test_what_its_owner_reads_while_it_is_taken_is_taken_all_the_same(disk: Disk) -> None:
    disk.delivered(letter(1), ANNA)
    mailbox = MaildirMailbox(disk.directory, ANNA)
    path = disk.only(ANNA)
    ((folder, there),) = mailbox.messages()
    copy = copy_at(folder, there)
    path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    mailbox.take([copy])
    mailbox.take([copy])  # again, as after a crash
    assert disk.lying() == {}
    assert [mailbox.put_back(copy), mailbox.put_back(copy)] == ["INBOX", "INBOX"]
    assert list(disk.lying()) == [f"{ANNA}/new/{path.name}"]


def test_a_mailbox_that_was_never_used_holds_nothing(disk: Disk) -> None:
    (mail,) = disk.delivered(letter(1), ANNA)
    disk.only(ANNA).unlink()
    purge = disk.recalled(disk.decides(Verb.PURGE))
    assert (purge.already_gone, disk.states([mail])) == (1, [State.PURGED])


def test_where_mail_was_delivered_counts_not_where_it_is_delivered_now(disk: Disk) -> None:
    (mail,) = disk.delivered(letter(1), ANNA)
    disk.settings = replace(
        disk.settings, relay=Relay(next_hop="smtp://127.0.0.1:25"), recall=replace(disk.settings.recall, imap="imap://x")
    )
    assert disk.recalled(disk.decides(Verb.PURGE)).done == 1
    assert (disk.states([mail]), disk.lying()) == ([State.PURGED], {})


@pytest.mark.parametrize("address", ["../anna@company.example", ".anna@company.example", "no address", "a/b@company.example"])
def test_no_address_leads_out_of_the_directory(tmp_path: Path, address: str) -> None:
    with pytest.raises(Unreachable):
        MaildirMailbox(tmp_path, address)


def test_a_disk_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="of the Maildirs does not exist"):
        MaildirMailbox(tmp_path / "unmounted", ANNA)


def test_a_name_that_cannot_be_written_down_ends_the_visit_not_the_recaller(disk: Disk) -> None:
    disk.delivered(letter(1), ANNA)
    odd = disk.directory / ANNA / os.fsdecode(b".Bad\xff")
    for part in ("cur", "new", "tmp"):
        (odd / part).mkdir(parents=True)
    disk.only(ANNA).rename(odd / "cur" / "1.x:2,S")
    purge = disk.decides(Verb.PURGE)
    with recalling(disk.settings):
        processes.until(lambda: disk.outcome(purge)[1], "the first visit is over")
    assert "is not UTF-8, so it cannot be recorded" in disk.outcome(purge)[1]


def old_mail(path: Path) -> Path:
    """A message of the old sender's that never came through us, in a file of a Maildir."""
    for part in ("cur", "new", "tmp"):
        (path.parent.parent / part).mkdir(parents=True, exist_ok=True)
    path.write_bytes(letter(1, OLD))
    return path


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ((os.fsdecode(b".Entw\xfcrfe"), "cur", "1.x:2,S"), r".Entw\udcfcrfe/cur/1.x:2,S is not UTF-8"),
        (("cur", os.fsdecode(b"1.\xfc:2,S")), r"cur/1.\udcfc:2,S is not UTF-8"),
        (("cur", "1.loop:2,S"), "cur/1.loop:2,S cannot be read or removed: Too many levels of symbolic links"),
        ((".Odd", "cur", "..", "new"), ".Odd/new cannot be read or removed: Not a directory"),
    ],
)
def test_what_cannot_be_read_keeps_no_sweep_from_the_rest(disk: Disk, odd: tuple[str, ...], why: str) -> None:
    (disk.directory / ANNA / "cur" / "no mail").mkdir(parents=True)
    others = [old_mail(disk.directory / ANNA / "cur" / "2.y:2,S"), old_mail(disk.directory / BOB / "new" / "3.z")]
    path = disk.directory.joinpath(ANNA, *odd)
    path.parent.mkdir(parents=True, exist_ok=True)
    if "loop" in path.name:
        path.symlink_to(path.name)
    else:
        path.write_bytes(letter(1, OLD))
    sweep = disk.sweeps(ANNA, BOB)
    with recalling(disk.settings):
        processes.until(lambda: disk.report(sweep).done == 2 and disk.report(sweep).list_unsearched, "all others are taken")
    ((mailbox, said),) = disk.report(sweep).list_unsearched
    assert mailbox == ANNA
    assert why in said
    assert disk.report(sweep).mailboxes_left == 1  # tried again later
    assert not any(one.exists() for one in others)


def test_what_is_only_counted_is_counted_anew_with_each_try(disk: Disk) -> None:
    old_mail(disk.directory / ANNA / "cur" / "1.x:2,S")
    (disk.directory / ANNA / "cur" / "2.loop:2,S").symlink_to("2.loop:2,S")
    disk.sweeps(ANNA, dry_run=True)
    for tries in (1, 2):

        def tried(tries: int = tries) -> SweptMailbox | None:
            with db.read_transaction(disk.engine) as session:
                row = session.scalars(select(SweptMailbox)).one()
                session.expunge(row)
            later = row.due_at is not None and row.due_at < utcnow() + mailbox_sweep.LEASE / 2
            return row if row.attempts >= tries and later else None

        with recalling(disk.settings):
            row = processes.until(tried, f"it was tried {tries} times")
        assert row is not None
        assert row.found == 1
        with db.transaction(disk.engine) as session:
            session.execute(update(SweptMailbox).values(due_at=utcnow()))


def test_a_sweep_looks_where_the_departments_mail_goes(disk: Disk) -> None:
    lying = old_mail(disk.directory / ANNA / "cur" / "1.x:2,S")
    elsewhere = disk.directory.parent / "elsewhere"
    elsewhere.mkdir()
    relay = replace(disk.settings.relay, next_hop=f"maildir:{elsewhere}", routes=(f"department:it=maildir:{disk.directory}",))
    disk.settings = replace(disk.settings, relay=relay)
    assert disk.recalled(disk.sweeps(ANNA)).done == 1
    assert not lying.exists()


def test_what_cannot_be_written_down_keeps_nobody_elses_visit_waiting(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [old_mail(disk.directory / mailbox / "cur" / "1.x:2,S") for mailbox in (ANNA, BOB)]
    secure = mailbox_sweep.secure_found

    def refuse(session: Session, search: mailbox_sweep.Search, *found: Any, **more: Any) -> list[Copy]:
        if search.mailbox == ANNA:
            raise ValueError("nobody has thought of this")
        return secure(session, search, *found, **more)

    monkeypatch.setattr(mailbox_sweep, "secure_found", refuse)
    sweep = disk.sweeps(ANNA, BOB)
    with recalling(disk.settings):
        processes.until(lambda: disk.report(sweep).done == 1 and disk.report(sweep).list_unsearched, "one of them is swept")
    assert disk.report(sweep).list_unsearched == ((ANNA, BROKEN_OFF),)
    assert [one.exists() for one in messages] == [True, False]


def test_a_recaller_that_ends_leaves_no_worker_waiting_for_the_record(disk: Disk) -> None:
    recaller = Recaller(disk.settings)
    asking = recaller.workers.submit(recaller.ask, lambda session: None)
    securing = recaller.workers.submit(recaller.ask_to_secure, [])
    processes.until(lambda: recaller.chores and recaller.requests, "both wait")
    recaller.close()
    assert securing.result() == set()
    with pytest.raises(Unreachable, match="the recall role is stopping"):
        asking.result()
