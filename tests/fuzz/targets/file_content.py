"""Attached bytes as any kind of file: an answer, in bounded time, whatever they hold; and an installed program stays one."""

from tests.triage.message.mime.test_file_content import HELD, PASS
from triage.message.mime.archives import NAMES
from triage.message.mime.file_content import RUNS, examine_content

SEEDS = tuple(content for _, content, *_ in (*HELD, *PASS) if 0 < len(content) < 20_000)
ROOM = 1024 * 1024  # bytes that may be unpacked


def one_input(data: bytes) -> None:
    """`data` is an attachment."""
    found = examine_content(data, ("letter.doc",), "application/octet-stream", ROOM)
    assert len(found.archive.names) <= NAMES
    assert found.unpacked <= ROOM
    if data.startswith(b"MZ") and len(data) >= 64:
        assert found.finding == RUNS
