"""Claim: a relayed message costs 0.6 ms of our processor time, and one message to 600 people goes in 6 transactions.

`mailroom relay` takes released mail of 20 KB from an SQLite queue and hands it to Dovecot by LMTP, or to Postfix by
SMTP. Beside it Postfix's own load generator straight into the same server with as many sessions, which keeps no queue,
no record and no attempt. Then single releases at half of that rate: from the release's commit to the next hop's yes.
`--rounds N --messages N` for other numbers.
"""

import argparse
import contextlib
import functools
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bench.rounds import discarding, goals, printing, processor, releasing, roles, smtp_source
from bench.rounds.alternating import Sample, measure_medians
from tests.peers import processes
from tests.peers.company import DOMAIN, Company
from tests.peers.mail import dovecot, next_hop
from triage.store import db

MESSAGES = 1000
SIZE = 20 * 1024
SESSIONS = 4  # connections of each contender
PEOPLE = 600
TOGETHER = 100  # recipients of a transaction
SINGLE = 120  # releases, one after the other
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class House:
    """A company whose relay works towards one next hop."""

    company: Company
    engine: Engine
    pid: int

    @property
    def spool(self) -> Path:
        """Spool directory with the relay's wake-up pipe."""
        return self.company.directory / "spool"


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--rounds", type=int, default=ROUNDS)
    wanted.add_argument("--messages", type=int, default=MESSAGES)
    given = wanted.parse_args()
    with contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(dovecot.running())
            postfix, postfix_pid = stack.enter_context(discarding.postfix_discarding())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        assert store.process is not None
        into_dovecot = start_house(stack, f"lmtp://127.0.0.1:{store.lmtp_port}")
        into_postfix = start_house(stack, f"smtp://127.0.0.1:{postfix.port}")
        contenders: dict[str, Callable[[], Sample]] = {
            "Dovecot: mailroom relay": functools.partial(relay_single, into_dovecot, store.process.pid, given.messages),
            "Dovecot: smtp-source": functools.partial(run_source, store.lmtp_port, store.process.pid, given.messages, lmtp=True),
            "Postfix: mailroom relay": functools.partial(relay_single, into_postfix, postfix_pid, given.messages),
            "Postfix: smtp-source": functools.partial(run_source, postfix.port, postfix_pid, given.messages, lmtp=False),
            f"Dovecot, {PEOPLE} people: mailroom relay": functools.partial(relay_together, into_dovecot, store.process.pid),
            f"Dovecot, {PEOPLE} people: smtp-source": functools.partial(sourced_together, store.lmtp_port, store.process.pid),
        }
        for run in contenders.values():
            run()  # mailboxes come into being, statements are compiled
        figures = measure_medians(contenders, given.rounds)
        print_report(figures, given.messages, given.rounds)
        ours = figures["Dovecot: mailroom relay"]
        goals.print_goals({"relay.cpu": ours["relay"], "relay.together": count_transactions(stack)})
        measure_releases(into_dovecot, ours["rate"] / 2)
        printing.print_machine(
            discarding.postfix_version(), f"Dovecot {read_version()}", others=[one["others"] for one in figures.values()]
        )
    return 0


def start_house(stack: contextlib.ExitStack, url: str) -> House:
    """A relay at work for this next hop."""
    directory = stack.enter_context(processes.short_directory("relay"))
    company = Company(directory, f"sqlite:///{directory}/mailroom.db", url)
    company.lay_out()
    engine = db.open_engine(company.database)
    stack.callback(engine.dispose)
    return House(company, engine, stack.enter_context(roles.start_role(company, "relay")))


def relay_single(at: House, peer: int, messages: int) -> Sample:
    """A queue of single messages."""
    ids = releasing.prepare_messages(at.engine, [[f"joe{number % SESSIONS}@{DOMAIN}"] for number in range(messages)], SIZE)
    return time_work(peer, at.pid, messages, functools.partial(empty_queue, at, ids))


def relay_together(at: House, peer: int) -> Sample:
    """Measures one message to many recipients."""
    ids = releasing.prepare_messages(at.engine, [[f"person{number}@{DOMAIN}" for number in range(PEOPLE)]], SIZE)
    return time_work(peer, at.pid, PEOPLE, functools.partial(empty_queue, at, ids))


