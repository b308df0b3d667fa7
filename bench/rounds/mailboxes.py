"""Fills Dovecot's Maildirs with mail that nobody sent: months of it in every mailbox, and waves of one sender each."""

import os
import pwd
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers import processes
from tests.peers.mail import dovecot

A_DAY = 20  # messages that a mailbox gets a day
SIZE = 4 * 1024
WORDS = b"the invoice meeting report please review attached contract schedule delivery quarterly payment confirm update".split()


@dataclass(frozen=True, slots=True)
class WaveMessage:
    """Message of a wave, and the mailbox that holds it."""

    mailbox: str
    marker: str  # the value of X-Mailroom-Message
    raw: bytes  # as received


class Store:
    """The mailboxes of one Dovecot."""

    def __init__(self, server: dovecot.Server, mailboxes: Sequence[str], messages: int) -> None:
        """Mail of the last days, so many in each mailbox. The same message lies in all of them (hard links), each with its own index."""
        self.server, self.mailboxes = server, mailboxes
        self.keeper = pwd.getpwnam(processes.choose_user("nobody")) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.numbers = iter(range(10**9))
        now = time.time()
        folders = [self.make(mailbox) for mailbox in mailboxes]
        for number in range(messages):
            raw = make_mail(f"news{number % 97}@sender{number % 23}.example", number)
            first = self.write(folders[0], raw, now - (messages - number) / A_DAY * 86400)
            for folder in folders[1:]:
                (folder / first.name).hardlink_to(first)

    def make(self, mailbox: str) -> Path:
        """An empty Maildir; where read mail lies in it."""
        root = self.server.directory / "mail" / mailbox / "Maildir"
        for part in ("cur", "new", "tmp"):
            (root / part).mkdir(parents=True)
        for path in (root.parent, root, *(root / part for part in ("cur", "new", "tmp"))):
            os.chown(path, self.keeper.pw_uid, self.keeper.pw_gid)
        return root / "cur"

    def write(self, folder: Path, raw: bytes, arrived: float) -> Path:
        """Writes a message as read, with the date of its arrival."""
        path = folder / f"{int(arrived)}.M{next(self.numbers)}P1.bench,S={len(raw)}:2,S"
        path.write_bytes(raw)
        os.chown(path, self.keeper.pw_uid, self.keeper.pw_gid)
        os.utime(path, (arrived, arrived))
        return path

    def deliver(self, message: WaveMessage) -> None:
        """A message of a wave, some time within the last day."""
        folder = self.server.directory / "mail" / message.mailbox / "Maildir" / "cur"
        stamped = f"X-Mailroom-Message: {message.marker}\r\nX-Mailroom-Verdict: allowed-sender\r\n".encode() + message.raw
        self.write(folder, stamped, time.time() - random.uniform(0, 86400))

    def forget_headers(self) -> None:
        """Cold: every index gone and made again, so that no header field is in a cache."""
        for mailbox in self.mailboxes:
            for path in (self.server.directory / "mail" / mailbox / "Maildir").glob("dovecot*index*"):
                path.unlink()
        self.doveadm("mailbox", "status", "-F", str(self.listed()), "messages", "INBOX")

    def listed(self) -> Path:
        """A file that names every mailbox."""
        path = self.server.directory / "mailboxes"
        path.write_text("".join(f"{mailbox}\n" for mailbox in self.mailboxes))
        return path

    def doveadm(self, *words: str) -> None:
        """Dovecot's own tool, straight at the files."""
        subprocess.run(["doveadm", "-c", str(self.server.directory / "dovecot.conf"), *words], check=True, capture_output=True)


def make_mail(author: str, number: int) -> bytes:
    """A message of 4 KB."""
    head = (
        f"Received: from mta.sender.example (mta.sender.example [192.0.2.1])\r\n\tby mx.company.example with ESMTPS id {number:013};\r\n"
        f"\tTue, 24 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: mx.company.example; spf=pass; dkim=pass; dmarc=pass\r\n"
        f"From: Sender <{author}>\r\nTo: you@company.example\r\nSubject: number {number}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <{number}.{author}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    chance = random.Random(number)
    lines = (b" ".join(chance.choices(WORDS, k=9)) for _ in range((SIZE - len(head)) // 70))
    return head + b"\r\n".join(lines) + b"\r\n"
