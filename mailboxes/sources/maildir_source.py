"""Reads mailboxes that are Maildirs below a directory of this machine, whoever laid them out."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imapclient import imap_utf7  # type: ignore[import-untyped]

from mailboxes.imap.special_use import use_of
from mailboxes.mailbox import Unreachable
from mailboxes.recall.maildir_mailbox import INBOX, list_folders
from mailboxes.sources.owners import owner_of
from mailboxes.sources.source import BATCH, LARGEST, WHOLE, Batch, Folder, Mark, Stored, sort_key
from triage.message.mime.mime_parts import HEAD_LIMIT
from triage.text.sanitize import escape_visible

MOSTLY = 8 * 1024  # bytes: header blocks are smaller
BLANK = re.compile(rb"\n\r?\n")
SECONDS = re.compile(r"(\d{1,12})[._]")
LEVELS = 4  # directories between the root and somebody's Maildir


@dataclass(frozen=True, slots=True)
class MaildirSource:
    """Maildirs below a directory: ADDRESS, DOMAIN/NAME, or NAME in the one domain, each perhaps with /Maildir."""

    root: Path
    domain: str = ""
    only: tuple[str, ...] = ()  # addresses; empty: all

    def accounts(self) -> list[str]:
        """As Source.accounts."""
        return sorted(self.places())

    def open(self, address: str) -> "MaildirAccount":
        """As Source.open."""
        place = next(filter(is_maildir, self.likely(address)), None) or self.places().get(address)
        if place is None:
            raise Unreachable(f"there is no Maildir of {escape_visible(address)} below {self.root}")
        return MaildirAccount(place)

    def likely(self, address: str) -> Iterator[Path]:
        """Yields the usual places of a Maildir: looked at first, so that opening one does not walk through all."""
        name, _, domain = address.rpartition("@")
        for place in (self.root / address, self.root / domain / name, *([self.root / name] if domain == self.domain else [])):
            yield place
            yield place / "Maildir"

    def places(self) -> dict[str, Path]:
        """Returns each person's Maildir."""
        if not self.root.is_dir():
            raise Unreachable(f"{self.root} is no directory")
        found: dict[str, Path] = {}
        for place in find_maildirs(self.root, LEVELS):
            owner = owner_of(place.relative_to(self.root), self.domain)
            if owner and (not self.only or owner in self.only):
                found.setdefault(owner, place)
        return found


def find_maildirs(directory: Path, levels: int) -> Iterator[Path]:
    """The outermost Maildirs below a directory."""
    for below in sorted(directory.iterdir()):
        if not below.is_dir() or below.is_symlink():
            continue
        if is_maildir(below):
            yield below
        elif levels:
            with contextlib.suppress(PermissionError):
                yield from find_maildirs(below, levels - 1)


def is_maildir(directory: Path) -> bool:
    """Whether a directory holds messages itself, or in folders beside an INBOX that is gone."""
    return (directory / "cur").is_dir() or any(one.is_dir() for one in directory.glob(".*/cur"))


@dataclass(slots=True)
class MaildirAccount:
    """Maildir of one person with the folders below it (Maildir++ or directories)."""

    root: Path
    paths: dict[str, Path] = field(default_factory=dict)

    def folders(self) -> list[Folder]:
        """As Account.folders."""
        for path in list_folders(self.root):
            self.paths[INBOX if path == self.root else str(path.relative_to(self.root))] = path
        return [Folder(name, use_of((), folder_path(name))) for name in self.paths]

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        """As Account.read: in the order of their names, which begin with the second they were delivered in."""
        directory = self.paths.get(folder.name) or (self.root if folder.name == INBOX else self.root / folder.name)
        waiting = sorted(list_messages(directory), key=lambda one: sort_key(one[0]))
        if after:
            done = sort_key(after.last)
            waiting = [one for one in waiting if sort_key(one[0]) > done]
        most = WHOLE if whole else BATCH
        for start in range(0, len(waiting), most):
            some = waiting[start : start + most]
            found: list[Stored] = []
            lost: list[str] = []
            for place, path in some:
                try:
                    filed = arrival_second(place, path)
                    if since is None or filed >= since.timestamp():
                        found.append(Stored(place, filed, whole_of(path) if whole else head_of(path)))
                except FileNotFoundError:
                    continue  # its owner moved or deleted it this moment
                except (OSError, ValueError) as fault:
                    lost.append(str(fault.strerror if isinstance(fault, OSError) else fault))
            yield Batch(tuple(found), Mark("", some[-1][0]), tuple(lost), len(waiting) - start - len(some))

    def close(self) -> None:
        """As Account.close: nothing is open."""


def folder_path(name: str) -> list[str]:
    """The path that a folder's directory name means: `.Sent.2026`, or `Sent/2026`; in modified UTF-7 or UTF-8."""
    parts = [part for step in name.split("/") for part in (step[1:].split(".") if step.startswith(".") else [step])]
    found = []
    for part in parts:
        try:
            found.append(imap_utf7.decode(part.encode("ascii")))
        except (UnicodeError, ValueError):
            found.append(part)
    return found


def list_messages(directory: Path) -> Iterator[tuple[str, str]]:
    """The name, without the flags behind it, and the path of every message of a folder."""
    for part in ("new", "cur"):
        try:
            with os.scandir(directory / part) as entries:
                yield from ((entry.name.partition(":2,")[0], entry.path) for entry in entries if not entry.name.startswith("."))
        except FileNotFoundError:
            continue
        except OSError as fault:
            raise Unreachable(f"{escape_visible(str(directory / part))} cannot be read: {fault.strerror}") from fault


def arrival_second(place: str, path: str) -> float:
    """The second in which it came, by its name, which copying a Maildir elsewhere keeps; else by the file's date."""
    found = SECONDS.match(place)
    return int(found[1]) if found and len(found[1]) in (9, 10) else Path(path).stat().st_mtime


def head_of(path: str) -> bytes:
    """A message's header block, with little reading."""
    file = os.open(path, os.O_RDONLY)
    try:
        raw = os.read(file, MOSTLY)
        end = BLANK.search(raw)
        while end is None and len(raw) < HEAD_LIMIT and (more := os.read(file, HEAD_LIMIT - len(raw))):
            searched = max(0, len(raw) - 2)
            raw += more
            end = BLANK.search(raw, searched)
    finally:
        os.close(file)
    return raw[: end.end()] if end else raw


def whole_of(path: str) -> bytes:
    """A message. ValueError when it is larger than is read."""
    with open(path, "rb") as file:  # noqa: PTH123 (a path from scandir)
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError("larger than is read")
    return raw
