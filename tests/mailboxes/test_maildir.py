"""Recall out of Maildirs, where mail was delivered to: found in every folder, taken, and put back under its name with its date."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailboxes.mailbox import Unreachable
from mailboxes.maildir import MaildirMailbox, copy_at
from tests.mailboxes.delivering import ANNA, BOB, House, letter, recalling
from tests.peers import processes
from triage.decisions import Verb
from triage.settings import Relay, Settings
from triage.states import State


@dataclass
class Disk(House):
    """A house that delivers into Maildirs."""

    directory: Path

    def lying(self) -> dict[str, tuple[bytes, int]]:
        """Every file below the mailboxes but for drafts: bytes and date."""
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
    assert sorted(item.why for item in purge.items) == ["It lay in .Archive.2026, read and answered.", "It lay in INBOX, unread."]
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
    with pytest.raises(Unreachable, match="of the Maildirs is not there"):
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
    assert "has a name that is no UTF-8" in disk.outcome(purge)[1]
