"""Claim: what a message costs from the first connection to where people have it, beside what a company would run instead.

20 KB of signed mail from 50 domains over 20 sessions. Beside it the same load through Postfix with an SPF policy server,
OpenDKIM and OpenDMARC, and through Postfix with Rspamd (authentication only), both into Dovecot's mailboxes. Of Mailroom
two ways: `held`, everything is in the audit log where staff see and find it; `measure_delivered`, what is allowed and proven (nine of
ten) lies in the same Dovecot, and the rest is held. Answers of DNS are cached everywhere; its own processor time is in no figure.
"""

import argparse
import contextlib
import functools
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine, text

from bench.rounds import discarding, goals, printing, processor, roles, signed_messages, stacks
from bench.rounds.alternating import Sample, measure_medians
from bench.rounds.sessions import Sending
from bench.rounds.signed_messages import Sent
from tests.peers import postgresql, processes
from tests.peers.company import Company
from tests.peers.mail import dovecot
from tests.triage import arriving
from triage.config import settings_loader
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.store import db
from triage.times import utcnow

WARM_UP = 100  # messages, so that children run, answers are cached and statements are compiled
SESSIONS = 20
PEERS = ("opendkim", "rspamd")


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--messages", type=int, default=600)
    given = wanted.parse_args()
    written = signed_messages.make_messages(WARM_UP + given.messages)
    load = written[:WARM_UP], written[WARM_UP:]
    try:
        with postgresql.start_cluster() as server, stacks.start_stacks(signed_messages.make_zone()) as peers:
            ways: dict[str, Callable[[], Sample]] = {
                "held": functools.partial(measure_ours, load, None),
                "held, PostgreSQL": functools.partial(measure_ours, load, server),
                "delivered": functools.partial(measure_delivered, load),
                "opendkim": functools.partial(measure_theirs, load, peers["opendkim"]),
                "rspamd": functools.partial(measure_theirs, load, peers["rspamd"]),
            }
            figures = measure_medians(ways, given.rounds)
    except processes.Missing as peer:
        return printing.print_missing(peer)
    print_report(figures, given.messages, given.rounds, sum(len(letter.raw) for letter in load[1]) / given.messages)
    return 0


Load = tuple[Sequence[Sent], Sequence[Sent]]


class House:
    """A fresh company with the roles that are wanted."""

    def __init__(
        self, stack: contextlib.ExitStack, server: postgresql.Server | None, judges: int, next_hop: str = "", policy: str = ""
    ) -> None:
        """`policy`: further lines of this section of the settings."""
        directory = stack.enter_context(processes.short_directory("pipeline"))
        url = server.create(directory.name) if server else f"sqlite:///{directory}/mailroom.db"
        self.company = Company(directory, url, next_hop or f"maildir:{directory}/mailboxes")
        self.company.lay_out()
        written = directory / "mailroom.toml"
        written.write_text(written.read_text("utf-8").replace("[policy]\n", f"[policy]\n{policy}\n"), "utf-8")
        (directory / "outside.zone").write_text(signed_messages.make_zone())
        self.company.run("sync", check=True)
        self.engine: Engine = db.open_engine(url)
        stack.callback(self.engine.dispose)
        if next_hop:
            self.allow()
        self.judges = [stack.enter_context(roles.start_role(self.company, "judge")) for _ in range(judges)]
        snapshot = directory / "spool" / "door.snapshot"
        processes.until(snapshot.exists, "the judge writes the recipient map", log=self.company.log)
        self.receive = stack.enter_context(roles.start_receive(self.company))
        self.relay = stack.enter_context(roles.start_role(self.company, "relay")) if next_hop else 0

    def allow(self) -> None:
        """Allow every sender with proof."""
        settings = settings_loader.read_settings(str(self.company.directory / "mailroom.toml"))
        with db.transaction(self.engine) as session:
            for domain in signed_messages.DOMAINS:
                rules.add_rule(
                    session, RuleOrder("allow", "domain", domain.name, "company"), by=arriving.IDA, now=utcnow(), settings=settings
                )

    def count(self, where: str = "") -> int:
        """Deliveries in the audit log."""
        with db.read_transaction(self.engine) as session:
            return int(session.scalar(text(f"SELECT count(*) FROM delivery {where}")) or 0)

    def wait_for(self, count: int, look: Callable[[], int] | None = None) -> None:
        """Wait until so many are there."""
        processes.until(lambda: (look or self.count)() >= count, f"{count} messages are through", log=self.company.log)

    def check(self, expected: Sequence[Sent]) -> None:
        """Checks that each message is there once, and proven when its author can be proven."""
        assert self.count() == len(expected)
        proven = self.count("WHERE proof <> ''")
        assert proven == sum(letter.proven for letter in expected), f"{proven} are proven"


