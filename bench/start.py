"""Claim: a service that starts greets after 1 s and shows its first page after 3 s, also with 100,000 accepted messages in its spool.

`mailroom serve` on SQLite, from the start of the process to the 220 of its door and to the console's page, with an empty spool and with
a full one, whose mail it begins to judge meanwhile. `--spool N` for another number. Then what commands take of the processor, with an
API that runs and without one, and roles from their start until they are ready.
"""

import argparse
import contextlib
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.rounds import goals, printing, processor
from mta.spool.spool import Spool
from tests.peers import processes
from tests.peers.company import DOMAIN, Company
from triage.addressing.envelope import Envelope
from triage.ids import new_id
from triage.times import utcnow

SPOOL, TOGETHER = 100_000, 200  # messages, and of these in one file
TIMES = 5  # that the service, each command and each role is started
WORDS = ("--version", "--help")
QUESTIONS = ("deliveries", "rules", "people list", "queue", "campaigns", "decisions")
OTHERS = ("doctor", "db check")
ROLES = ("receive", "judge", "relay", "recall", "api", "upkeep")
LETTER = b"From: a@stranger.example\r\nSubject: Number %d\r\n\r\n" + b"A line of text as people write it.\r\n" * 30


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--spool", type=int, default=SPOOL)
    wanted.add_argument("--times", type=int, default=TIMES, help="that the service, each command and each role is started")
    given = wanted.parse_args()
    watch, rows = processor.Watch(()), []
    for waiting in (0, given.spool):
        with processes.short_directory("start") as directory:
            company = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
            company.lay_out()
            company.run("sync", check=True)
            fill_spool(directory / "spool", waiting)
            greets, page = (statistics.median(taken) for taken in zip(*(measure_start(company) for _ in range(given.times)), strict=True))
        rows.append((f"{waiting:,} in the spool", f"{greets:.2f}", f"{page:.2f}"))
    printing.print_table((f"seconds, medians of {given.times}", "220", "first page"), rows)
    goals.print_goals({"start.greets": greets, "start.page": page} | processor_time(given.times), of=given.spool, whole=SPOOL)
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", others=[watch.stop()[2]])
    return 0


def processor_time(times: int) -> dict[str, float]:
    """Print what commands and roles cost; what the goals are about."""
    with processes.short_directory("start") as directory:
        company = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
        company.lay_out()
        company.run("sync", check=True)
        alone = {words: measure_command(company, words, times) for words in (*WORDS, *QUESTIONS, *OTHERS)}
        company.start()
        beside = {words: measure_command(company, words, times) for words in QUESTIONS}
        company.stop()
        roles = {role: until_ready(company, role, times) for role in ROLES}
    rows = [(f"mailroom {words}", f"{seconds:.2f}", f"{beside[words]:.2f}" if words in beside else "") for words, seconds in alone.items()]
    printing.print_table((f"seconds of processor time, medians of {times}", "by itself", "with an API"), rows)
    ready = [(role, f"{seconds:.2f}") for role, seconds in roles.items()]
    printing.print_table((f"seconds of processor time, medians of {times}", "until ready"), ready)
    asks = {"start.asks": max(beside.values()), "start.asks-alone": max(alone[words] for words in QUESTIONS)}
    return asks | {f"start.{words.strip('-')}": alone[words] for words in (*WORDS, "doctor")}


def measure_command(company: Company, words: str, times: int) -> float:
    """Measure the median processor time of a command, as the kernel counts it at its end."""
    return statistics.median(seconds_of(company, words.split()) for _ in range(times))


def seconds_of(company: Company, words: Sequence[str]) -> float:
    """Once."""
    running = subprocess.Popen(
        [*company.command, *words], cwd=company.directory, env=company.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def until_ready(company: Company, role: str, times: int) -> float:
    """Measure the median time until a role tells the service manager that it is ready (sd_notify(3))."""
    return statistics.median(seconds_until_ready(company, role) for _ in range(times))


def seconds_until_ready(company: Company, role: str) -> float:
    """Once."""
    place = company.directory / "ready"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(place))
        manager.settimeout(processes.HANG)
        environment = company.environment | {"NOTIFY_SOCKET": str(place)}
        running = processes.start([*company.command, role], company.log, environment=environment)
        try:
            manager.recv(100)
            return processor.tree_seconds(running.pid)
        finally:
            processes.stop(running, signal.SIGTERM)
            place.unlink()


def fill_spool(directory: Path, count: int) -> None:
    """Accepted mail that nobody has judged."""
    spool = Spool(directory)
    for first in range(0, count, TOGETHER):
        group = range(first, min(first + TOGETHER, count))
        for safe in [spool.append(make_envelope(), LETTER % number) for number in group]:
            safe.result()
    spool.close()


def make_envelope() -> Envelope:
    """Make the envelope of a stranger's message."""
    return Envelope(new_id(), utcnow(), "a@stranger.example", (f"it+ada.byron@{DOMAIN}",), "127.0.0.1", "mx.stranger.example")


def measure_start(company: Company) -> tuple[float, float]:
    """Seconds until it greets and until its page is there."""
    begun = time.monotonic()
    company.process = processes.start([*company.command, "serve"], company.log, environment=company.environment)
    try:
        processes.until(company.greets, "SMTP says 220", company.process, company.log)
        greets = time.monotonic() - begun
        processes.until(company.shows_page, "the page is there", company.process, company.log)
        return greets, time.monotonic() - begun
    finally:
        processes.stop(company.process, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
