"""Claim: of 1,000,000 deliveries one sender's 500 held messages are purged, and held again, in 50 ms; 50,000 in 1.5 s.

The verbs of the house, as console and shell call them, from the call to the commit: the deliveries, the record with an outcome for each,
the way back, the audit record. Beside them what is asked before (the evidence sheet) and the floor: a bare UPDATE of the same rows. Each
with its processor time, and what it wrote: SQLite all files, PostgreSQL its WAL. Above 1,000 messages the verbs are carried out in slices,
as upkeep does it. Meanwhile another process lets messages in and decides about them: the longest time that it waited, and beside it the
same with nobody else there.

`--before COMMIT` runs an earlier commit in turn with this one. `--size N --waves 500,5000,50000 --rounds N` for other numbers.
SQLite (WAL, synchronous=FULL) and PostgreSQL (as it comes, fsync on).
"""

import contextlib
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.rounds import goals, printing, processor
from bench.rounds.alternating import Samples, run_alternating
from tests.peers import postgresql, processes

HERE = Path(__file__).parents[1]
NOW = "this commit"
WORK = {"evidence": "evidence sheet", "purge": "purge", "undo": "undo", "floor": "a bare UPDATE"}
VISITS = 2.0  # seconds of visits with nobody else there


def given(name: str, usual: str) -> str:
    """A value of the command line."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else usual


SIZE = int(given("--size", "1000000"))  # deliveries
WAVES = {f"wave{count}@bomber.example": count for count in map(int, given("--waves", "500,5000,50000").split(","))}
ROUNDS = int(given("--rounds", "5"))
Answer = dict[str, Any]


class Worker:
    """A process that carries out orders in the tree of a commit."""

    def __init__(self, tree: Path, url: str) -> None:
        command = [sys.executable, "-P", str(HERE / "bench/rounds/purging.py"), url]
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, **streams)

    def begin(self, *order: Any) -> None:
        """Send an order."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def end(self) -> Answer:
        """Wait for the answer."""
        assert self.process.stdout
        answer: Answer = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, *order: Any) -> Answer:
        """Send an order, and wait for its answer."""
        self.begin(*order)
        return self.end()

    def close(self) -> None:
        """No more orders."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Contender:
    """A commit on one kind of database."""

    kind: str
    commit: str
    worker: Worker
    visitor: Worker


def main() -> int:
    """Measure and print."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.short_directory("purge"))
        try:
            server = stack.enter_context(postgresql.start_cluster())
        except processes.Missing as missing:
            return printing.print_missing(missing)
        trees = {NOW: HERE}
        if before := given("--before", ""):
            trees = {before: stack.enter_context(check_out(before, directory / "before")), NOW: HERE}
        contenders = [one for commit, tree in trees.items() for one in open_contenders(stack, commit, tree, directory, server)]
        waves = sorted(WAVES.items(), key=lambda wave: wave[1])
        versions = {one.kind: one.worker.ask("fill", SIZE, waves)["version"] for one in contenders}
        postmaster = int((server.directory / "data" / "postmaster.pid").read_text().split()[0])
        watch = processor.Watch((postmaster, *(one.process.pid for each in contenders for one in (each.worker, each.visitor))))
        alone = {one: visit_alone(one) for one in contenders}
        measured: dict[str, float] = {}
        for sender, count in waves:
            for one in contenders:
                one.worker.ask("round", sender, count)  # the first one compiles its statements
            runs = run_alternating({one: functools.partial(run_round, one, sender, count) for one in contenders}, ROUNDS)
            report_wave(count, runs)
            report_waits(runs, alone)
            measured |= pick_goals(count, {one: samples for one, samples in runs.items() if one.commit == NOW})
        others = watch.stop()[2]
    goals.print_goals(measured, of=SIZE, whole=1_000_000)
    printing.print_machine(*versions.values(), others=[others])
    return 0


@contextlib.contextmanager
def check_out(commit: str, place: Path) -> Iterator[Path]:
    """The tree of a commit for a while."""
    subprocess.run(["git", "-C", str(HERE), "worktree", "add", "--quiet", "--detach", str(place), commit], check=True)
    try:
        yield place
    finally:
        subprocess.run(["git", "-C", str(HERE), "worktree", "remove", "--force", str(place)], check=True)


