"""Messages refused at SMTP time, for `mailroom where`: noted by the receiving processes, stored by the judge.

They travel as notes (`spool_notes`). What a flood brings beyond MOST in a moment is left out.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from mta.spool.spool_notes import list_notes, write_note
from triage.addressing.refused_message import Refused
from triage.times import from_micros, to_micros, utcnow

DIRECTORY = "refused-messages"  # below spool.directory
MOST = 500  # different ones between two files
LONGEST = 320  # characters of an address, and of a reply

log = logging.getLogger(__name__)


class RefusedMessages:
    """Messages that this process has refused since it last wrote a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / DIRECTORY
        self.found: dict[tuple[str, str, str, str], list[int]] = {}  # recipient, reverse-path, client, reply -> first, last, times

    def note(self, reply: str, client: str, reverse_path: str, recipient: str = "") -> None:
        """A recipient, or a whole message, was refused with this reply."""
        key = (recipient.casefold()[:LONGEST], reverse_path.casefold()[:LONGEST], client, reply[:LONGEST])
        now = to_micros(utcnow())
        if key in self.found:
            self.found[key][1:] = [now, self.found[key][2] + 1]
        elif len(self.found) < MOST:
            self.found[key] = [now, now, 1]

    def write(self) -> None:
        """Leave what was refused for the judge. A disk that is full loses the note, and no message."""
        if not self.found:
            return
        try:
            write_note(self.directory, [[*key, *seen] for key, seen in self.found.items()])
        except OSError as fault:
            log.warning("refused messages are not noted: %s", fault)
        self.found.clear()


def read_files(directory: Path) -> Iterator[tuple[Path, list[Refused]]]:
    """The files that are there, each with its lines; the caller removes a file when they are stored. A damaged one says nothing."""
    for path in list_notes(directory / DIRECTORY):
        try:
            found = [refused_of(*line) for line in json.loads(path.read_text("utf-8"))]
        except (OSError, ValueError, TypeError, OverflowError) as fault:
            log.warning("%s cannot be read, so what was refused then is not known: %s", path, fault)
            found = []
        yield path, found


def refused_of(recipient: str, reverse_path: str, client: str, reply: str, first: int, last: int, times: int) -> Refused:
    """Parses a line of a file."""
    return Refused(str(recipient), str(reverse_path), str(client), str(reply), from_micros(int(first)), from_micros(int(last)), int(times))
