"""A next hop that is a directory of Maildirs: a message is safe on the disk before it is seen."""

import itertools
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from mta.delivery.smtp_client import one_line
from triage.addressing.envelope import Address
from triage.delivery.queue import Outcome
from triage.runtime.durable_files import sync_directory
from triage.say import error_sentence, say

_stored = itertools.count(1)


class MaildirHop:
    """A Maildir for each mailbox, DIRECTORY/ADDRESS/{tmp,new,cur}: for small sites, the demo and tests."""

    def __init__(self, url: str, directory: Path, hostname: str) -> None:
        self.url, self.directory = url, directory
        self.hostname = re.sub(r"[^A-Za-z0-9.-]", "_", hostname)

    def send(self, reverse_path: str, mailboxes: Sequence[str], raw: bytes) -> list[Outcome]:
        """As NextHop.send: one file in each mailbox."""
        return [self.deliver(mailbox, raw) for mailbox in mailboxes]

    def deliver(self, mailbox: str, raw: bytes) -> Outcome:
        """The file holds exactly these bytes, and is safe on the disk when the outcome is "delivered"."""
        try:
            folder = self.directory / folder_name(mailbox)
        except ValueError as fault:
            return Outcome("bounced", one_line(error_sentence(fault)), self.url)
        try:
            name = self.store(folder, raw)
        except OSError as fault:
            return Outcome(
                "deferred", one_line(say("{place} cannot be written: {why}", place=str(folder), why=str(fault.strerror))), self.url
            )
        return Outcome("delivered", say("stored as {name}", name=name), self.url)

    def store(self, folder: Path, raw: bytes) -> str:
        """Write to tmp, make it safe, move to new: readers never see half a message. The file's name.

        What cannot be made safe is taken back, for it is sent again.
        """
        micros = time.time_ns() // 1000
        host = f"{self.hostname},S={len(raw)}"
        name = f"{micros // 1_000_000}.M{micros % 1_000_000:06}P{os.getpid()}Q{next(_stored)}.{host}"
        if not (folder / "tmp").is_dir():
            make_maildir(folder)
        draft, arrived = folder / "tmp" / name, folder / "new" / name
        try:
            with draft.open("xb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(arrived)
            sync_directory(arrived.parent)
        except OSError:
            for path in (draft, arrived):
                path.unlink(missing_ok=True)
            raise
        return name

    def close(self) -> None:
        """As NextHop.close: there is no connection."""

    def abort(self) -> None:
        """As NextHop.abort: a disk cannot be hung up."""


def folder_name(mailbox: str) -> str:
    """The mailbox's address as the name of one folder; ValueError when it could lead anywhere else."""
    name = str(Address.parse(mailbox))
    if "/" in name or name.startswith(".") or len(name.encode()) > 255:
        raise ValueError(say("{address} cannot be the name of a Maildir", address=mailbox[:80]))
    return name


def make_maildir(folder: Path) -> None:
    """The three folders, tmp last: where it is, all are."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for directory in (folder, folder.parent):
        sync_directory(directory)
