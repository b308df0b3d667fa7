"""A mailbox that is a Maildir on this machine's disk: INBOX and every folder below it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from mailboxes.mailbox import Found, Unreachable
from mailboxes.match import Names, Sought, is_copy, is_related, may_be
from triage.addressing.envelope import Address
from triage.delivery.recall.hunt_criteria import Criteria
from triage.delivery.recall.related_messages import Place
from triage.delivery.recalled_copies import Copy
from triage.message.mime.mime_parts import HEAD_LIMIT, headers_of
from triage.runtime.durable_files import sync_directory
from triage.say import error_sentence, say
from triage.text.sanitize import escape_visible

INBOX = "INBOX"
FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
DEPTH = 8  # folders below folders

T = TypeVar("T")
OnUnreachable = Callable[[Unreachable], None]  # gets what is in the way


def refuse_visit(fault: Unreachable) -> None:
    """Ends the visit with the fault that is in the way."""
    raise fault


class MaildirMailbox:
    """DIRECTORY/ADDRESS/{cur,new} and the folders below (Maildir++ or plain)."""

    def __init__(self, directory: Path, address: str) -> None:
        """Unreachable when the address cannot be the name of a Maildir or the disk is not there."""
        try:
            name = str(Address.parse(address))
        except ValueError as fault:
            raise Unreachable(error_sentence(fault)) from fault
        if "/" in name or name.startswith("."):
            raise Unreachable(say("{address} cannot be the name of a Maildir", address=escape_visible(address)))
        if not directory.is_dir():
            raise Unreachable(say("the directory {directory} of the Maildirs does not exist", directory=str(directory)))
        self.root = directory / name

    def find(self, sought: list[Sought], since: datetime) -> list[Found]:
        """As Mailbox.find: every file is looked at, whatever its date."""
        found = [Found() for _ in sought]
        for folder, path in self.messages():
            reach_file(path, refuse_visit, partial(self.match_file, folder, path, sought, found))
        return found

    def messages(self, on_unreachable: OnUnreachable = refuse_visit) -> Iterator[tuple[str, Path]]:
        """Yields each message with the name of its folder."""
        for folder in list_folders(self.root, on_unreachable):
            for part in ("new", "cur"):
                for name in sorted(names_in(folder / part, on_unreachable)):
                    yield self.name_of(folder), folder / part / name

    def name_of(self, folder: Path) -> str:
        """The folder as it is written down."""
        return INBOX if folder == self.root else str(folder.relative_to(self.root))

    def path_of(self, folder: str) -> Path:
        """The folder's directory."""
        return self.root if folder == INBOX else self.root / folder

    def match_file(self, folder: str, path: Path, sought: list[Sought], found: list[Found]) -> None:
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
        for folder, path in list(self.messages(unread.append)):
            yield reach_file(path, unread.append, partial(message_naming, word, folder, path)) or []
        if unread:
            raise unread[0]

    def matching(self, criteria: Criteria) -> Iterator[list[Copy]]:
        """As Mailbox.matching. What cannot be read is told of when all else was looked at."""
        unread: list[Unreachable] = []
        dated = [
            (at, folder, path)
            for folder, path in self.messages(unread.append)
            if (at := reach_file(path, unread.append, partial(written_at, path)))
        ]
        for at, folder, path in sorted(dated, key=lambda one: one[0], reverse=True):
            if at >= criteria.since:
                copy = reach_file(path, unread.append, partial(copy_at, folder, path))
                yield [copy] if copy else []
        if unread:
            raise unread[0]

    def at(self, places: Sequence[Place]) -> Iterator[list[Copy]]:
        """As Mailbox.at. What cannot be read is told of when all else was looked at."""
        unread: list[Unreachable] = []
        for place in places:
            for path in same_file(self.path_of(place.folder), place, unread.append):
                copy = reach_file(path, unread.append, partial(copy_at, place.folder, path))
                yield [copy] if copy else []
        if unread:
            raise unread[0]

    def take(self, copies: list[Copy]) -> list[Copy]:
        """As Mailbox.take: a file is unlinked under the name it has now, and the directory made safe."""
        taken: list[Copy] = []
        try:
            for copy in copies:
                taken += [copy] if self.unlink(copy) else []
        except Unreachable as fault:
            fault.taken = taken
            raise
        return taken

    def unlink(self, copy: Copy) -> bool:
        """Removes one copy; returns whether it was there."""
        files = same_file(self.path_of(copy.folder), copy)
        return True in [reach_file(path, refuse_visit, partial(unlink_message, path)) for path in files]

    def put_back(self, copy: Copy) -> str:
        """As Mailbox.put_back: under its old name, with its old date; readers never see half of it."""
        folder = self.path_of(copy.folder)
        if not (folder / "cur").is_dir():
            folder = self.root
        try:
            for part in ("cur", "new", "tmp"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            if not same_file(folder, copy):
                store_message(folder, copy)
        except OSError as fault:
            raise Unreachable(
                say("{place} cannot be written: {why}", place=escape_visible(str(folder)), why=str(fault.strerror))
            ) from fault
        return self.name_of(folder)

    def close(self) -> None:
        """As Mailbox.close: there is nothing open."""

    def abort(self) -> None:
        """As Mailbox.abort: a disk cannot be hung up."""


def reach_file(path: Path, on_unreachable: OnUnreachable, look: Callable[[], T]) -> T | None:
    """Returns what a look gives. None where its owner moved or deleted the file this moment, or something else is in the way."""
    try:
        return look()
    except (FileNotFoundError, IsADirectoryError):
        return None
    except UnicodeEncodeError:
        on_unreachable(Unreachable(say("the name of {path} is not UTF-8, so it cannot be recorded", path=escape_visible(str(path)))))
    except OSError as fault:
        on_unreachable(Unreachable(say("{path} cannot be read or removed: {why}", path=escape_visible(str(path)), why=str(fault.strerror))))
    return None


def names_in(directory: Path, on_unreachable: OnUnreachable = refuse_visit) -> list[str]:
    """Lists the names in a directory; none where it is gone."""
    return reach_file(directory, on_unreachable, partial(os.listdir, directory)) or []


def list_folders(folder: Path, on_unreachable: OnUnreachable = refuse_visit, depth: int = DEPTH) -> Iterator[Path]:
    """Yields a Maildir folder and those below it."""
    if reach_file(folder, on_unreachable, (folder / "cur").is_dir):
        yield folder
    for name in sorted(names_in(folder, on_unreachable)) if depth else ():
        below = folder / name
        if name not in ("cur", "new", "tmp") and not below.is_symlink() and reach_file(below, on_unreachable, below.is_dir):
            yield from list_folders(below, on_unreachable, depth - 1)


def message_naming(word: bytes, folder: str, path: Path) -> list[Copy]:
    """The message in a file if its header names this; else nothing."""
    with path.open("rb") as file:
        named = word in headers_of(file.read(HEAD_LIMIT)).lower()
    return [copy_at(folder, path)] if named else []


def unlink_message(path: Path) -> bool:
    """Take it out for good; FileNotFoundError where somebody else has moved it."""
    path.unlink()
    sync_directory(path.parent)
    return True


def copy_at(folder: str, path: Path) -> Copy:
    """The message in a file. UnicodeEncodeError where its place cannot be written down."""
    _ = folder.encode(), path.name.encode()
    status = path.stat()
    letters = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
    return Copy(
        folder=folder,
        flags=tuple(FLAGS.get(letter, letter) for letter in letters),
        internal_date=date_of(status),
        raw=path.read_bytes(),
        name=f"{path.parent.name}/{path.name}",
    )


def written_at(path: Path) -> datetime:
    """When the message in a file was received."""
    return date_of(path.stat())


def date_of(status: os.stat_result) -> datetime:
    """When a file was written, in whole microseconds."""
    return datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1_000_000, UTC)


def same_file(folder: Path, copy: Copy | Place, on_unreachable: OnUnreachable = refuse_visit) -> list[Path]:
    """The copy's file: its owner may have read it meanwhile, which changes the name behind the colon."""
    unique = copy.name.partition("/")[2].partition(":")[0]
    return [
        folder / part / name
        for part in ("new", "cur")
        for name in names_in(folder / part, on_unreachable)
        if name.partition(":")[0] == unique
    ]


def store_message(folder: Path, copy: Copy) -> None:
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
