"""Short form of the benchmarks: those of speed with small numbers, in ten minutes. `make bench-short`, before and after a change.

Figures that a smaller number changes are shown with it and not judged. The table shows beside each figure that of the short run before;
nothing is put on record.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.rounds import printing
from bench.rounds.goals import GOALS, judge_figure
from bench.rounds.verdict import Figure, read_latest

LATEST, BEFORE = Path("var/bench/short"), Path("var/bench/short-before")
LONGEST = 240  # seconds of one program; it is ended then
PROGRAMS = {
    "receive": "--rounds 1 --messages 400 --sizes 20",
    "whole_way": "--rounds 1 --messages 400",
    "judges": "--rounds 1 --messages 400",
    "relay": "--rounds 1 --messages 300",
    "arrival": "--burst 150 --messages 150",
    "mail_auth": "",
    "campaigns": "--sizes 10000 --copies 20",
    "purge": "--size 20000 --waves 500 --rounds 1",
    "queue_rows": "--size 10000 --reads 20",
    "search": "--size 20000 --reads 12",
    "start": "--spool 2000 --times 2",
}


def main(programs: list[str]) -> int:
    """Run them, or those that are named; 1 where one did not come to its end."""
    shutil.rmtree(BEFORE, ignore_errors=True)
    if LATEST.exists():
        LATEST.rename(BEFORE)
    failed = [name for name in programs or PROGRAMS if not run_program(name)]
    print(printing.describe_machine())
    printing.print_table(("", "wanted", "measured", "", "before", "to it"), format_rows(read_latest(LATEST), read_latest(BEFORE)))
    for name in failed:
        print(f"mailroom: bench/{name}.py did not come to its end", file=sys.stderr)
    return 1 if failed else 0


def run_program(name: str) -> bool:
    """Run a benchmark; whether it came to its end."""
    begun = time.monotonic()
    command = [sys.executable, "-P", f"bench/{name}.py", *PROGRAMS[name].split()]
    try:
        status = subprocess.run(command, env=os.environ | {"MAILROOM_MEASURED": str(LATEST)}, timeout=LONGEST, check=False).returncode
    except subprocess.TimeoutExpired:
        status = 1
    print(f"== bench/{name}.py {PROGRAMS[name]}: {time.monotonic() - begun:.0f} s\n", flush=True)
    return status == 0


def format_rows(latest: Mapping[str, Figure], before: Mapping[str, Figure]) -> list[tuple[str, ...]]:
    """The goals that were measured, as the table shows them."""
    return [format_row(name, now, before.get(name)) for name in GOALS if (now := latest.get(name))]


def format_row(name: str, now: Figure, before: Figure | None) -> tuple[str, ...]:
    """A goal that was measured, beside the figure of the run before."""
    goal = GOALS[name]
    met = judge_figure(goal, now.value) if now.counts else f"with {now.of:,} only"
    if before is None:
        return goal.words, goal.wanted, goal.shown(now.value), met, "-", ""
    change = printing.format_ratio(now.value, before.value) if before.value else ""
    return goal.words, goal.wanted, goal.shown(now.value), met, goal.shown(before.value), change


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