def count_transactions(stack: contextlib.ExitStack) -> int:
    """Count the SMTP transactions for one message to many recipients, at a next hop that counts them."""
    counting = stack.enter_context(next_hop.next_hop(lmtp=True))
    at = start_house(stack, counting.url)
    empty_queue(at, releasing.prepare_messages(at.engine, [[f"person{number}@{DOMAIN}" for number in range(PEOPLE)]], SIZE))
    return counting.transactions


def empty_queue(at: House, ids: list[int]) -> None:
    """Let them go, and wait until the last is in the audit log as delivered."""
    releasing.make_due(at.engine, at.spool, ids)
    processes.until(lambda: releasing.count_delivered(at.engine, ids) == len(ids), "everything is delivered", log=at.company.log)


def run_source(port: int, peer: int, messages: int, *, lmtp: bool) -> Sample:
    """The load generator alone."""
    send = functools.partial(
        smtp_source.send_messages, port, messages=messages, size=SIZE, sessions=SESSIONS, to=f"ann@{DOMAIN}", reuse=True, lmtp=lmtp
    )
    return time_work(peer, 0, messages, send)


def sourced_together(port: int, peer: int) -> Sample:
    """The load generator with as many recipients a transaction."""
    messages = math.ceil(PEOPLE / TOGETHER)
    send = functools.partial(
        smtp_source.send_messages,
        port,
        messages=messages,
        size=SIZE,
        sessions=SESSIONS,
        to=f"ann@{DOMAIN}",
        reuse=True,
        lmtp=True,
        recipients=TOGETHER,
    )
    return time_work(peer, 0, PEOPLE, send)


def time_work(peer: int, own: int, count: int, work: Callable[[], object]) -> Sample:
    """Deliveries a second, and processor time of the relay and of the server for each."""
    watch = processor.Watch((peer, own) if own else (peer,))
    work()
    passed, trees, others = watch.stop()
    theirs, ours = trees[0], trees[1] if own else 0.0
    return {"rate": count / passed, "server": theirs / count * 1000, "relay": ours / count * 1000, "others": others}


def measure_releases(at: House, rate: float) -> None:
    """Releases at half load, and the table of how long each took."""
    ids = releasing.prepare_messages(at.engine, [[f"joe{number % SESSIONS}@{DOMAIN}"] for number in range(SINGLE)], SIZE)
    begun = time.monotonic()
    for number, one in enumerate(ids):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        releasing.make_due(at.engine, at.spool, [one])
    processes.until(lambda: releasing.count_delivered(at.engine, ids) == len(ids), "everything is delivered", log=at.company.log)
    waited = releasing.read_delays(at.engine, ids)
    fsync = printing.fsync_milliseconds()
    print(f"{SINGLE} releases at {rate:.0f} a second, from the commit to Dovecot's yes, milliseconds (one fsync: {fsync:.2f})")
    printing.print_table(("", "p50", "p99"), [("measured", f"{waited[len(waited) // 2]:.1f}", f"{waited[int(len(waited) * 0.99)]:.1f}")])


def print_report(figures: dict[str, dict[str, float]], messages: int, rounds: int) -> None:
    """Each pair, with its ratio."""
    print(f"{messages} messages of {SIZE // 1024} KB over {SESSIONS} connections, medians of {rounds} alternating rounds")
    rows = []
    for name, figure in figures.items():
        beside = figures[name.partition(":")[0] + ": smtp-source"]
        rows.append(
            (
                name,
                f"{figure['rate']:.0f}",
                printing.format_ratio(figure["rate"], beside["rate"]),
                f"{figure['relay']:.2f}",
                f"{figure['server']:.2f}",
            )
        )
    printing.print_table(("", "deliveries/s", "to smtp-source", "relay CPU ms", "server CPU ms"), rows)


def read_version() -> str:
    """Return Dovecot's version."""
    return ".".join(map(str, dovecot.read_version(processes.need("dovecot", dovecot.PACKAGES))))


if __name__ == "__main__":
    sys.exit(main())
