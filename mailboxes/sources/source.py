"""Reading what lies in people's mailboxes, whatever they are kept in: IMAP, Maildirs or mbox files. Nothing is changed there.

The seam of `mailroom seed` (sent mail, header fields only) and `mailroom simulate` (what came in, whole). Use:

    source = ImapSource(recall, accounts) | MaildirSource(root) | MboxSource(paths)
    for address in source.accounts():
        account = source.open(address)                       # Unreachable; ShutOut: the credentials are refused
        for folder in account.folders():                     # folder.use: "sent", "inbox", "junk", "trash", "drafts" or ""
            for batch in account.read(folder, after=mark):   # some messages at a time, oldest first
                ...                                          # keep batch.mark with what came of batch.messages
        account.close()

A source can be pickled and sent to another process. Whoever keeps the mark in the transaction in which they keep what
they learned gets every message once, wherever a connection broke.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from mailboxes.imap import bulk_fetch
from mailboxes.mailbox import Busy
from triage.message.summary import ROBOTS

log = logging.getLogger(__name__)

TEACHING = (  # the fields that `teaching` asks for
    "FROM", "TO", "CC", "BCC", "SUBJECT", "DATE", "MESSAGE-ID", "CONTENT-TYPE", "AUTO-SUBMITTED", "PRECEDENCE",
    "LIST-ID", "LIST-POST", "LIST-UNSUBSCRIBE", "LIST-SUBSCRIBE", "LIST-HELP", *(name.upper() for name in ROBOTS),
)  # fmt: skip
HEADERS = (*TEACHING, "SENDER", "IN-REPLY-TO", "REFERENCES")  # what `read` gives of a message unless it is asked for all of it
LEADING = re.compile(r"[0-9]{1,20}")
BATCH = 500  # messages
TRIES = 3  # at a server that is too busy
WHOLE = 16  # messages that are read whole: each may be large
LARGEST = 64 * 1024 * 1024  # bytes of a message that is read whole


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, and what its owner uses it for."""

    name: str
    use: str = ""  # inbox, sent, drafts, junk, trash


class Mark(NamedTuple):
    """Mark of how far a folder was read. Of use only as long as the folder's `validity` is still the same (RFC 9051, 2.3.1.1)."""

    validity: str
    last: str  # the UID, name or place of the last message


Filed = float | bytes | None  # seconds since 1970, or IMAP's INTERNALDATE


class Stored(NamedTuple):
    """Message in a mailbox that is read."""

    place: str  # its UID, name or place
    filed: Filed | Callable[[str], Filed]  # when it came there; or what is asked for it, with the place
    raw: bytes  # its header block, or at least the fields of HEADERS; all of it where that was asked for

    @property
    def arrived(self) -> datetime | None:
        """Time when the message was filed. Nearly every message has a better date of its own, so it is not read before somebody asks."""
        filed = self.filed(self.place) if callable(self.filed) else self.filed
        if isinstance(filed, bytes):
            return bulk_fetch.date_of(filed)
        return datetime.fromtimestamp(filed, UTC) if filed is not None else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of a folder that were read together."""

    messages: tuple[Stored, ...]
    mark: Mark  # these messages and all before them
    unreadable: tuple[str, ...] = ()  # of each message that could not be read: why
    left: int = 0  # messages of the folder after these, as far as is known


def sort_key(place: str) -> tuple[int, str]:
    """Returns the sort key of a place in a folder: the number that it begins with, as UIDs and names of Maildir files do."""
    digits = LEADING.match(place)
    return (int(digits[0]) if digits else 0, place)


class Account(Protocol):
    """Mailbox of one person. A single thread uses it."""

    def folders(self) -> list[Folder]:
        """Lists the person's folders that can hold messages; other people's are left out."""

    def read(self, folder: Folder, *, after: Mark | None = None, since: datetime | None = None, whole: bool = False) -> Iterator[Batch]:
        """The messages of a folder, oldest first, those after the mark only, and not those that arrived before `since`.

        Unreachable when it breaks off: go on with the last batch's mark in a new session. Only the end of a folder that
        holds nothing new gives no batch.
        """

    def close(self) -> None:
        """Leave the mailbox."""


def open_patiently(source: "Source", address: str) -> Account:
    """As Source.open; waits, a few times, for a server that is too busy, as long as it asks for."""
    for _ in range(TRIES):
        try:
            return source.open(address)
        except Busy as fault:
            log.warning("%s: waiting %.0f seconds for the server: %s", address, fault.pause, fault)
            time.sleep(fault.pause)
    return source.open(address)


class Source(Protocol):
    """Source of many people's mailboxes."""

    def accounts(self) -> list[str]:
        """Lists the mailboxes that there are, as addresses."""

    def open(self, address: str) -> Account:
        """Enter one. Unreachable when there is no way in now; ShutOut when the credentials are refused."""
