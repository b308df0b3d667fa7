"""The file of the SMTP server snapshot: written whole by the judge, read again by every receiver when it has changed.

A line with the format, a line of JSON that says what follows, and for each set of names its sorted digests. A receiver
looks names up by bisection in the bytes as they are: 150,000 addresses take 2.4 MB and the time to read them, so that
no session waits for a new snapshot. The file says itself which sets it has: one of the version before, or of the next one, is
read too, so that the SMTP server takes mail while everything else is upgraded or goes back.
"""

import hashlib
import json
import logging
import os
import re
import time
import zlib
from bisect import bisect_left
from itertools import accumulate, pairwise
from pathlib import Path

from triage.directory.recipient_map import RecipientMap
from triage.runtime.durable_files import sync_directory

NAME = "door.snapshot"  # below spool.directory
CHECK_EVERY = 0.1  # seconds
FORMAT = b"mailroom door snapshot 3\n"  # another number only where the sets that there are would mean something else
BEFORE = re.compile(rb"mailroom door snapshot [123]\n")  # 1 and 2 had fewer sets
SETS = (
    "domains",
    "recipients",
    "sub_addressed",
    "blocked",
    "blocked_unsigned",
    "left",
    "closed",
)  # as RecipientMap has them, in this order
WIDTH = 16  # bytes of a digest: no two names share one

log = logging.getLogger(__name__)


class Digests:
    """A set of names as the sorted digests that the file holds."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    def __contains__(self, name: object) -> bool:
        wanted = name_digest(str(name))
        place = bisect_left(self, wanted)
        return place < len(self) and self[place] == wanted

    def __len__(self) -> int:
        return len(self.packed) // WIDTH

    def __getitem__(self, place: int) -> bytes:
        return self.packed[place * WIDTH : (place + 1) * WIDTH]


class SnapshotFile:
    """The last good snapshot. A file that is damaged or gone leaves it in force."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._snapshot: RecipientMap | None = None
        self._seen: tuple[int, int, int] | None = None
        self._check_at = 0.0

    def current(self) -> RecipientMap | None:
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
            raw = self.path.read_bytes()
            self._seen = identity  # what cannot be opened just now is tried again, what is damaged is not
            self._snapshot = unpack_map(raw)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as fault:
            log.error("%s cannot be read, the last good one stays in force: %s", self.path, fault)


def write_map(directory: Path, snapshot: RecipientMap) -> None:
    """Put the snapshot in place of the one before, whole or not at all."""
    temporary = directory / f"{NAME}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(pack_map(snapshot))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(directory / NAME)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(directory)


def pack_map(snapshot: RecipientMap) -> bytes:
    """The snapshot as its file holds it."""
    sets = {name: sorted({name_digest(one) for one in getattr(snapshot, name)}) for name in SETS}
    body = b"".join(b"".join(digests) for digests in sets.values())
    head = {"delimiter": snapshot.delimiter, "sets": {name: len(digests) for name, digests in sets.items()}, "crc32": zlib.crc32(body)}
    return FORMAT + json.dumps(head).encode() + b"\n" + body


def unpack_map(raw: bytes) -> RecipientMap:
    """Read the file; ValueError when it is damaged or means something else. A set that it has not is empty, one that is unknown is left."""
    if not (begins := BEFORE.match(raw)):
        raise ValueError("this is no recipient map of this version")
    line, _, body = raw[begins.end() :].partition(b"\n")
    try:
        head = json.loads(line)
        counts = {str(name): int(count) for name, count in head["sets"].items()}
        checked, delimiter = head["crc32"], str(head["delimiter"])
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ValueError(f"its second line is damaged: {fault}") from fault
    if min(counts.values(), default=-1) < 0 or sum(counts.values()) * WIDTH != len(body) or checked != zlib.crc32(body):
        raise ValueError("it is damaged: its sets do not add up")
    ends = accumulate(counts.values(), initial=0)
    found = {name: Digests(body[start * WIDTH : end * WIDTH]) for name, (start, end) in zip(counts, pairwise(ends), strict=True)}
    return RecipientMap(**{name: found.get(name, frozenset()) for name in SETS}, delimiter=delimiter)


def name_digest(name: str) -> bytes:
    """Hashes a name to the digest that the recipient map holds."""
    return hashlib.blake2b(name.encode(), digest_size=WIDTH).digest()
