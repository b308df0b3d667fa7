"""Takes what programs on this machine put into the submission spool: who owns a file has sent it, whatever the file says.

The directory has mode 3730: its group puts files there and cannot list it, and the sticky bit keeps everybody's files from the others.
A file is first moved into `taken/`, where only this role comes. From there on no name can be exchanged under it.
"""

import errno
import json
import logging
import os
import stat
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from mta.outbound.stamp_submission import NotTaken, envelope_of, stamp_message, submitter_of
from mta.outbound.submission_file import LIMITS, MODE, MOST_HEAD, SUFFIX, UNFINISHED, parse_submission
from mta.session.header_scan import scan_header
from mta.spool.line_endings import normalise_crlf
from mta.spool.spool import Spool
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import format_id, new_id, parse_id
from triage.text.sanitize import escape_visible

DIRECTORY_MODE = 0o3730
TAKEN, REFUSED = "taken", "refused"  # below the directory, for this role only
AT_ONCE = 100  # messages of one user that are taken before those of the next
MOST_REFUSED = 1000  # refused files that are kept for a person to look at; further ones are deleted
ABANDONED = 24 * 3600.0  # seconds after which a file that nobody finished is deleted
HOUR = 3600.0  # seconds
AGAIN = 10.0  # seconds until files that wait are looked at again
SHARE = 10  # a look that took a second is followed by ten without one: who floods the directory does not get all our time
NOBODY = 65534  # whom the kernel shows where it may not show the owner: in a user namespace without that user

log = logging.getLogger(__name__)


class Passed(NamedTuple):
    """A message that was handed to the spool of employees' mail; its file is deleted once it is safe there."""

    name: str
    safe: "Future[None]"


