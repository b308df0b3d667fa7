"""File format of the submission spool: `mailroom-submit` writes one message a file, the outbound role reads it.

The standard library alone, and little of it: programs that only want to send a message wait for this import.
"""

import json
import os
import re
import time
import zlib
from contextlib import suppress
from typing import NamedTuple

MAGIC = b"mailroom-submit 1 "  # and JSON, up to the end of the line; the message follows
SUFFIX, UNFINISHED = ".msg", ".tmp"
LIMITS = "limits"  # beside them: what the role accepts, for the command to refuse the rest at once
MOST_HEAD = 1024 * 1024  # bytes of the first line
MAX_SIZE, MAX_RECIPIENTS = 50 * 1024 * 1024, 1000  # where no role has written its limits yet
MODE = 0o640  # the group is that of the directory (setgid): the role reads by it
# RFC 5321, 4.1.2, without quoted local parts; a name without a domain belongs to this machine
ADDRESS = re.compile(r"[^\x00-\x20\x7f-\U0010ffff\"(),:;<>@\[\\\]]{1,64}(?:@(?:[A-Za-z0-9._-]+|\[[0-9A-Za-z.:]+\]))?")
LONGEST_ADDRESS = 254


class SubmittedMessage(NamedTuple):
    """A message as a program on this machine has handed it over."""

    sender: str | None  # as -f says; "" is the null sender, None leaves it to the role
    recipients: tuple[str, ...]
    name: str  # full name for a From field that is missing
    raw: bytes


def is_address(text: str) -> bool:
    """Whether this is an address, or a local part alone."""
    return len(text) <= LONGEST_ADDRESS and ADDRESS.fullmatch(text) is not None


def write_submission(directory: str, message: SubmittedMessage) -> str:
    """Write the message under a name that nobody can guess; return the name. After an OSError nothing of it is left.

    Who may not list the directory cannot fsync it either. So the file is synced once more under its final name, which takes the
    rename along on ext4, XFS and Btrfs.
    """
    envelope = {"sender": message.sender, "recipients": message.recipients, "name": message.name}
    about = {**envelope, "size": len(message.raw), "crc32": zlib.crc32(message.raw)}
    name = f"{time.time_ns():020d}.{os.urandom(16).hex()}"
    place = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    written = name + UNFINISHED
    try:
        file = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE, dir_fd=place)
        try:
            os.fchmod(file, MODE)  # whatever the umask is
            write_all(file, MAGIC + json.dumps(about, separators=(",", ":")).encode() + b"\n" + message.raw)
            os.fsync(file)
            os.rename(written, name + SUFFIX, src_dir_fd=place, dst_dir_fd=place)
            written = name + SUFFIX
            os.fsync(file)
        except BaseException:
            remove_quietly(written, place)
            raise
        finally:
            os.close(file)
    finally:
        os.close(place)
    return written


def remove_quietly(name: str, place: int) -> None:
    """Removes a file that the role may have taken meanwhile."""
    with suppress(OSError):
        os.unlink(name, dir_fd=place)


def write_all(file: int, content: bytes) -> None:
    """Writes everything; OSError when that is not possible."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def parse_submission(content: bytes) -> SubmittedMessage:
    """The message that a file holds. ValueError says what is wrong with it."""
    head, newline, raw = content[: MOST_HEAD + 1].partition(b"\n")
    if not head.startswith(MAGIC) or not newline:
        raise ValueError("not a file of mailroom-submit")
    raw = content[len(head) + 1 :]
    about = json.loads(head[len(MAGIC) :])
    if not isinstance(about, dict):
        raise ValueError("the first line is no object")
    if about.get("size") != len(raw) or about.get("crc32") != zlib.crc32(raw):
        raise ValueError("half written or damaged")
    sender, recipients, name = about.get("sender"), about.get("recipients"), about.get("name")
    if not (sender is None or (isinstance(sender, str) and (sender == "" or is_address(sender)))):
        raise ValueError("the sender is no address")
    if not isinstance(recipients, list) or not recipients:
        raise ValueError("no recipients")
    if not all(isinstance(one, str) and is_address(one) for one in recipients):
        raise ValueError("a recipient is no address")
    if not isinstance(name, str):
        raise ValueError("the name is no text")
    return SubmittedMessage(sender, tuple(recipients), name, raw)


def read_limits(directory: str) -> tuple[int, int]:
    """Most bytes of a message and most recipients that the role accepts; the defaults where none has run yet."""
    try:
        file = os.open(f"{directory}/{LIMITS}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return MAX_SIZE, MAX_RECIPIENTS
    with os.fdopen(file, "rb") as limits:
        try:
            told = json.loads(limits.read(1000))
            return int(told["max_size"]), int(told["max_recipients"])
        except (ValueError, TypeError, KeyError):
            return MAX_SIZE, MAX_RECIPIENTS
