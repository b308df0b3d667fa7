"""A finding of `mailroom doctor`, with its remedy."""

import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.config.settings import Settings
from triage.runtime.spool_stats import OFTEN

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """Line of the doctor's report."""

    level: str  # ok, warn: it works now, but will fail later, fail: it does not work
    what: str  # what was looked at, in a word or two
    found: str  # what was seen, in words
    do: str = ""  # what to do; never empty unless ok


def open_to_others(what: str, file: Path) -> Iterator[Finding]:
    """A file of passwords that more than its owner and group may read, or more than its owner may write."""
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IRGRP:
        yield Finding(WARN, what, f"{file} holds passwords and others may read or write it", f"chmod 640 {file}")


def find_stuck(what: str, number: int) -> Iterator[Finding]:
    """Accepted messages that are stuck."""
    if number:
        said = "1 accepted message was" if number == 1 else f"{number} accepted messages were"
        words = f"{said} tried {OFTEN} times or more without success"
        do = (
            "`mailroom spool --stuck` says why: correct the cause and `mailroom spool retry --all`, or `mailroom spool take-out ID FILE`; "
            "no message is lost"
        )
        yield Finding(FAIL, what, words, do)


Check = Callable[[Settings], Iterable[Finding]]
