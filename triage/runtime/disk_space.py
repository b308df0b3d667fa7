"""The disks on which mail, record and checkpoints lie, and how much room is left there."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.config.settings import Settings

SQLITE, MAILDIR = "sqlite:///", "maildir:"


@dataclass(frozen=True, slots=True)
class Room:
    """On the disk of one place."""

    size: int  # bytes
    free: int  # bytes that we may still take


def storage_places(settings: Settings) -> dict[str, Path]:
    """Returns the directories that hold data on this machine, by what they hold. What PostgreSQL keeps is its machine's affair."""
    found = {"spool": settings.spool.directory}
    if settings.database.url.startswith(SQLITE):
        found["database"] = Path(settings.database.url.removeprefix(SQLITE)).parent
    if settings.audit.checkpoints:
        found["checkpoints"] = Path(settings.audit.checkpoints)
    if settings.relay.next_hop.startswith(MAILDIR):
        found["mailboxes"] = Path(settings.relay.next_hop.removeprefix(MAILDIR))
    return found


def disk_room(place: Path) -> Room:
    """Returns the total and free space of a disk; OSError where the place cannot be seen."""
    found = shutil.disk_usage(place)
    return Room(found.total, found.free)


def visible_rooms(settings: Settings) -> Iterator[tuple[str, Room]]:
    """Yields the disk space of the directories that this process sees: a unit sees its own only."""
    for name, place in storage_places(settings).items():
        try:
            yield name, disk_room(place)
        except OSError:
            continue