class SubmissionSpool:
    """The directory of `outbound.submit_directory`."""

    def __init__(self, settings: Settings, spool: Spool) -> None:
        """Make what is missing of it. BadInput when it cannot be used, or when others could exchange files in it."""
        self.settings, self.spool = settings, spool
        path = Path(settings.outbound.submit_directory)
        self.counts: dict[int, deque[float]] = defaultdict(deque)  # when messages of each user were taken, within the last hour
        self.changed = 0  # when the directory changed before the last look, in nanoseconds
        self.next_look = self.latest_look = 0.0  # not before, and whatever has changed
        self.warned: dict[str, float] = {}
        try:
            make_directories(path)
            write_limits(path, settings)
            self.place, self.taken, self.refused = map(open_directory, (path, path / TAKEN, path / REFUSED))
        except OSError as fault:
            raise BadInput(
                f"outbound.submit_directory {path} cannot be used: {fault.strerror}; see docs/how-to/outgoing-mail.md"
            ) from fault
        self.group = os.fstat(self.place).st_gid

    def close(self) -> None:
        """Close the directories."""
        for place in (self.place, self.taken, self.refused):
            os.close(place)

    def take(self) -> None:
        """Take what is there, up to a hundred messages of each user at a time, until only files that must wait are left."""
        now = time.monotonic()
        changed = os.fstat(self.place).st_mtime_ns
        if now < self.next_look or (changed == self.changed and now < self.latest_look):
            return
        self.pass_on(list_names(self.taken))  # a role that was killed has left them
        while claimed := [own for name in self.list_files() if (own := self.claim(name))]:
            self.pass_on(claimed)
        self.changed, ended = changed, time.monotonic()
        self.next_look, self.latest_look = ended + min(SHARE * self.look_took, HOUR), ended + AGAIN

    def list_files(self) -> list[str]:
        """The oldest names of each user that may be taken now. What nobody will finish is deleted."""
        started, now = time.monotonic(), time.time()
        names: dict[int, list[str]] = defaultdict(list)
        with os.scandir(self.place) as entries:
            for entry in entries:
                if not entry.name.endswith((SUFFIX, UNFINISHED)):
                    continue
                found = stat_or_none(entry.name, self.place)
                if found is None:
                    continue
                if entry.name.endswith(UNFINISHED):
                    if now - found.st_mtime > ABANDONED:
                        self.delete(entry.name, self.place)
                elif self.is_file(entry.name, found) and (room := self.room_of(found.st_uid)):
                    keep_smallest(names[found.st_uid], entry.name, room)
        self.look_took = time.monotonic() - started
        return [name for each in names.values() for name in sorted(each)]

    def is_file(self, name: str, found: os.stat_result) -> bool:
        """Whether this is a file whose owner can be told. Links and pipes hold no message and are deleted."""
        if found.st_uid == NOBODY:
            self.warn_once("the owners of submitted files cannot be seen: give mailroom-outbound.service the drop-in submit.conf")
            return False
        if stat.S_ISREG(found.st_mode):
            return True
        self.warn_once(f"uid {found.st_uid} put something else than a file into the submission spool")
        if not stat.S_ISDIR(found.st_mode):
            self.delete(name, self.place)
        return False

    def room_of(self, uid: int) -> int:
        """Returns how many messages of this user are taken at once now; 0 when there were enough within the hour."""
        times, most = self.counts[uid], self.settings.outbound.submit_hourly
        while times and times[0] < time.monotonic() - HOUR:
            times.popleft()
        if most and len(times) >= most:
            self.warn_once(f"uid {uid} has reached its limit of messages within an hour ({most}): further ones wait")
        return min(AT_ONCE, max(0, most - len(times))) if most else AT_ONCE

    def claim(self, name: str) -> str | None:
        """Move a file to where only this role comes; its name there holds the id of the message, so that a killed role enters it once."""
        own = f"{format_id(new_id())}{SUFFIX}"
        found = stat_or_none(name, self.place)
        if found is None:
            return None
        try:
            os.rename(name, own, src_dir_fd=self.place, dst_dir_fd=self.taken)
        except OSError as fault:
            self.warn_once(f"a file of uid {found.st_uid} in the submission spool cannot be taken: {fault.strerror}")
            return None
        self.counts[found.st_uid].append(time.monotonic())
        return own

    def pass_on(self, names: Iterable[str]) -> None:
        """Hand claimed files to the spool of employees' mail, and delete each once it is safe there. OSError when the disk is full."""
        passed: list[Passed] = []
        for name in names:
            try:
                passed.append(self.append(name))
            except NotTaken as fault:
                self.refuse(name, str(fault))
            except FileNotFoundError:
                continue
        for one in passed:
            one.safe.result()
        for one in passed:
            self.delete(one.name, self.taken)
        if passed:
            os.fsync(self.taken)

    def append(self, name: str) -> Passed:
        """Hands one claimed file to the spool. NotTaken says why it is no message of its owner."""
        content, owner = self.read_file(name)
        try:
            message = parse_submission(content)
            spool_id = parse_id(name.removesuffix(SUFFIX))
        except ValueError as fault:
            raise NotTaken(str(fault)) from fault
        smtp = self.settings.smtp
        if len(message.raw) > smtp.max_size:
            raise NotTaken(f"larger than {smtp.max_size} bytes")
        if len(message.recipients) > smtp.max_recipients:
            raise NotTaken(f"more than {smtp.max_recipients} recipients")
        message = message._replace(raw=normalise_crlf(message.raw))
        if scan_header(message.raw, self.settings.company.hostname).hops > smtp.max_hops:
            raise NotTaken("it goes round in a loop")
        submitter = submitter_of(owner, self.settings)
        envelope = envelope_of(message, submitter, spool_id=spool_id, settings=self.settings)
        stamped = stamp_message(message, submitter, envelope, hostname=self.settings.company.hostname)
        return Passed(name, self.spool.append(envelope, stamped))

    def read_file(self, name: str) -> tuple[bytes, int]:
        """The content of a claimed file, and its owner. NotTaken unless it is a file with one link that was made in the directory."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, dir_fd=self.taken)
        except FileNotFoundError:
            raise
        except OSError as fault:
            raise NotTaken(f"cannot be opened: {fault.strerror}") from fault
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise NotTaken("not a file")
            if found.st_nlink != 1:
                raise NotTaken("it has another name elsewhere")
            if found.st_uid == NOBODY:
                raise NotTaken("its owner cannot be seen")
            if found.st_gid != self.group or stat.S_IMODE(found.st_mode) != MODE:
                raise NotTaken("not made by mailroom-submit: group or mode are others")
            most = self.settings.smtp.max_size + MOST_HEAD
            if found.st_size > most:
                raise NotTaken(f"larger than {self.settings.smtp.max_size} bytes")
            try:
                return file.read(most), found.st_uid
            except OSError as fault:
                raise NotTaken(f"cannot be read: {fault.strerror}") from fault

    def refuse(self, name: str, why: str) -> None:
        """Keeps a file of the submission spool that is no message, for a person to look at; deletes it where too many are kept."""
        found = stat_or_none(name, self.taken)
        about = {"name": name, "owner": found.st_uid if found else "unknown", "why": escape_visible(why)}
        keeps = found is not None and stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and len(list_names(self.refused)) < MOST_REFUSED
        if keeps:
            os.rename(name, name, src_dir_fd=self.taken, dst_dir_fd=self.refused)
            log.warning("submitted message %(name)s of uid %(owner)s was refused and is kept: %(why)s", about)
        else:
            self.delete(name, self.taken)
            log.warning("submitted file %(name)s of uid %(owner)s was refused and deleted: %(why)s", about)

    def delete(self, name: str, place: int) -> None:
        """Deletes a file, whoever was faster."""
        try:
            os.unlink(name, dir_fd=place)
        except OSError as fault:
            if not isinstance(fault, FileNotFoundError):
                self.warn_once(f"a file in the submission spool cannot be deleted: {fault.strerror}")

    def warn_once(self, what: str) -> None:
        """Says, once an hour, that files of the submission spool wait or were deleted, and of which user."""
        now = time.monotonic()
        if now >= self.warned.get(what, 0.0):
            if len(self.warned) > MOST_REFUSED:
                self.warned.clear()
            self.warned[what] = now + HOUR
            log.warning("%s", what)


def make_directories(path: Path) -> None:
    """Makes the directory and the two below it. PermissionError when others could exchange what is in them."""
    if not path.is_dir():
        path.mkdir(0o700)
        path.chmod(DIRECTORY_MODE)
    for name in (TAKEN, REFUSED):
        (path / name).mkdir(0o700, exist_ok=True)
    for place, forbidden in ((path, stat.S_IROTH), (path / TAKEN, 0o077), (path / REFUSED, 0o077)):
        found = place.lstat()
        shared = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or shared or found.st_mode & forbidden:
            mode = "3730" if place == path else "700"
            raise PermissionError(errno.EPERM, f"{place} must belong to the user of this role, with mode {mode}")


def write_limits(path: Path, settings: Settings) -> None:
    """Tell the command what is accepted, so that it refuses the rest at once."""
    limits = {"max_size": settings.smtp.max_size, "max_recipients": settings.smtp.max_recipients}
    written = path / TAKEN / LIMITS  # where nobody else can put anything
    written.write_text(json.dumps(limits))
    written.chmod(0o644)
    written.replace(path / LIMITS)


def open_directory(path: Path) -> int:
    """Opens a directory, not through a link."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def list_names(place: int) -> list[str]:
    """The names of messages in an open directory."""
    with os.scandir(place) as entries:
        return [entry.name for entry in entries if entry.name.endswith(SUFFIX)]


def stat_or_none(name: str, place: int) -> os.stat_result | None:
    """Returns the status of a name in a directory, without following links; None when it is gone."""
    try:
        return os.stat(name, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return None


def keep_smallest(names: list[str], name: str, most: int) -> None:
    """Adds a name to a list of the smallest ones, which is cut now and then."""
    names.append(name)
    if len(names) >= 2 * most:
        names.sort()
        del names[most:]
