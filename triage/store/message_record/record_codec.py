"""A message's record as one compressed value: JSON in a Zstandard frame that names its dictionary and has a checksum."""

import json
import threading
from dataclasses import dataclass
from typing import Any, Never

import zstandard

from triage.errors import Unreadable
from triage.say import say
from triage.store.message_record.dictionaries import LEVEL, NEWEST, read_dictionary

LARGEST = 64 * 1024 * 1024  # bytes of JSON: a summary has limits far below it
DAMAGED = say("the record of this message is damaged in the database: a backup may still have it")
PLAIN = b"["  # how an uncompressed record begins: one from before records were compressed, as a query puts it together
TOOLS = threading.local()  # neither compressors nor decompressors may be shared by threads


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """Findings about a message as plain values: `Envelope`, `Authentication`, `Summary` and signals as JSON."""

    envelope: dict[str, Any]
    authentication: dict[str, Any]
    summary: dict[str, Any]  # without its text
    signals: list[dict[str, Any]]

    @property
    def fault(self) -> Unreadable | None:
        """Reason why the record cannot be read; None when it can."""
        return None


class UnreadableRecord(MessageRecord):
    """A record that cannot be read: it raises its fault where it is used, so that one of many in a list stops no other."""

    __slots__ = ("reason",)
    reason: Unreadable

    def __init__(self, reason: Unreadable) -> None:
        """Holds the fault."""
        object.__setattr__(self, "reason", reason)

    @property
    def fault(self) -> Unreadable:
        return self.reason

    def __getattr__(self, name: str) -> Never:
        if name in MessageRecord.__slots__:
            raise Unreadable(self.reason.sentence) from self.reason
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"UnreadableRecord({self.reason!r})"


def pack_record(record: MessageRecord) -> bytes:
    """The bytes that the database holds, with the newest dictionary."""
    return compressor().compress(as_json(record))


def as_json(record: MessageRecord) -> bytes:
    """Serialises a record to the bytes that are compressed, and that dictionaries are trained on."""
    return json.dumps((record.envelope, record.authentication, record.summary, record.signals), separators=(",", ":")).encode()


def is_packed_whole(record: MessageRecord) -> bool:
    """Whether a record comes out of its packed bytes as it went in."""
    return decompress(pack_record(record)) == as_json(record)


def unpack_record(stored: bytes) -> MessageRecord:
    """The record in these bytes. Unreadable when they are damaged or their dictionary is missing: the text says where a copy may be."""
    try:
        return MessageRecord(*json.loads(stored if stored.startswith(PLAIN) else decompress(stored)))
    except (zstandard.ZstdError, ValueError, TypeError) as fault:
        raise Unreadable(DAMAGED) from fault


def decompress(stored: bytes) -> bytes:
    """The JSON in a frame, whichever dictionary it names."""
    frame = zstandard.get_frame_parameters(stored)
    if frame.content_size > LARGEST:
        raise ValueError("no record is as large")
    return decompressor(frame.dict_id).decompress(stored)


def compressor() -> zstandard.ZstdCompressor:
    """This thread's compressor."""
    if not hasattr(TOOLS, "compressor"):
        TOOLS.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=read_dictionary(NEWEST), write_checksum=True)
    found: zstandard.ZstdCompressor = TOOLS.compressor
    return found


def decompressor(number: int) -> zstandard.ZstdDecompressor:
    """This thread's decompressor for a dictionary."""
    known: dict[int, zstandard.ZstdDecompressor] = TOOLS.__dict__.setdefault("decompressors", {})
    if number not in known:
        known[number] = zstandard.ZstdDecompressor(dict_data=read_dictionary(number))
    return known[number]
