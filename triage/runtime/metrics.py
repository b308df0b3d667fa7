"""Metrics of this machine's processes: each writes files of its own, and the API reads all of them.

The files are prometheus_client's, in the directory DIRECTORY of the spool. They are memory that happens to be on disk: nothing is
promised of them, and a process that cannot have them works without. Until `begin_metrics` nothing is counted.
"""

import contextlib
import logging
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from triage.errors import BadInput

if TYPE_CHECKING:  # the library takes a while to import, and most commands count nothing
    from prometheus_client.metrics_core import Metric

DIRECTORY = "metrics"  # below spool.directory
RESERVED = 256 * 1024  # bytes of each file, taken at once: a disk that is full later must not end a process that writes to them
USED = struct.Struct("i")  # as prometheus_client writes it
LAST: Final = "mostrecent"  # of what several processes say of one thing, what was said last
GAUGE = f"gauge_{LAST}"
KINDS = ("counter", "histogram", GAUGE)
SHARED = 0o2770  # of the directory: roles may have users of their own

COUNTERS = {
    "mailroom_smtp_answers": ("Replies of the SMTP servers that accept (250) or refuse a message.", ("code",)),
    "mailroom_judged": ("Messages that the judge has entered.", ()),
    "mailroom_verdicts": (
        "What the policy decided for each recipient: relay, quarantine or purge, by the rule.",
        ("rule", "verdict"),
    ),
    "mailroom_deferred": ("Messages that are retried later, because DNS did not answer or a parser gave up.", ()),
    "mailroom_entered_unread": ("Messages that Mailroom could not process after many attempts: entered as unreadable.", ()),
    "mailroom_dns_failures": ("Questions that DNS did not answer, by kind.", ("kind",)),
    "mailroom_attempts": ("Delivery attempts: delivered, deferred, bounced, unanswered, untried.", ("outcome",)),
    "mailroom_next_hop_refusals": (
        "Refusals by a next hop: sign-in (it refuses our credentials), too-fast (it limits our rate).",
        ("reason",),
    ),
    "mailroom_recalls": ("Messages searched for in mailboxes (IMAP, Maildir), by result.", ("ending",)),
    "mailroom_mirror_acts": (
        "Messages moved into an action folder by IMAP, by result: done, already, refused, asked, assigned, foreign.",
        ("outcome",),
    ),
    "mailroom_directory_readings": (
        "Readings of the directory by a role (a server that is followed, a changed file), by outcome.",
        ("outcome",),
    ),
    "mailroom_security_events": ("Security events sent to a SIEM, by stream: lines, syslog.", ("stream",)),
    "mailroom_security_event_failures": ("Attempts to send security events that failed and are repeated, by stream.", ("stream",)),
    "mailroom_acts": ("Entries chained into the audit log, by act: decisions, rules, sign-ins, views, exports.", ("act",)),
    "mailroom_log_events": ("Warnings and errors in the log.", ("role", "level")),
}
FROM_ZERO = {  # labels that are there from the beginning: a monitor sees no increase in what begins with 1
    "mailroom_attempts": ("outcome", ("delivered", "deferred", "bounced", "unanswered", "untried")),
    "mailroom_directory_readings": ("outcome", ("read", "refused")),
    "mailroom_dns_failures": ("kind", ("LifetimeTimeout", "NoNameservers")),
    "mailroom_next_hop_refusals": ("reason", ("sign-in", "too-fast")),
    "mailroom_security_event_failures": ("stream", ("lines", "syslog")),
    "mailroom_recalls": ("ending", ("taken", "missing", "restored", "there", "absent", "deferred", "refused")),
}
LEVELS = ("warning", "error")  # of lines in the log, as said of each role from the beginning
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
HISTOGRAMS = {
    "mailroom_accept_seconds": ("From the final dot until a message is synced to disk and the sender gets 250.", (), QUICK),
    "mailroom_judging_seconds": ("From the final dot until a message is in the database, and staff can see it.", (), SLOW),
    "mailroom_dns_seconds": ("Questions to DNS that the cache did not answer.", (), QUICK),
    "mailroom_transaction_seconds": ("From claiming a delivery until the next hop has answered.", (), QUICK),
    "mailroom_visit_seconds": ("One visit to one mailbox.", (), QUICK),
    "mailroom_directory_seconds": ("One reading of the directory.", (), SLOW),
    "mailroom_request_seconds": ("Requests to the API and the console.", ("method", "status"), QUICK),
}
GAUGES = {
    "mailroom_certificate_end_timestamp_seconds": ("End of the TLS certificate of an SMTP server (Unix time), by role.", ("role",)),
}

log = logging.getLogger(__name__)
_known: dict[str, Any] = {}


