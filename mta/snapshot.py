"""The file of the door snapshot: written whole by the judge, read again by every receiver when it has changed."""

import logging
import os
import time
from pathlib import Path

from mta.spool import sync_directory
from triage.door import DoorSnapshot

NAME = "door.json"  # below spool.directory
CHECK_EVERY = 0.1  # seconds

log = logging.getLogger(__name__)


class SnapshotFile:
    """The last good snapshot. A file that is damaged or gone leaves it in force."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._snapshot: DoorSnapshot | None = None
        self._seen: tuple[int, int, int] | None = None
        self._check_at = 0.0

    def current(self) -> DoorSnapshot | None:
        """The snapshot in force; None when there has never been one."""
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY
            self._read_if_changed()
        return self._snapshot

    def _read_if_changed(self) -> None:
        try:
            status = self.path.stat()
            identity = (status.st_mtime_ns, status.st_ino, status.st_size)
            if identity == self._seen:
                return
            self._seen = identity
            self._snapshot = DoorSnapshot.from_bytes(self.path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as fault:
            log.error("%s cannot be read, the last good one stays in force: %s", self.path, fault)


def write(directory: Path, snapshot: DoorSnapshot) -> None:
    """Put the snapshot in place of the one before, whole or not at all."""
    temporary = directory / f"{NAME}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(snapshot.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(directory / NAME)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(directory)
