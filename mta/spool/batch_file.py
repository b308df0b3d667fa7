"""Batch file of accepted messages: written whole and synced, read with as little loss as damage allows.

A batch begins and ends with a mark that was made by chance for it alone, and each message stands behind that mark. So
behind a damaged message the next one is found, and nothing that a message holds can be taken for another message.
"""

import contextlib
import fcntl
import json
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from triage.addressing.envelope import Envelope
from triage.runtime.durable_files import sync_directory

MAGIC = b"MRs2"  # and the mark of the batch: what a batch begins and ends with
MARK = 8  # bytes of chance that nobody outside knows: no message can hold what would be taken for the head of another one
HEAD = struct.Struct(f"<{MARK}sIII")  # mark, bytes of the envelope, bytes of the message, CRC-32 of both lengths and both
LENGTHS = struct.Struct("<II")
BUFFER = 256 * 1024  # bytes read or written at once
WHY = "why"  # beside the envelope; no field of it

Message = tuple[Envelope, bytes]


def write_batch(directory: Path, name: str, messages: Sequence[Message], why: str = "") -> None:
    """Write the batch so that it survives a power cut from here on. After an OSError nothing of it is left.

    `why` its messages are not in the audit log yet stands beside their envelopes, for people.
    """
    path, temporary = directory / name, directory / f"{name}.tmp"
    try:
        with temporary.open("xb", BUFFER) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # remove_leftovers leaves it alone
            mark = secrets.token_bytes(MARK)
            file.write(MAGIC + mark)
            for envelope, raw in messages:
                write_message(file, mark, envelope.as_json() | ({WHY: why} if why else {}), raw)
            file.write(MAGIC + mark)
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
        sync_directory(directory)
    except BaseException:
        for leftover in (temporary, path):
            with contextlib.suppress(OSError):
                leftover.unlink()
        raise


def write_message(file: IO[bytes], mark: bytes, envelope: dict[str, Any], raw: bytes) -> None:
    """Writes one message to a batch: head, envelope as JSON, raw bytes."""
    described = json.dumps(envelope, separators=(",", ":")).encode()
    file.write(HEAD.pack(mark, len(described), len(raw), record_checksum(described, raw)))
    file.write(described)
    file.write(raw)


def record_checksum(described: bytes, raw: bytes) -> int:
    """CRC-32 over both lengths and both parts."""
    return zlib.crc32(raw, zlib.crc32(described, zlib.crc32(LENGTHS.pack(len(described), len(raw)))))


def read_batch(file: IO[bytes], damaged: Callable[[int], None]) -> Iterator[Message]:
    """The messages that are whole, in order. `damaged` is told each place that is not as it was written."""
    opening = opening_of(file)
    mark = opening[len(MAGIC) :]
    if not opening or file.read(len(opening)) != opening:
        damaged(0)
        seek_next(file, 0, mark)
    while head := file.read(HEAD.size):
        start = file.tell() - len(head)
        if head == opening:
            return
        if (message := read_message(file, head, mark)) is not None:
            yield message
            continue
        damaged(start)
        seek_next(file, start + 1, mark)
    damaged(file.tell())


def why_not_yet(file: IO[bytes]) -> str:
    """Returns why the first message of a batch is not in the audit log yet; "" where nobody has said so."""
    file.seek(len(MAGIC) + MARK)
    try:
        _, described_size, *_ = HEAD.unpack(file.read(HEAD.size))
        return str(json.loads(file.read(described_size)).get(WHY, ""))
    except (struct.error, ValueError):
        return ""


def opening_of(file: IO[bytes]) -> bytes:
    """Returns the mark that a batch begins and ends with, b"" when neither is readable; the file is at its beginning afterwards."""
    length = len(MAGIC) + MARK
    file.seek(0)
    first = file.read(length)
    repeated = file.read(MARK)  # the first message's mark
    file.seek(max(0, os.fstat(file.fileno()).st_size - length))
    last = file.read(length)
    file.seek(0)
    readable = [one for one in (first, last) if len(one) == length and one.startswith(MAGIC)]
    fitting = [one for one in readable if one.endswith(repeated)]
    if not fitting and first != last:  # what is damaged at the beginning reaches into the first message
        fitting = [one for one in reversed(readable) if stands_within(file, one)]
        file.seek(0)
    return next(iter(fitting or readable), b"")


def stands_within(file: IO[bytes], opening: bytes) -> bool:
    """Whether the mark of this opening stands before any message."""
    seek_next(file, len(opening), opening[len(MAGIC) :])
    return file.tell() < os.fstat(file.fileno()).st_size - len(opening)


def read_message(file: IO[bytes], head: bytes, mark: bytes) -> Message | None:
    """The message behind this head; None when head or message are damaged."""
    if len(head) < HEAD.size:
        return None
    found, described_size, raw_size, expected = HEAD.unpack(head)
    if found != mark or described_size + raw_size > os.fstat(file.fileno()).st_size - file.tell():
        return None
    described, raw = file.read(described_size), file.read(raw_size)
    if record_checksum(described, raw) != expected:
        return None
    try:
        return Envelope.from_json(json.loads(described)), raw
    except (ValueError, TypeError, KeyError):  # written by a version that we do not understand
        return None


def seek_next(file: IO[bytes], start: int, mark: bytes) -> None:
    """Go to where the next message may begin, at `start` or later, or to the end."""
    file.seek(start)
    kept = b""
    while mark and (chunk := file.read(BUFFER)):
        window = kept + chunk
        if (at := window.find(mark)) >= 0:
            file.seek(file.tell() - len(window) + at)
            return
        kept = window[-MARK + 1 :]
    file.seek(0, os.SEEK_END)
