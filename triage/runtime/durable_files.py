"""Files that survive a power cut: lines at the end of one, and its name, which is as safe as the directory it is in."""

import errno
import fcntl
import os
from pathlib import Path
from typing import BinaryIO


def sync_directory(directory: Path) -> None:
    """Make the names in it durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_lines(path: Path, lines: bytes, *, longest: int) -> None:
    """Add whole lines of at most `longest` bytes to a file, on disk when this returns. The part of a line that a crash has left goes.

    Processes of one machine take turns. OSError, and nothing changed, when the file holds longer lines: they are somebody else's.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the other's line may be half written
        file.truncate(find_end(file, path, longest))
        file.seek(0, os.SEEK_END)
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def find_end(file: BinaryIO, path: Path, longest: int) -> int:
    """Returns the offset where the last whole line ends."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - longest)
    file.seek(start)
    last = file.read().rfind(b"\n")
    if start and last < 0:
        why = f"the last {longest} bytes have no line break, so another program wrote them; move this file away, or name another one"
        raise OSError(errno.EINVAL, why, str(path))
    return start + last + 1
