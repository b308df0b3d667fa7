"""Findings about this installation, kept for a minute, and the settings in force, for administrators."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.config.settings_values import SettingValue
from triage.times import utcnow

KEPT = 60.0  # seconds that findings are kept: the checks read the database and the spool

Examine = Callable[[], Iterable[object]]


@dataclass(frozen=True, slots=True)
class Examination:
    """Findings, and when they were made."""

    at: datetime
    items: tuple[object, ...]


class Installation:
    """Settings and findings for administrators. Of several who ask at once one examination answers all."""

    def __init__(self, examine: Examine = tuple, values: Sequence[SettingValue] = (), file: str = "") -> None:
        """`examine`: runs the checks. `values`: the settings in force. `file`: the settings file, "" without one."""
        self.examine = examine
        self.values = values
        self.file = file
        self.lock = threading.Lock()
        self.kept: tuple[float, Examination] | None = None

    def examination(self, clock: Callable[[], float] = time.monotonic) -> Examination:
        """Returns the last examination, or makes one when that is older than a minute."""
        with self.lock:
            if self.kept is None or clock() - self.kept[0] > KEPT:
                made = Examination(utcnow(), tuple(self.examine()))
                self.kept = clock(), made
            return self.kept[1]
