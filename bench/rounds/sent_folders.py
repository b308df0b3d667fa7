"""Fills sent folders with mail that nobody wrote, as real ones are: mostly to the same few people, some of them known to colleagues too."""

import os
import pwd
import random
from collections.abc import Iterator
from pathlib import Path

from tests.peers import processes

CIRCLE = 60  # people that somebody writes to
OUTSIDE = 20_000
BODY = b"line of text that says something about the quarterly report\r\n" * 55
FIRST = 1_760_000_000  # when the oldest was sent


def make_address(number: int) -> str:
    """A colleague's."""
    return f"p{number}@company.example"


def make_messages(number: int, count: int) -> Iterator[bytes]:
    """Make the sent messages of one person."""
    chance, me = random.Random(number), make_address(number)
    circle = [f"c{one}@partner{one % 3000}.example" for one in chance.sample(range(OUTSIDE), CIRCLE)]
    for place in range(count):
        to = ", ".join(f"Some Body <{one}>" for one in chance.sample(circle, chance.choice((1, 1, 1, 2, 3))))
        head = (
            f"From: Person {number} <{me}>\r\nTo: {to}\r\nSubject: Re: order {place}\r\nDate: {1 + place % 28} Oct 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{place}.{number}@company.example>\r\nIn-Reply-To: <{place}@partner.example>\r\nMIME-Version: 1.0\r\n"
            "User-Agent: Mozilla Thunderbird\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        )
        yield head.encode() + BODY


def fill_maildirs(mailboxes: Path, people: int, count: int) -> None:
    """A Maildir with a folder Sent for each, which the server may read: MAILBOXES/ADDRESS/Maildir."""
    keeper = pwd.getpwnam(processes.choose_user("nobody")) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    for number in range(people):
        root = mailboxes / make_address(number) / "Maildir"
        for folder in (root, root / ".Sent"):
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True)
        for place, raw in enumerate(make_messages(number, count)):
            (root / ".Sent" / "cur" / f"{FIRST + place}.M{place}P1.bench,S={len(raw)}:2,S").write_bytes(raw)
        for path in (root.parent, *root.rglob("*"), root):
            os.chown(path, keeper.pw_uid, keeper.pw_gid)
