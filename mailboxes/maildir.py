"""A mailbox that is a Maildir on this machine's disk: INBOX and every folder below it."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mailboxes.mailbox import Found, Unreachable
from mailboxes.matching import Names, Sought, is_copy, is_related, may_be
from triage.durable import sync_directory
from triage.envelope import Address
from triage.mime import HEAD_LIMIT, headers_of
from triage.recalled import Copy
from triage.related import Place
from triage.visible import visible

INBOX = "INBOX"
FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
DEPTH = 8  # folders below folders


class MaildirMailbox:
    """DIRECTORY/ADDRESS/{cur,new} and the folders below (Maildir++ or plain)."""

    def __init__(self, directory: Path, address: str) -> None:
        """Unreachable when the address cannot be the name of a Maildir or the disk is not there."""
        try:
            name = str(Address.parse(address))
        except ValueError as fault:
            raise Unreachable(str(fault)) from fault
        if "/" in name or name.startswith("."):
            raise Unreachable(f"{address!r} cannot be the name of a Maildir")
        if not directory.is_dir():
            raise Unreachable(f"the directory {directory} of the Maildirs is not there")
        self.root = directory / name

    def find(self, sought: list[Sought], since: datetime) -> list[Found]:
        """As Mailbox.find: every file is looked at, whatever its date."""
        found = [Found() for _ in sought]
        for folder, path in self.messages():
            with reached(path):
                self.look(folder, path, sought, found)
        return found

    def messages(self) -> Iterator[tuple[str, Path]]:
        """Every message with the name of its folder."""
        for folder in folders(self.root):
            for part in ("new", "cur"):
                for path in entries(folder / part):
                    yield self.name_of(folder), path

    def name_of(self, folder: Path) -> str:
        """The folder as it is written down."""
        return INBOX if folder == self.root else str(folder.relative_to(self.root))

    def path_of(self, folder: str) -> Path:
        """The folder's directory."""
        return self.root if folder == INBOX else self.root / folder

    def look(self, folder: str, path: Path, sought: list[Sought], found: list[Found]) -> None:
        """Add one message to what it belongs to."""
        with path.open("rb") as file:
            head = headers_of(file.read(HEAD_LIMIT))
        names = Names.of(head)
        for one, of_it in zip(sought, found, strict=True):
            if may_be(names, one):
                copy = copy_at(folder, path)
                if is_copy(copy.raw, one):
                    of_it.copies.append(copy)
                    continue
            if is_related(names, one):
                of_it.related.append(replace(copy_at(folder, path), raw=head))

    def from_sender(self, sender: str, *, whole: bool) -> Iterator[list[Copy]]:
        """As Mailbox.from_sender. What cannot be read is told of when all else was looked at."""
        word = sender.encode("utf-8", "surrogateescape")
        unread: list[Unreachable] = []
        for folder, path in list(self.messages()):
            try:
                yield naming(word, folder, path)
            except Unreachable as fault:
                unread.append(fault)
        if unread:
            raise unread[0]

    def at(self, places: Sequence[Place]) -> Iterator[list[Copy]]:
        """As Mailbox.at."""
        for place in places:
            for path in same_file(self.path_of(place.folder), place):
                with reached(path):
                    yield [copy_at(place.folder, path)]

    def take(self, copies: list[Copy]) -> None:
        """As Mailbox.take: a file is unlinked under the name it has now, and the directory made safe."""
        for copy in copies:
            folder = self.path_of(copy.folder)
            for path in same_file(folder, copy):
                with reached(path, "taken out"):
                    path.unlink(missing_ok=True)
                    sync_directory(path.parent)

    def put_back(self, copy: Copy) -> str:
        """As Mailbox.put_back: under its old name, with its old date; readers never see half of it."""
        folder = self.path_of(copy.folder)
        if not (folder / "cur").is_dir():
            folder = self.root
        try:
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            if not same_file(folder, copy):
                store(folder, copy)
        except OSError as fault:
            raise Unreachable(f"{folder} cannot be written: {fault.strerror}") from fault
        return self.name_of(folder)

    def close(self) -> None:
        """As Mailbox.close: there is nothing open."""

    def abort(self) -> None:
        """As Mailbox.abort: a disk cannot be hung up."""


def folders(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """This folder and those below it."""
    if is_directory(folder / "cur"):
        yield folder
    for below in entries(folder) if depth else ():
        if below.name not in ("cur", "new", "tmp") and is_directory(below) and not below.is_symlink():
            yield from folders(below, depth - 1)


@contextlib.contextmanager
def reached(path: Path, how: str = "read") -> Iterator[None]:
    """Its owner may move or delete it this moment, and what is no file is no mail. Unreachable for whatever else is in the way."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError):
        return
    except UnicodeEncodeError as fault:
        raise Unreachable(f"{visible(str(path))} has a name that is no UTF-8, so it cannot be written down") from fault
    except OSError as fault:
        raise Unreachable(f"{visible(str(path))} cannot be {how}: {fault.strerror}") from fault


def entries(directory: Path) -> list[Path]:
    """What lies there, in order; nothing where it is gone."""
    with reached(directory):
        return sorted(directory.iterdir())
    return []


def is_directory(path: Path) -> bool:
    """Is it one?"""
    with reached(path):
        return path.is_dir()
    return False


def naming(word: bytes, folder: str, path: Path) -> list[Copy]:
    """The message in a file if its header names this; else nothing."""
    with reached(path):
        if word in headers_of(path.read_bytes()).lower():
            return [copy_at(folder, path)]
    return []


def copy_at(folder: str, path: Path) -> Copy:
    """The message in a file. UnicodeEncodeError where its place cannot be written down."""
    f"{folder}/{path.name}".encode()
    status = path.stat()
    letters = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
    return Copy(
        folder=folder,
        flags=tuple(FLAGS.get(letter, letter) for letter in letters),
        internal_date=datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC),
        raw=path.read_bytes(),
        name=f"{path.parent.name}/{path.name}",
    )


def same_file(folder: Path, copy: Copy | Place) -> list[Path]:
    """The copy's file: its owner may have read it meanwhile, which changes the name behind the colon."""
    unique = copy.name.partition("/")[2].partition(":")[0]
    return [path for part in ("new", "cur") for path in entries(folder / part) if path.name.partition(":")[0] == unique]


def store(folder: Path, copy: Copy) -> None:
    """Write to tmp, make it safe, move to where it was."""
    part, _, name = copy.name.partition("/")
    draft = folder / "tmp" / name.partition(":")[0]
    with draft.open("wb") as file:
        file.write(copy.raw)
        file.flush()
        os.fsync(file.fileno())
    micros = round(copy.internal_date.timestamp() * 1_000_000)
    os.utime(draft, ns=(micros * 1000, micros * 1000))
    draft.rename(folder / part / name)
    sync_directory(folder / part)
