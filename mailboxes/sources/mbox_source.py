"""Reads mailboxes that are mbox files (RFC 4155): single ones, or those below a directory. Never more than one message in memory."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from mailboxes.imap.special_use import use_of
from mailboxes.mailbox import Unreachable
from mailboxes.sources.owners import owner_of
from mailboxes.sources.source import BATCH, LARGEST, WHOLE, Batch, Folder, Mark, Stored
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.text.sanitize import escape_visible

LINE = 64 * 1024  # bytes of a line that are looked at together
LEVELS = 8


@dataclass(frozen=True, slots=True)
class MboxSource:
    """The mbox files at these paths. Below a directory: ADDRESS or NAME, with or without .mbox, or directories ADDRESS/FOLDER."""

    paths: tuple[Path, ...]
    domain: str = ""
    owner: str = ""  # whose the single files are, where their names do not say it
    use: str = "sent"  # what single files are

    def accounts(self) -> list[str]:
        """As Source.accounts."""
        return sorted(self.files())

    def open(self, address: str) -> "MboxAccount":
        """As Source.open."""
        files = self.files().get(address)
        if not files:
            raise Unreachable(f"there is no mbox file of {escape_visible(address)}")
        return MboxAccount(files)

    def files(self) -> dict[str, dict[str, tuple[Path, str]]]:
        """By owner: the name of each folder, its file, and what it is used for."""
        found: dict[str, dict[str, tuple[Path, str]]] = {}
        for path in self.paths:
            if path.is_dir():
                for below in sorted(path.iterdir()):
                    if owner := owner_of(below.relative_to(path), self.domain):
                        found.setdefault(owner, {}).update(self.below(below))
            elif path.is_file():
                owner = self.owner or owner_of(Path(path.name), self.domain)
                found.setdefault(owner, {})[str(path)] = (path, self.use)
            else:
                raise Unreachable(f"{path} is not there")
        return found

    def below(self, place: Path) -> dict[str, tuple[Path, str]]:
        """The folders of one person: a single file, or the files of a directory."""
        if place.is_file():
            return {str(place): (place, self.use)}
        files = [path for path in sorted(place.rglob("*")) if path.is_file() and len(path.relative_to(place).parts) <= LEVELS]
        steps = {path: [step.removesuffix(".mbox") for step in path.relative_to(place).parts] for path in files}
        return {str(path): (path, use_of((), steps[path])) for path in files}


@dataclass(slots=True)
class MboxAccount:
    """Mbox files of one person."""

    files: dict[str, tuple[Path, str]]

    def folders(self) -> list[Folder]:
        """As Account.folders."""
        return [Folder(name, use) for name, (_, use) in self.files.items()]

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        """As Account.read. An mbox says only in the messages themselves when they came: `since` is left to the reader."""
        try:
            with self.files[folder.name][0].open("rb", buffering=1024 * 1024) as file:
                yield from read_batches(file, after, whole=whole)
        except OSError as fault:
            raise Unreachable(f"{escape_visible(folder.name)} cannot be read: {fault.strerror}") from fault

    def close(self) -> None:
        """As Account.close: nothing is open."""


def read_batches(file: BinaryIO, after: Mark | None, *, whole: bool) -> Iterator[Batch]:
    """The messages of an open file, from after the mark on where it is still the file that it was."""
    validity, size = file_identity(file), os.fstat(file.fileno()).st_size
    seen = int(after.last) if after and after.validity == validity and after.last.isdecimal() and int(after.last) < size else -1
    file.seek(max(0, seen))
    found: list[Stored] = []
    lost: list[str] = []
    for place, raw, complete in find_messages(file, LARGEST if whole else HEAD_LIMIT, whole=whole):
        if place == seen:
            continue
        if complete:
            found.append(Stored(str(place), None, raw))
        else:
            lost.append("larger than is read")
        if len(found) + len(lost) >= (WHOLE if whole else BATCH):
            yield Batch(tuple(found), Mark(validity, str(place)), tuple(lost), count_left(place, size, len(found)))
            found, lost = [], []
    if found or lost:
        yield Batch(tuple(found), Mark(validity, str(place)), tuple(lost))


def count_left(place: int, size: int, seen: int) -> int:
    """About as many messages as follow, by the part of the file that does."""
    return int((size - place) / max(1, place) * seen)


def file_identity(file: BinaryIO) -> str:
    """Returns the identity of an mbox file: a hash of the beginning of its first message."""
    file.seek(0)
    first = hashlib.sha256()
    for _ in range(200):
        line = file.readline(LINE)
        first.update(line)
        if not line.strip():
            break
    return first.hexdigest()[:32]


def find_messages(file: BinaryIO, limit: int, *, whole: bool) -> Iterator[tuple[int, bytes, bool]]:
    """Yields the offset of each message, its bytes (the header block alone unless `whole`), and whether that is all of them."""
    lines: list[bytes] = []
    place, size, body = -1, 0, False
    at, blank, line_begins = file.tell(), True, True
    while line := file.readline(LINE):
        if line_begins and blank and line.startswith(b"From "):
            if place >= 0:
                yield place, b"".join(without_separator(lines) if whole else lines), size <= limit
            place, lines, size, body = at, [], 0, False
        elif place >= 0 and (whole or not body):
            size += len(line)
            if size <= limit:
                lines.append(unquote_line(line) if line_begins and whole else line)
        ended = line.endswith(b"\n")
        blank = line_begins and ended and not line.strip()
        body = body or blank
        line_begins = ended
        at += len(line)
    if place >= 0:
        yield place, b"".join(without_separator(lines) if whole else lines), size <= limit


def unquote_line(line: bytes) -> bytes:
    """A line without the > by which the file tells it from the beginning of a message."""
    return line[1:] if line[:1] == b">" and line.lstrip(b">").startswith(b"From ") else line


def without_separator(lines: list[bytes]) -> list[bytes]:
    """The lines of a message without the empty one that ends it in the file (RFC 4155, A)."""
    return lines[:-1] if len(lines) > 1 and not lines[-1].strip() and lines[-2].endswith(b"\n") else lines
