"""Lines at the end of a file: whole ones, by processes that take turns, and never over what another program wrote."""

import fcntl
import os
from pathlib import Path

import pytest

from triage.runtime.durable_files import append_lines

LONGEST = 20


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"new\n"),
        (b"one\ntwo\n", b"one\ntwo\nnew\n"),
        (b"one\ntw", b"one\nnew\n"),
        (b"tw", b"new\n"),
        (b"one\n" + b"x" * (LONGEST - 1), b"one\nnew\n"),
    ],
)
def test_the_part_of_a_line_that_a_crash_has_left_goes(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(before)
    append_lines(path, b"new\n", longest=LONGEST)
    assert path.read_bytes() == after


def test_a_file_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"one\n" + b"x" * LONGEST)
    with pytest.raises(OSError, match="no line break, so another program wrote them") as fault:
        append_lines(path, b"new\n", longest=LONGEST)
    assert fault.value.filename == str(path)
    assert path.read_bytes() == b"one\n" + b"x" * LONGEST


def test_whoever_writes_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sync, held = tmp_path / "lines", os.fsync, []

    def look_and_sync(descriptor: int) -> None:
        with path.open() as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(True)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", look_and_sync)
    append_lines(path, b"new\n", longest=LONGEST)
    assert held == [True]  # the line and its end; not while the directory is synced