def open_contenders(
    stack: contextlib.ExitStack, commit: str, tree: Path, directory: Path, server: postgresql.Server
) -> Iterator[Contender]:
    """A commit on both kinds, with empty databases."""
    name = "now" if commit == NOW else "before"
    for kind, url in (("SQLite", f"sqlite:///{directory}/{name}.db"), ("PostgreSQL", server.create(name))):
        workers = [Worker(tree, url) for _ in range(2)]
        for one in workers:
            stack.callback(one.close)
        yield Contender(kind, commit, *workers)


def visit_alone(one: Contender) -> Answer:
    """The longest waits of a visitor with nobody else there."""
    one.visitor.begin("visit")
    time.sleep(VISITS)
    one.visitor.begin("stop")
    return one.visitor.end()


def run_round(one: Contender, sender: str, count: int) -> dict[str, float]:
    """Run a round, with a visitor meanwhile; its figures as `purge.processor`, `wait.arrival` and so on."""
    one.visitor.begin("visit")
    found = one.worker.ask("round", sender, count)
    one.visitor.begin("stop")
    found["wait"] = one.visitor.end()
    return {f"{work}.{name}": figure for work, figures in found.items() for name, figure in figures.items()}


def report_wave(count: int, runs: Mapping[Contender, Samples]) -> None:
    """Print what each work took, and the ratio of the earlier commit to this one."""
    print(f"{count:,} held messages of one sender, of {SIZE:,}; medians of {ROUNDS} alternating rounds")
    print("milliseconds until committed · milliseconds of processor time · KB written a message")
    commits = list(dict.fromkeys(one.commit for one in runs))
    rows = []
    for kind in dict.fromkeys(one.kind for one in runs):
        mine = {one.commit: samples for one, samples in runs.items() if one.kind == kind}
        for work, words in WORK.items():
            used = {commit: median(samples, f"{work}.processor") for commit, samples in mine.items()}
            ratio = [printing.format_ratio(used[commits[0]], used[NOW])] if len(commits) > 1 else []
            rows.append((f"{kind}: {words}", *(format_costs(mine[commit], work, count) for commit in commits), *ratio))
    printing.print_table(("", *commits, *(["processor, before to now"] if len(commits) > 1 else [])), rows)


def format_costs(samples: Samples, work: str, count: int) -> str:
    """The three figures of a work."""
    passed, used, written = (median(samples, f"{work}.{name}") for name in ("milliseconds", "processor", "kilobytes"))
    return f"{passed:,.0f} · {used:,.0f} · {written / count:.1f}"


def report_waits(runs: Mapping[Contender, Samples], alone: Mapping[Contender, Answer]) -> None:
    """Print how long others waited at most: in the median round, in the worst, and with nobody else there."""
    print("the longest wait of another writer, milliseconds: median round / worst round / alone")
    rows = []
    for one, samples in runs.items():
        waits = [format_waits(samples, f"wait.{name}", alone[one][name]) for name in ("arrival", "decision")]
        rows.append((f"{one.kind}, {one.commit}", *waits, f"{median(samples, 'longest.milliseconds'):,.0f}"))
    printing.print_table(("", "a message arrives", "a decision about one", "longest transaction"), rows)


def format_waits(samples: Samples, name: str, alone: float) -> str:
    """Three figures of a wait."""
    return f"{median(samples, name):,.0f} / {max(one[name] for one in samples):,.0f} / {alone:,.0f}"


def median(samples: Samples, name: str) -> float:
    """The median of a figure."""
    return statistics.median(one[name] for one in samples)


def pick_goals(count: int, runs: Mapping[Contender, Samples]) -> dict[str, float]:
    """Return the figures of the goals for this number, on the slower database."""
    names: Mapping[int, Sequence[tuple[str, str, float]]] = {
        500: (("purge.purge", "purge", 1), ("purge.undo", "undo", 1)),
        50_000: (("purge.many", "purge", 1000), ("purge.many-undo", "undo", 1000)),
    }
    return {
        goal: max(median(samples, f"{work}.milliseconds") for samples in runs.values()) / unit for goal, work, unit in names.get(count, ())
    }


if __name__ == "__main__":
    sys.exit(main())
