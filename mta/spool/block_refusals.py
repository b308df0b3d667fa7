"""Counts the messages that each block refused at SMTP time: noted by the receiving processes, read and added up by the judge.

Each note (`spool_notes`) is a count since the one before.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mta.spool.spool_notes import list_notes, write_note

DIRECTORY = "refused"  # below spool.directory
MOST = 10_000  # blocks that are counted between two files

log = logging.getLogger(__name__)


class Refusals:
    """Counts of blocked messages that this process has refused since it last wrote a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / DIRECTORY
        self.counts: Counter[str] = Counter()

    def count(self, entry: str, copies: int = 1) -> None:
        """A block, by its address or domain, has refused so many copies."""
        if entry in self.counts or len(self.counts) < MOST:
            self.counts[entry] += copies

    def write(self) -> None:
        """Leave what was counted for the judge. A full disk loses a count, but no message."""
        if not self.counts:
            return
        try:
            write_note(self.directory, self.counts)
        except OSError as fault:
            log.warning("refused messages are not counted: %s", fault)
        self.counts.clear()


def take_counts(directory: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """The files with their counts; the process that adds them up removes them. One that is damaged counts nothing."""
    for path in list_notes(directory / DIRECTORY):
        try:
            found = json.loads(path.read_text("utf-8"))
            counts = {str(entry): int(copies) for entry, copies in found.items() if 0 < int(copies) < 2**31}
        except (OSError, ValueError, AttributeError, TypeError) as fault:
            log.warning("%s cannot be read, so what it counted is not known: %s", path, fault)
            counts = {}
        yield path, counts
