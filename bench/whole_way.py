"""Claim: what a message costs on its whole way in, from the first connection to the row that staff see, on SQLite.

`mailroom receive` and `mailroom judge` (with its parser children) take 20 KB of signed mail from 50 domains: SPF, DKIM
and DMARC, parsing, signals, policy, the record. DNS answers from a zone file. There are two ways: `measure_live`, mail comes in
while the judge works, and `measure_apart`, the judge is stopped (SIGSTOP) until the spool is filled, so that each part is seen
alone. Measured against its own limit only, which is what both processors could do if nothing ever waited.
`--rounds N --messages N` for other numbers.
"""

import argparse
import contextlib
import functools
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence

from bench.rounds import goals, printing, processor, roles, signed_messages
from bench.rounds.alternating import Sample, measure_medians
from bench.rounds.sessions import Sending
from bench.rounds.signed_messages import Sent
from tests.peers import processes
from tests.peers.company import Company

MESSAGES = 600
WARM_UP = 50  # messages, so that parser children run and statements are compiled
SESSIONS = 20
ROUNDS = 3


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--rounds", type=int, default=ROUNDS)
    wanted.add_argument("--messages", type=int, default=MESSAGES)
    given = wanted.parse_args()
    written = signed_messages.make_messages(WARM_UP + given.messages)
    warm_up, load = written[:WARM_UP], written[WARM_UP:]
    ways = {"live": functools.partial(measure_live, warm_up, load), "apart": functools.partial(measure_apart, warm_up, load)}
    figures = measure_medians(ways, given.rounds)
    print(f"{given.messages} signed messages, {SESSIONS} sessions, one message a connection, medians of {given.rounds} rounds")
    print_report(figures["live"], figures["apart"], sum(len(letter.raw) for letter in load) / len(load))
    return 0


class House:
    """A fresh company with receiver and judge at work."""

    def __init__(self, stack: contextlib.ExitStack, warm_up: Sequence[Sent]) -> None:
        directory = stack.enter_context(processes.short_directory("way"))
        self.company = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
        self.company.lay_out()
        (directory / "outside.zone").write_text(signed_messages.make_zone())
        self.company.run("sync", check=True)
        self.judge = stack.enter_context(roles.start_role(self.company, "judge"))
        processes.until((directory / "spool" / "door.snapshot").exists, "the judge writes the recipient map", log=self.company.log)
        self.receive = stack.enter_context(roles.start_receive(self.company))
        self.database = stack.enter_context(contextlib.closing(sqlite3.connect(f"file:{directory}/mailroom.db?mode=ro", uri=True)))
        Sending(self.company.smtp_port, warm_up, SESSIONS).finish()
        self.wait_for(len(warm_up))

    def wait_for(self, count: int) -> None:
        """Wait until so many messages are in the audit log."""
        processes.until(lambda: self.count("SELECT count(*) FROM message") >= count, f"{count} messages are entered", log=self.company.log)

    def count(self, query: str) -> int:
        """A number from the record."""
        found: int = self.database.execute(query).fetchone()[0]
        return found

    def check(self, expected: Sequence[Sent]) -> None:
        """Checks that each message is there once, and proven when its author can be proven."""
        assert self.count("SELECT count(*) FROM delivery") == len(expected)
        proven = self.count("SELECT count(*) FROM delivery WHERE proof <> ''")
        assert proven == sum(letter.proven for letter in expected), f"{proven} are proven"


def measure_live(warm_up: Sequence[Sent], load: Sequence[Sent]) -> Sample:
    """Mail comes in while the judge works."""
    with contextlib.ExitStack() as stack:
        house = House(stack, warm_up)
        watch, judge_alone = processor.Watch((house.receive, house.judge)), processor.own_seconds(house.judge)
        sending = Sending(house.company.smtp_port, load, SESSIONS)
        house.wait_for(len(warm_up) + len(load))
        passed = time.monotonic() - watch.started
        acknowledged = sending.finish()
        judge_alone = processor.own_seconds(house.judge) - judge_alone
        _, (received, judged), others = watch.stop()
        house.check([*warm_up, *load])
    each = 1000 / len(load)
    return {
        "acknowledged": len(load) / acknowledged,
        "filed": len(load) / passed,
        "receive": received * each,
        "judge": judge_alone * each,
        "parsers": (judged - judge_alone) * each,
        "cpu": (received + judged) * each,
        "others": others,
    }


def measure_apart(warm_up: Sequence[Sent], load: Sequence[Sent]) -> Sample:
    """The spool fills first; then the judge empties it."""
    with contextlib.ExitStack() as stack:
        house = House(stack, warm_up)
        os.kill(house.judge, signal.SIGSTOP)
        acknowledged = Sending(house.company.smtp_port, load, SESSIONS).finish()
        watch = processor.Watch((house.judge,))
        os.kill(house.judge, signal.SIGCONT)
        house.wait_for(len(warm_up) + len(load))
        passed, (judged,), others = watch.stop()
        house.check([*warm_up, *load])
    return {"acknowledged": len(load) / acknowledged, "filed": len(load) / passed, "cpu": judged * 1000 / len(load), "others": others}


def print_report(live: Sample, apart: Sample, size: float) -> None:
    """The table."""
    cores = os.cpu_count() or 1
    limit = cores * 1000 / live["cpu"]
    printing.print_table(
        (f"of {size / 1024:.0f} KB", "messages/s", "to its limit", "CPU ms/message"),
        [
            ("live: acknowledged", f"{live['acknowledged']:,.0f}", "", f"{live['receive']:.2f}"),
            ("live: judged and stored", f"{live['filed']:,.0f}", printing.format_ratio(live["filed"], limit), f"{live['cpu']:.2f}"),
            ("  of this receive", "", "", f"{live['receive']:.2f}"),
            ("  of this judge", "", "", f"{live['judge']:.2f}"),
            ("  of this parser children", "", "", f"{live['parsers']:.2f}"),
            (f"its limit: {cores} processors, never idle", f"{limit:,.0f}", "1.00 ×", ""),
            ("apart: acknowledged, judge stopped", f"{apart['acknowledged']:,.0f}", "", ""),
            ("apart: judged from a full spool", f"{apart['filed']:,.0f}", "", f"{apart['cpu']:.2f}"),
        ],
    )
    goals.print_goals({"pipeline.cpu": live["cpu"]})
    print("The same load beside Postfix with Rspamd, and with OpenDKIM and OpenDMARC: bench/pipeline.py")
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", others=[live["others"], apart["others"]])


if __name__ == "__main__":
    sys.exit(main())
