"""Files of a backup: written so that they survive a power cut, each with its SHA-256, and compared with it before they are believed."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from triage.errors import BadInput
from triage.runtime.durable_files import sync_directory

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackupFile:
    """File of a backup."""

    name: str  # below the backup's directory
    size: int
    sha256: str


class Digesting:
    """A file that is written through a digest."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sum, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Write and add up."""
        self.sum.update(data)
        self.size += len(data)
        return self.file.write(data)


def write_file(directory: Path, name: str, fill: Callable[[Digesting], object]) -> BackupFile:
    """A new file of the backup, on stable storage, for nobody else to read."""
    path = directory / name
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    with open(path, "xb", opener=lambda where, flags: os.open(where, flags, 0o600)) as file:
        digesting = Digesting(file)
        fill(digesting)
        file.flush()
        os.fsync(file.fileno())
    return BackupFile(name, digesting.size, digesting.sum.hexdigest())


def copy_file(source: IO[bytes], target: Digesting | IO[bytes]) -> None:
    """Copies a whole file."""
    while chunk := source.read(CHUNK):
        target.write(chunk)


def keep_file(directory: Path, name: str) -> BackupFile:
    """A file that somebody else has written there; on stable storage from here on."""
    path = directory / name
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return read_shared_file(directory, name)


def read_shared_file(directory: Path, name: str) -> BackupFile:
    """A file as somebody finds it who may only read it."""
    with (directory / name).open("rb") as file:
        return BackupFile(name, os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest())


def sync_tree(directory: Path) -> None:
    """Make the names in a directory, and in those below it, survive a power cut."""
    for path in (directory, *(one for one in directory.rglob("*") if one.is_dir())):
        sync_directory(path)


def verify_files(directory: Path, files: Iterable[BackupFile]) -> None:
    """BadInput with the first file that is missing or is not what was written."""
    for one in files:
        try:
            found = read_shared_file(directory, one.name)
        except FileNotFoundError as fault:
            raise BadInput(f"{one.name} is missing from the backup: take another one") from fault
        except OSError as fault:
            raise BadInput(f"{directory / one.name} cannot be read: {fault.strerror}") from fault
        if found != one:
            raise BadInput(f"{one.name} is not what was written ({found.size} bytes of {one.size}): take another backup")