def begin_metrics(spool: Path, process: str) -> None:
    """Count and time from now on, under this process's name, which no other process has at the same time."""
    directory = spool / DIRECTORY
    try:
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            if stat.S_IMODE(directory.stat().st_mode) != SHARED:  # a unit inherits this, and may not ask for it (RestrictSUIDSGID=)
                directory.chmod(SHARED)
        forget_gauges(directory, process)  # what it said before it was killed may be so no more
        for kind in KINDS:
            reserve_file(directory / f"{kind}_{process}.db")
        _known.update(make_metrics(directory, process))
        for name, labels in from_zero(process):
            count_event(name, 0, **labels)
    except OSError as fault:
        log.warning("nothing is measured: %s cannot be used: %s", directory, fault.strerror)


def end_metrics(spool: Path, process: str) -> None:
    """Drops the gauges of a process that has ended; its counters stay."""
    with contextlib.suppress(OSError):
        forget_gauges(spool / DIRECTORY, process)


def forget_gauges(directory: Path, process: str) -> None:
    """Let its file say that nothing of it is used: the API may just read it."""
    with contextlib.suppress(FileNotFoundError), (directory / f"{GAUGE}_{process}.db").open("r+b") as opened:
        opened.write(bytes(USED.size))


def reserve_file(file: Path) -> None:
    """Take the space of a file; a damaged one begins again."""
    if file.exists() and not is_whole(file):
        file.unlink()
    with file.open("ab") as opened:
        os.posix_fallocate(opened.fileno(), 0, RESERVED)


def is_whole(file: Path) -> bool:
    """Whether a metrics file can be read. It says first how many of its bytes are used."""
    from prometheus_client.mmap_dict import MmapedDict

    try:
        with file.open("rb") as opened:
            (used,) = USED.unpack(opened.read(USED.size))
        list(MmapedDict.read_all_values_from_file(str(file)))  # type: ignore[no-untyped-call]
    except Exception:  # whatever it is, the file is not worth a process
        return False
    return bool(0 <= used <= file.stat().st_size)


def make_metrics(directory: Path, process: str) -> dict[str, Any]:
    """All counters, histograms and gauges, in this process's files."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    counters = {name: Counter(name, help, labels, registry=registry) for name, (help, labels) in COUNTERS.items()}
    histograms = {
        name: Histogram(name, help, labels, registry=registry, buckets=buckets) for name, (help, labels, buckets) in HISTOGRAMS.items()
    }
    gauges = {name: Gauge(name, help, labels, registry=registry, multiprocess_mode=LAST) for name, (help, labels) in GAUGES.items()}
    return counters | histograms | gauges


def from_zero(process: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Counters with their labels that are there before anything is counted."""
    for name, (label, values) in FROM_ZERO.items():
        yield from ((name, {label: value}) for value in values)
    role, _, _ = process.partition("-")  # of several workers each has a number
    yield from (("mailroom_log_events", {"role": role, "level": level}) for level in LEVELS)


def count_event(name: str, amount: int = 1, **labels: str) -> None:
    """Add to a counter of COUNTERS."""
    if metric := _known.get(name):
        (metric.labels(**labels) if labels else metric).inc(amount)


def set_gauge(name: str, value: float, **labels: str) -> None:
    """Say how a gauge of GAUGES stands now."""
    if metric := _known.get(name):
        metric.labels(**labels).set(value)


def observe_seconds(name: str, seconds: float, **labels: str) -> None:
    """Add a duration to a histogram of HISTOGRAMS."""
    if metric := _known.get(name):
        (metric.labels(**labels) if labels else metric).observe(max(0.0, seconds))


@contextlib.contextmanager
def time_block(name: str) -> Iterator[None]:
    """Measures how long a block takes, whatever comes of it."""
    began = perf_counter()
    try:
        yield
    finally:
        observe_seconds(name, perf_counter() - began)


class Counting(logging.Handler):
    """Counts warnings and errors of a role."""

    def __init__(self, role: str) -> None:
        super().__init__(logging.WARNING)
        self.role = role

    def emit(self, record: logging.LogRecord) -> None:
        count_event("mailroom_log_events", role=self.role, level=record.levelname.lower())


def collect_metrics(spool: Path) -> "list[Metric]":
    """Collects the metrics of all processes, in prometheus_client's words. BadInput when there are none."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    try:
        collector = MultiProcessCollector(CollectorRegistry(), str(spool / DIRECTORY))  # type: ignore[no-untyped-call]
    except ValueError as fault:
        raise BadInput(f"{spool / DIRECTORY} is no directory: no process has measured anything") from fault
    return list(collector.collect())  # type: ignore[no-untyped-call]
