"""Runs tests with servers, browsers and faults five times beside busy processors, and says which failed: `python -m tests.flaky WORKERS`.

Nothing is repeated within a run. Exit code 1 when a test failed at least once; what each run printed is kept in `var/flaky/`.
"""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from tests import again

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "var" / "flaky"
ROUNDS = 5
FOLDERS = (*again.FOLDERS, "tests/faults")


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """A loop on each processor."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run(number: int, workers: str, tests: list[str]) -> Path:
    """Runs all tests once; the file with their results."""
    results = KEPT / f"{number}.xml"
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", f"--numprocesses={workers}", f"--junitxml={results}", *tests]
    with (KEPT / f"{number}.log").open("wb") as log:
        subprocess.run(command, cwd=ROOT, env={**os.environ, "MAILROOM_AGAIN": "no"}, stdout=log, stderr=log, check=False)
    return results


def failures(results: Path) -> list[str]:
    """Returns the tests that failed; a run that left no results failed as a whole."""
    if not results.exists():
        return [f"the whole run {results.stem}"]
    cases = ElementTree.parse(results).iter("testcase")
    failed = [one for one in cases if {"failure", "error"} & {part.tag for part in one}]
    return [f"{one.get('classname')}::{one.get('name')}" for one in failed]


def main() -> int:
    """Runs them and prints a line for each test that failed."""
    workers, *tests = sys.argv[1:] or ["2"]
    KEPT.mkdir(parents=True, exist_ok=True)
    failed: Counter[str] = Counter()
    with busy():
        for number in range(1, ROUNDS + 1):
            now = failures(run(number, workers, tests or [*FOLDERS]))
            failed.update(now)
            sys.stdout.write(f"round {number} of {ROUNDS}: {len(now)} failed\n")
            sys.stdout.flush()
    for test, times in failed.most_common():
        sys.stdout.write(f"{times} of {ROUNDS}  {test}\n")
    sys.stdout.write("no test failed\n" if not failed else f"{len(failed)} tests failed at least once; var/flaky/ has what they printed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
