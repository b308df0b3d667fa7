"""Manifest of a backup: its content and origin. It is written last; without it there is no backup."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from triage.errors import BadInput
from triage.runtime import checksummed_files
from triage.runtime.checksummed_files import BackupFile

NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup in a directory."""

    at: datetime  # what was promised before then is in it
    mailroom: str  # the version of the program
    machine: str
    database: str  # sqlite, postgresql; "" where only a spool was saved
    revision: str  # the database's version
    files: tuple[BackupFile, ...]
    left_out: tuple[str, ...]  # files that the settings name and that are to be saved elsewhere, such as keys

    def write(self, directory: Path) -> None:
        """Write it beside its files; from here on the backup survives a power cut."""
        values = asdict(self) | {"at": self.at.isoformat(), "format": FORMAT}
        text = json.dumps(values, indent=1).encode()
        checksummed_files.write_file(directory, NAME, lambda file: file.write(text))
        checksummed_files.sync_tree(directory)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """The manifest of a backup. BadInput when there is none, or when this program does not understand it."""
        try:
            values: dict[str, Any] = json.loads((directory / NAME).read_bytes())
        except FileNotFoundError as fault:
            raise BadInput(f"{directory} holds no {NAME}: it is no backup, or one that was not finished") from fault
        except (OSError, ValueError) as fault:
            raise BadInput(f"{directory / NAME} cannot be read: {fault}") from fault
        if values.pop("format", None) != FORMAT:
            raise BadInput(f"{directory / NAME} is of a form that this program does not know: it was made by another version")
        try:
            files = tuple(BackupFile(**one) for one in values["files"])
            at, left_out = datetime.fromisoformat(values["at"]), tuple(values["left_out"])
            return cls(**values | {"files": files, "at": at, "left_out": left_out})
        except (KeyError, TypeError, ValueError) as fault:
            raise BadInput(f"{directory / NAME} is damaged: take another backup") from fault

    def verify(self, directory: Path) -> None:
        """BadInput with the first file that is not what was written."""
        for one in self.files:
            if Path(one.name).is_absolute() or ".." in Path(one.name).parts:
                raise BadInput(f"{one.name} is no file of a backup")
        checksummed_files.verify_files(directory, self.files)


def make_directory(directory: Path) -> None:
    """Make the directory of a new backup, for nobody else to read. BadInput when something is in it."""
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise BadInput(f"{directory} is not empty: name a new directory for each backup")
        directory.chmod(0o700)
    except OSError as fault:
        raise BadInput(f"{directory} cannot be used: {fault.strerror}") from fault


def total_bytes(files: Iterable[BackupFile]) -> int:
    """Bytes of all of them."""
    return sum(one.size for one in files)
