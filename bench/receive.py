"""Claim: the SMTP server acknowledges durably stored mail faster than Postfix, for less processor time.

`mailroom receive` with one and with two workers, a stock Postfix that discards what it has queued, and aiosmtpd with an
fsync a message take the same unsigned mail from smtp-source over 20 sessions: 5, 20 and 50 KB, one message a connection
and connections used again. All of them have synced a message before they acknowledge it. Two more store nothing: the
ceiling, which is the bare chunked loop in Python, and smtp-sink, which shows what the client itself can do.

`bench/receive.py [--rounds N] [--messages N] [--sizes KB,KB]`
"""

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable, Mapping

from bench.rounds import discarding, goals, printing, smtp_servers
from bench.rounds.alternating import measure_medians
from tests.peers import processes

CONTENDERS: dict[str, Callable[[], contextlib.AbstractContextManager[smtp_servers.Run]]] = {
    "mailroom receive": functools.partial(smtp_servers.start_mailroom, 1),
    "mailroom receive, 2 workers": functools.partial(smtp_servers.start_mailroom, 2),
    "Postfix, discards": smtp_servers.start_postfix,
    "aiosmtpd, an fsync a message": smtp_servers.stock_aiosmtpd,
    "ceiling, stores nothing": smtp_servers.start_ceiling,
    "smtp-sink, stores nothing": smtp_servers.start_sink,
}
ONE, TWO, PEER, STOCK, CEILING, SINK = CONTENDERS
WAYS = {False: "one message a connection", True: "connections used again"}
GOALS = {  # on 20 KB: whether connections are used again, contender, peer, figure
    "receive.one": (False, ONE, PEER, "rate"),
    "receive.again": (True, ONE, PEER, "rate"),
    "receive.cpu-one": (False, ONE, "", "cpu"),
    "receive.cpu-again": (True, ONE, "", "cpu"),
}
GOAL_SIZE = 20  # KB

Figures = Mapping[tuple[int, bool, str], Mapping[str, float]]


def main() -> int:
    """Measure and print."""
    wanted = parse_arguments()
    with contextlib.ExitStack() as stack:
        try:
            runs = {name: stack.enter_context(start()) for name, start in CONTENDERS.items()}
        except processes.Missing as missing:
            return printing.print_missing(missing)
        figures = measure_medians(
            {
                (size, reuse, name): functools.partial(run, wanted.messages, size * 1024, reuse)
                for size in wanted.sizes
                for reuse in WAYS
                for name, run in runs.items()
            },
            wanted.rounds,
        )
    for size in wanted.sizes:
        print(
            f"{size} KB, {wanted.messages} messages a run, {smtp_servers.SESSIONS} sessions, medians of {wanted.rounds} alternating rounds"
        )
        print_report(size, figures)
    if GOAL_SIZE in wanted.sizes:
        goals.print_goals({name: read_figure(figures, *what) for name, what in GOALS.items()})
    printing.print_machine(discarding.postfix_version(), others=[one["others"] for one in figures.values()])
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the numbers of rounds and messages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1500)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[5, 20, 50])
    return parser.parse_args()


def print_report(size: int, figures: Figures) -> None:
    """The table of one size."""
    rows = []
    for reuse, way in WAYS.items():
        for name in CONTENDERS:
            own, peer, most = (figures[size, reuse, one] for one in (name, PEER, CEILING))
            ratios = (printing.format_ratio(own["rate"], peer["rate"]), printing.format_ratio(own["rate"], most["rate"]))
            rows.append(
                (f"{way}: {name}", f"{own['rate']:,.0f}", *ratios, f"{own['cpu']:.2f}", printing.format_ratio(own["cpu"], peer["cpu"]))
            )
    printing.print_table(("", "acknowledged/s", "to Postfix", "to the ceiling", "CPU ms/message", "to Postfix"), rows)


def read_figure(figures: Figures, reuse: bool, name: str, peer: str, figure: str) -> float:
    """A figure, beside a peer's as a ratio."""
    return figures[GOAL_SIZE, reuse, name][figure] / (figures[GOAL_SIZE, reuse, peer][figure] if peer else 1)


if __name__ == "__main__":
    sys.exit(main())
