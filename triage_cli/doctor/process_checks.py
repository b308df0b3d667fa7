"""Doctor checks of Mailroom's processes and files: starting roles, roles run as root, files on a network."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from mta.spool import recipient_map_file
from triage.config.settings import Settings, host_port
from triage.runtime.spool_stats import INCOMING
from triage.text.numbers import format_span
from triage_cli.doctor.finding import OK, WARN, Finding
from triage_cli.doctor.network_checks import REACHED

STARTING = 120.0  # seconds after its start in which `mailroom serve` may not answer yet
MOST = 45.0  # seconds that the doctor waits for it
NETWORK = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs")  # how names of such file systems begin
SQLITE = "sqlite:///"


def wait_for_roles(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """Waits for the roles to be up, at most 45 seconds, right after `mailroom serve`."""
    age = min((one for one in process_ages(config) if one < STARTING), default=None)
    if config is None or age is None:
        return
    end = time.monotonic() + MOST
    places = [host_port(settings.smtp.listen, "smtp.listen"), host_port(settings.api.listen, "api.listen")]
    while not all(is_answering(*place) for place in places):
        if time.monotonic() > end:
            do = "run this again in a minute; the log says what it waits for"
            yield Finding(WARN, "roles", "`mailroom serve` is starting and does not answer yet", do)
            return
        time.sleep(0.5)
    yield Finding(OK, "roles", f"`mailroom serve` started {format_span(age)} ago and answers")


def process_ages(config: Path | None) -> Iterator[float]:
    """For how many seconds each `mailroom serve` with this settings file has been running."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            words = (place / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
            if words[-1] == "serve" and config and config_of(place, words) == config.resolve():
                ticks = int((place / "stat").read_text().rpartition(")")[2].split()[19])
                yield uptime - ticks / os.sysconf("SC_CLK_TCK")


def config_of(place: Path, words: list[str]) -> Path:
    """The settings file of a process, by its place in /proc and its command line."""
    environment = (place / "environ").read_bytes().decode("utf-8", "replace").split("\0")
    named = next((one.partition("=")[2] for one in environment if one.startswith("MAILROOM_CONFIG=")), "")
    if "--config" in words:
        named = words[words.index("--config") + 1]
    return ((place / "cwd").resolve() / (named or "mailroom.toml")).resolve()


def is_answering(host: str, port: int) -> bool:
    """Whether a program listens on this port."""
    with contextlib.suppress(OSError), socket.create_connection((REACHED.get(host, host), port), 2):
        return True
    return False


def check_users(settings: Settings) -> Iterator[Finding]:
    """Does a role run as root? None needs to."""
    written = [settings.spool.directory / recipient_map_file.NAME, settings.spool.directory / INCOMING]
    if any(one.exists() and one.stat().st_uid == 0 for one in written):
        do = "start Mailroom as a user of its own, or by the units in deploy/systemd (docs/how-to/systemd.md)"
        yield Finding(WARN, "user", "the spool belongs to root, so roles run as root", do)


def check_network_disks(settings: Settings) -> Iterator[Finding]:
    """Are spool and SQLite on a local disk? On NFS and the like, locks and fsync are not reliable."""
    places = {"spool": settings.spool.directory.absolute()}
    if settings.database.url.startswith(SQLITE):
        places["database"] = Path(settings.database.url.removeprefix(SQLITE)).absolute()
    for what, place in places.items():
        kind = file_system(place)
        if kind.startswith(NETWORK):
            yield Finding(
                WARN, what, f"{place} is on a network file system ({kind}): accepted messages can be lost", "move it to a local disk"
            )


def file_system(place: Path) -> str:
    """The kind of the file system that a path is on, "" when it cannot be told."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines())
    held = [(Path(fields[1].replace("\\040", " ")), fields[2]) for fields in mounts]
    above = [(mount, kind) for mount, kind in held if mount == place or mount in place.parents]
    return max(above, key=lambda one: len(one[0].parts))[1] if above else ""
