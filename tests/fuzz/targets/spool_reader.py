"""The reader of spool batches: whatever stands in the file, it ends, and a message that is whole is read."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mta.spool.batch_file import MAGIC, MARK, Message, write_batch
from mta.spool.spool import Batch, Spool
from triage.addressing.envelope import Envelope

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ENVELOPE = Envelope(1, AT, "a@stranger.example", ("anna@company.example",), "192.0.2.1", "c")
GOOD: Message = (ENVELOPE, b"whole")
PLACE = tempfile.TemporaryDirectory(prefix="mailroom-fuzz-spool-")
DIRECTORY = Path(PLACE.name)
SPOOL = Spool(DIRECTORY)


def batch_of(*messages: Message) -> bytes:
    """The bytes of a batch."""
    path = DIRECTORY / "made.batch"
    write_batch(DIRECTORY, path.name, messages)
    return path.read_bytes()


WHOLE = batch_of(GOOD)
OPENING = len(MAGIC) + MARK
SEEDS = (
    b"",
    WHOLE,
    WHOLE[:-1],
    WHOLE[:10] + WHOLE,
    MAGIC * 20,
    MAGIC + b"\0" * MARK + WHOLE,
    WHOLE.replace(b"whole", b"whale"),
    WHOLE.replace(b"spool_id", b"loops_id"),
    batch_of((ENVELOPE, MAGIC), (ENVELOPE, WHOLE)),
    WHOLE[: len(MAGIC) + MARK] + b"\x01\x00\x00\x00" * 3,
)


def one_input(data: bytes) -> None:
    """Put any bytes between the opening of a batch and a whole message, and any bytes that are no opening before it."""
    assert read(WHOLE[:OPENING] + data + WHOLE[OPENING:])[-1] == GOOD
    if not data.startswith(MAGIC):
        assert read(data + WHOLE[OPENING:])[-1] == GOOD
    read(data)


def read(content: bytes) -> list[Message]:
    """Messages that can be read from a file with this content: only those written there."""
    path = SPOOL.incoming / "0.batch"
    path.write_bytes(content)
    batch = Batch(path)
    assert SPOOL.hold(batch)
    messages = list(SPOOL.read(batch))
    SPOOL.unlock_batch(batch)
    assert sum(len(raw) for _, raw in messages) <= len(content)
    assert batch.damaged or content.startswith(MAGIC)
    return messages