def measure_ours(load: Load, server: postgresql.Server | None) -> Sample:
    """Mail comes in while one judge works, until staff could see the last one."""
    with contextlib.ExitStack() as stack:
        house = House(stack, server, 1)
        warm_up, measured = load
        Sending(house.company.smtp_port, warm_up, SESSIONS).finish()
        house.wait_for(len(warm_up))
        watched = (house.receive, house.judges[0]) if server is None else (house.receive, house.judges[0], find_backends(server))
        judge = processor.own_seconds(house.judges[0])
        sample = passed_through(house.company.smtp_port, measured, watched, lambda: house.wait_for(len(warm_up) + len(measured)))
        judge = processor.own_seconds(house.judges[0]) - judge
        house.check([*warm_up, *measured])
    return {**sample, "judge": judge * 1000 / len(measured)}


def measure_delivered(load: Load) -> Sample:
    """The same, until what is allowed lies in Dovecot's mailboxes."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(dovecot.running(more=stacks.LMTP_WITHOUT_PAUSE))
        house = House(stack, None, 1, f"lmtp://127.0.0.1:{store.lmtp_port}")
        assert store.process is not None
        warm_up, measured = load
        places = store.directory / "mail"
        Sending(house.company.smtp_port, warm_up, SESSIONS).finish()
        house.wait_for(len(warm_up))
        settled = "WHERE state IN ('held', 'delivered')"
        house.wait_for(len(warm_up), lambda: house.count(settled))
        before = stacks.in_mailboxes(places)
        going = sum(letter.proven for letter in measured)
        watched = (house.receive, *house.judges, house.relay, store.process.pid)

        def through() -> None:
            house.wait_for(len(warm_up) + len(measured))
            house.wait_for(len(warm_up) + len(measured), lambda: house.count(settled))

        sample = passed_through(house.company.smtp_port, measured, watched, through)
        assert stacks.in_mailboxes(places) - before == going
    return sample


def measure_theirs(load: Load, stack: stacks.Stack) -> Sample:
    """A company's usual way, until everything lies in Dovecot's mailboxes."""
    warm_up, measured = load
    before = stack.filed(), stack.proven()

    def through(wanted: int) -> None:
        processes.until(lambda: stack.filed() - before[0] >= wanted, f"{wanted} are filed")

    Sending(stack.port, warm_up, SESSIONS).finish()
    through(len(warm_up))
    sample = passed_through(stack.port, measured, stack.pids, lambda: through(len(warm_up) + len(measured)))
    assert stack.filed() - before[0] == len(warm_up) + len(measured)
    # the peer has come to the verdicts that we come to, or it was another work that it did
    assert stack.proven() - before[1] == sum(letter.proven for letter in (*warm_up, *measured))
    return sample


def passed_through(port: int, measured: Sequence[Sent], watched: tuple[int, ...], arrived: Callable[[], None]) -> Sample:
    """Send all of it and wait until it has arrived."""
    watch = processor.Watch(watched)
    sending = Sending(port, measured, SESSIONS)
    arrived()
    passed = time.monotonic() - watch.started
    acknowledged = sending.finish()
    _, used, others = watch.stop()
    each = 1000 / len(measured)
    return {"acknowledged": len(measured) / acknowledged, "filed": len(measured) / passed, "cpu": sum(used) * each, "others": others}


def find_backends(server: postgresql.Server) -> int:
    """PostgreSQL's own processor time counts too."""
    return int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0])


def print_report(figures: dict[str, dict[str, float]], messages: int, rounds: int, size: float) -> None:
    """The tables."""
    print(f"{messages} signed messages of {size / 1024:.0f} KB, {SESSIONS} sessions, one message a connection, medians of {rounds} rounds")
    ways = ("held", "held, PostgreSQL", "delivered", "opendkim", "rspamd")
    printing.print_table(
        ("", "acknowledged/s", "filed/s", "CPU ms/message"),
        [
            (name, *(f"{figures[name][value]:,.{digits}f}" for value, digits in (("acknowledged", 0), ("filed", 0), ("cpu", 2))))
            for name in ways
        ],
    )
    goals.print_goals(pick_goals(figures))
    printing.print_machine(
        f"SQLite {sqlite3.sqlite_version}", discarding.postfix_version(), others=[one["others"] for one in figures.values()]
    )


def pick_goals(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the figure of each goal."""
    own = figures["held"]
    beside = {f"pipeline.{peer}": own["filed"] / figures[peer]["filed"] for peer in PEERS}
    return {**beside, "pipeline.cpu": own["cpu"]}


if __name__ == "__main__":
    sys.exit(main())
