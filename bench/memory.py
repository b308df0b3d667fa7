"""Claim: after a million messages the receiver has taken 120 MB at most and the judge 300 MB, and nothing has grown since a fifth of them.

`mailroom serve` on SQLite with all its roles. 2 KB of mail to 20,000 people, each from another author; one of three from a domain that
nobody has seen before and that does not exist, the others from 50 domains that SPF proves, of which the company allows ten: every
eighth mail or so is delivered, the others are held. After every twentieth of it, when all of it is judged, the memory of each process is
read (VmRSS, and VmHWM, the most it has ever been). That takes about two hours; `--messages 50000` for a part of it, and Ctrl-C tells
what was seen until then.
"""

import argparse
import contextlib
import random
import signal
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.rounds import goals, printing, processor, signed_messages
from bench.rounds.sessions import Sending
from bench.rounds.signed_messages import Sent
from tests.peers import company, processes
from tests.peers.company import DOMAIN, Company, role_of

MESSAGES = 1_000_000
READINGS = 20
SETTLED = 4  # the reading from which on nothing grows any more: a fifth of all
TOGETHER = 2_000  # messages that are made and sent in one go
BEHIND = 10_000  # messages that may wait for the judge
SESSIONS = 8
PEOPLE = 20_000  # so that no folder is flooded: what comes within an hour here is months of mail
PERSON = """
[[person]]
uid = "person{0}"
name = "Person {0}"
department = "{1}"
mailbox = "person{0}@{2}"
"""
ROLES = frozenset({"receive", "judge", "relay", "upkeep", "recall", "api"})
MEGABYTE = 1024  # in the kB of /proc

Reading = Mapping[str, tuple[float, float]]
"""MB of each process now, and at most so far, by its role."""


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--messages", type=int, default=MESSAGES)
    given = wanted.parse_args()
    watch, begun = processor.Watch(()), time.monotonic()
    readings: list[Reading] = []
    with processes.short_directory("memory") as directory, contextlib.suppress(KeyboardInterrupt):
        for reading in read_often(directory, given.messages):
            readings.append(reading)
    if len(readings) <= SETTLED:
        print("\nbroken off before anything could have settled: nothing to tell")
        return 1
    messages = given.messages * len(readings) // READINGS
    print(f"\n{messages:,} messages in {(time.monotonic() - begun) / 60:.0f} minutes; MB that each process takes")
    printing.print_table(
        ("", *(f"{(at + 1) / READINGS:.0%}" for at in range(0, len(readings), 3)), "most ever", "growth"),
        [
            (
                role,
                *(f"{readings[at][role][0]:.0f}" for at in range(0, len(readings), 3)),
                f"{readings[-1][role][1]:.0f}",
                f"{compute_growth(readings, role):.2f} ×",
            )
            for role in sorted(readings[-1])
        ],
    )
    most = {role: ever for role, (_, ever) in readings[-1].items()}
    goals.print_goals(
        {
            "memory.receive": max(most["receive"], most["receive's children"]),
            "memory.judge": most["judge"],
            "memory.growth": max(compute_growth(readings, role) for role in readings[-1]),
        },
        of=messages,
        whole=MESSAGES,
    )
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", others=[watch.stop()[2]])
    return 0


def compute_growth(readings: Sequence[Reading], role: str) -> float:
    """The most a process has ever taken, to the most until the first fifth was through."""
    return readings[-1][role][1] / readings[SETTLED - 1][role][1]


def read_often(directory: Path, count: int) -> Iterator[Reading]:
    """Send so many, and read after every twentieth of them."""
    site = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
    site.lay_out()
    people = (PERSON.format(number, ("it", "sales")[number % 2], DOMAIN) for number in range(PEOPLE))
    (directory / "company.toml").write_text(company.DIRECTORY + "".join(people))
    (directory / "outside.zone").write_text(signed_messages.make_zone())
    site.run("sync", check=True)
    for domain in signed_messages.DOMAINS[::5]:
        site.run("allow", domain.name, check=True)
    site.start()
    assert site.process is not None
    chance, sent = random.Random(1), 0
    with contextlib.closing(sqlite3.connect(f"file:{directory}/mailroom.db?mode=ro", uri=True)) as record:

        def wait_for(entered: int) -> None:
            processes.until(
                lambda: count_later(record, newest) >= entered, f"{entered} messages are judged", site.process, site.log, patience=600
            )

        try:
            for number in range(1, READINGS + 1):
                (newest,) = record.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()
                before, end = sent, count * number // READINGS
                while sent < end:
                    group = [make_message(one, chance) for one in range(sent, min(sent + TOGETHER, end))]
                    Sending(site.smtp_port, group, SESSIONS).finish()
                    sent += len(group)
                    wait_for(sent - before - BEHIND)
                wait_for(sent - before)
                yield read_processes(site.process.pid)
                print(f"{number / READINGS:.0%}", end=" ", flush=True)
        finally:
            processes.stop(site.process, signal.SIGTERM)


def count_later(record: sqlite3.Connection, newest: int) -> int:
    """Count the messages after this one; ids grow with time."""
    found: int = record.execute("SELECT count(*) FROM message WHERE id > ?", (newest,)).fetchone()[0]
    return found


def read_processes(pid: int) -> Reading:
    """`mailroom serve`, every role that it has started, and what these have started; of several of a kind the largest."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    found["serve"].append(read_memory(pid))
    for one in processes.list_descendants(pid):
        role = role_of(one)
        if role in ROLES:
            found[role].append(read_memory(one))
            found[f"{role}'s children"] += [read_memory(each) for each in processes.list_descendants(one)]
    return {role: (max(now for now, _ in all_of), max(ever for _, ever in all_of)) for role, all_of in found.items() if all_of}


def read_memory(pid: int) -> tuple[float, float]:
    """VmRSS and VmHWM of a process, in MB (proc_pid_status(5))."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / MEGABYTE, int(fields["VmHWM"].split()[0]) / MEGABYTE


def make_message(number: int, chance: random.Random) -> Sent:
    """Makes a message from a sender who has never written before."""
    known = number % 3 > 0
    domain = chance.choice(signed_messages.DOMAINS).name if known else f"new{number}.example"
    author, to = f"{signed_messages.make_words(chance, 12).replace(' ', '')}{number}@{domain}", f"person{chance.randrange(PEOPLE)}@{DOMAIN}"
    fields = f"From: {author}\r\nTo: {to}\r\nSubject: {signed_messages.make_words(chance, 40)}\r\nMessage-ID: <{number}@{domain}>\r\n"
    return Sent(f"bounces@{domain}", to, f"{fields}\r\n{signed_messages.make_paragraphs(chance, 1_700)}".encode(), proven=known)


if __name__ == "__main__":
    sys.exit(main())
