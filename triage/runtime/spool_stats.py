"""Backlog of accepted messages on this machine: how many wait, since when, and how many are stuck; from the names of batches alone."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from triage import ids

INCOMING, RETRY, DAMAGED = "incoming", "retry", "damaged"  # below spool.directory
OUTBOUND = "outbound"  # and there too, the spool of employees' mail, with the same three below it
OFTEN = 7  # times deferred: half an hour after it came. By then neither DNS nor what passes by itself is the reason
NAME = re.compile(rf"(?P<number>[{ids.ALPHABET}]{{{ids.WIDTH}}})\.\d+\.(?P<messages>\d+)\.batch")
DEFERRED_BATCH = re.compile(r"(?P<not_before>\d{16})\.(?P<attempt>\d{3})\..*\.batch")  # microseconds since 1970, times deferred


@dataclass(frozen=True, slots=True)
class Backlog:
    """Backlog of the judge."""

    messages: int = 0  # accepted, not judged yet
    oldest: datetime | None = None  # when the first of them was accepted
    deferred: int = 0  # to be judged again later
    stuck: int = 0  # of those: deferred too often
    damaged: int = 0  # batches that are kept for a person to look at


def batch_name(writer: int, messages: int) -> str:
    """The name of a new batch: names sort by the time they were made. `writer` is the process, so that no two share a name."""
    return f"{ids.format_id(ids.new_id())}.{writer}.{messages}.batch"


def spool_backlog(directory: Path) -> Backlog:
    """The backlog of the spool below `directory`. OSError when it cannot be read."""
    messages, first = 0, ""
    for name in batch_names(directory / INCOMING):
        found = NAME.fullmatch(name)
        messages += int(found["messages"]) if found else 1
        if found and (not first or found["number"] < first):
            first = found["number"]
    again = [count_deferrals(name) for name in batch_names(directory / RETRY)]
    return Backlog(
        messages,
        ids.made_at(ids.parse_id(first)) if first else None,
        deferred=len(again),
        stuck=sum(times >= OFTEN for times in again),
        damaged=sum(1 for _ in batch_names(directory / DAMAGED)),
    )


def count_deferrals(name: str) -> int:
    """Returns how often the message of a batch in the retry spool was deferred."""
    found = DEFERRED_BATCH.fullmatch(name)
    return int(found["attempt"]) if found else 0


def batch_names(directory: Path) -> Iterator[str]:
    """The complete batches of one directory, in no order."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(".batch"):
                yield entry.name
