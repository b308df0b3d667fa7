"""What a message shows alone, whoever it is for and whomever the company knows: found out before a transaction begins."""

from dataclasses import dataclass
from datetime import datetime

from triage.config.settings import Settings
from triage.intake import lookups
from triage.message import signals
from triage.message.signals import Life, Seen
from triage.message.signals.severity import Severity, severity
from triage.store import bodies
from triage.store.new_rows import Row


@dataclass(frozen=True, slots=True)
class AtSight:
    """It takes a while with a large message, and with one that is made to take long: nobody who wants to write is to wait for it."""

    signs: signals.Found
    deadline: Life | None  # how long it is of use, where its domain fits what it says and these signals do not look suspicious
    danger: str  # of what is attached
    content: bodies.Packed
    said: Row  # its summary, as the database holds it


def look(seen: Seen, raw: bytes, received_at: datetime, settings: Settings) -> AtSight:
    """Look at a message. What the company knows is not asked for."""
    signs = signals.of_itself(seen)
    found = [signal for some in signs.values() for signal in some]
    is_suspicious = severity(signals.weight(found), {one.name for one in found}) >= Severity.SUSPICIOUS
    return AtSight(
        signs=signs,
        deadline=None if is_suspicious else lookups.deadline_of(seen.summary, received_at, settings),
        danger=lookups.danger_of(seen.summary, settings),
        content=bodies.packed(raw),
        said=seen.summary.as_json() | {"text": "", "fingerprint": ""},
    )
