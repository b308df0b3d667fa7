"""How often each block refused mail at SMTP time: counted by the receiving processes, read and added up by the judge.

The SMTP server knows no database. It leaves small files below the spool, each a count since the one before; nothing depends on them
but what people are told, so they are not synced.
"""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from triage.ids import format_id, new_id

DIRECTORY = "refused"  # below spool.directory
MOST = 10_000  # blocks that are counted between two files
SUFFIX = ".json"

log = logging.getLogger(__name__)


class Refusals:
    """What this process has refused since it last wrote a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / DIRECTORY
        self.counts: Counter[str] = Counter()

    def count(self, entry: str, copies: int = 1) -> None:
        """A block, by its address or domain, has refused so many copies."""
        if entry in self.counts or len(self.counts) < MOST:
            self.counts[entry] += copies

    def write(self) -> None:
        """Leave what was counted for the judge. A disk that is full loses a count, and no mail."""
        if not self.counts:
            return
        temporary = self.directory / f"{os.getpid()}.tmp"
        try:
            self.directory.mkdir(mode=0o770, exist_ok=True)
            temporary.write_text(json.dumps(self.counts), "utf-8")
            temporary.rename(self.directory / f"{format_id(new_id())}{SUFFIX}")
        except OSError as fault:
            log.warning("refused messages are not counted: %s", fault)
        self.counts.clear()


def take_counts(directory: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """The files that are there, each with its counts; whoever has added them up removes them. One that is damaged counts nothing."""
    try:
        paths = sorted((directory / DIRECTORY).glob(f"*{SUFFIX}"))
    except OSError:
        return
    for path in paths:
        try:
            found = json.loads(path.read_text("utf-8"))
            counts = {str(entry): int(copies) for entry, copies in found.items() if 0 < int(copies) < 2**31}
        except (OSError, ValueError, AttributeError, TypeError) as fault:
            log.warning("%s cannot be read, so what it counted is not known: %s", path, fault)
            counts = {}
        yield path, counts
