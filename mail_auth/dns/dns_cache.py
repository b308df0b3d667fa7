"""DNS cache: answers for their TTL, failures for a moment."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from mail_auth.dns.query_budget import Record, Temporary

POSITIVE_TTL = (10, 3600)  # seconds: a hostile zone neither disables nor owns our cache
NEGATIVE_TTL = (10, 300)  # RFC 2308, section 5, has no lower bound; hours would hide a record that was just published
FAILURE_SECONDS = (5, 60)  # doubled with each failure in a row (RFC 9520, section 3.2: from one second to five minutes)
ENTRIES = 20_000
BYTES = 64 * 1024 * 1024  # of records
OVERHEAD = 256  # bytes that an entry costs beside its records
RECORD_OVERHEAD = 64  # bytes that a record costs beside what it says: the object and its place in the tuple

Key = tuple[str, str]  # name in lower case without the last dot, type


@dataclass(frozen=True, slots=True)
class Entry:
    """Cached outcome: records, or the reason for no answer."""

    expires: float  # time.monotonic()
    records: tuple[Record, ...]
    failure: str = ""
    seconds: int = 0  # that the failure was kept

    @property
    def size(self) -> int:
        """Bytes, about."""
        return OVERHEAD + sum(len(record) + RECORD_OVERHEAD for record in self.records)


class Cache:
    """Outcomes with their expiry, the least recently used leave first. For several threads."""

    def __init__(self, entries: int = ENTRIES, most_bytes: int = BYTES) -> None:
        self.entries, self.most_bytes, self.bytes = entries, most_bytes, 0
        self.lock = threading.Lock()
        self.known: OrderedDict[Key, Entry] = OrderedDict()

    def get(self, key: Key) -> tuple[Record, ...] | None:
        """The records that are known and have not expired. Raises Temporary while a failure is remembered."""
        with self.lock:
            entry = self.known.get(key)
            if entry is None or entry.expires <= time.monotonic():
                return None
            self.known.move_to_end(key)
        if entry.failure:
            raise Temporary(entry.failure)
        return entry.records

    def put(self, key: Key, records: tuple[Record, ...], ttl: int) -> None:
        """Keep an answer for `ttl` seconds, within our bounds."""
        least, most = POSITIVE_TTL if records else NEGATIVE_TTL
        self.store(key, Entry(time.monotonic() + min(max(ttl, least), most), records))

    def fail(self, key: Key, failure: str) -> None:
        """Remember that there was no answer, so that a wave of mail from a broken zone does not wait for each of its messages."""
        least, most = FAILURE_SECONDS
        with self.lock:
            before = self.known.get(key)
        seconds = min(max(least, 2 * before.seconds), most) if before else least
        self.store(key, Entry(time.monotonic() + seconds, (), failure, seconds))

    def store(self, key: Key, entry: Entry) -> None:
        """Put an entry in and whatever is too much out."""
        with self.lock:
            before = self.known.pop(key, None)
            self.known[key] = entry
            self.bytes += entry.size - (before.size if before else 0)
            while len(self.known) > self.entries or self.bytes > self.most_bytes:
                self.bytes -= self.known.popitem(last=False)[1].size
