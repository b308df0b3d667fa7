"""The reader of spool batches: whatever stands in the file, it ends, and a message that is whole is read."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mta.spool import Batch, Message, Spool, write_batch
from triage.envelope import Envelope

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
SEEDS = (
    b"",
    WHOLE,
    WHOLE[:-1],
    WHOLE[:10] + WHOLE,
    b"MRsp" * 20,
    WHOLE.replace(b"whole", b"whale"),
    WHOLE.replace(b"spool_id", b"loops_id"),
    batch_of((ENVELOPE, b"MRsp"), (ENVELOPE, WHOLE)),
    b"MRsp" + b"\x01\x00\x00\x00" * 2 + b"MRsp",
)


def one_input(data: bytes) -> None:
    """Anything, and behind it a message that is whole."""
    path = SPOOL.incoming / "0.batch"
    path.write_bytes(data + WHOLE)
    batch = Batch(path)
    assert SPOOL.hold(batch)
    messages = list(SPOOL.read(batch))
    SPOOL.let_go(batch)
    assert messages[-1] == GOOD
    assert batch.damaged or sum(len(raw) for _, raw in messages) < len(data + WHOLE)
