"""What `mailroom doctor` found out about one thing, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from triage.settings import Settings

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    level: str  # ok, warn: it works and will not for ever, fail: it does not work
    what: str  # what was looked at, in a word or two
    found: str  # what was seen, in words
    do: str = ""  # what to do; never empty unless ok


Check = Callable[[Settings], Iterable[Finding]]
