"""Each target: its seeds keep the promises, and so does what the fuzzer makes of them in a second, or in $FUZZ_SECONDS."""

import importlib
import os
import pkgutil
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import results, targets
from tests.peers.processes import HANG

ROOT = Path(__file__).parents[2]
PREFIX = f"{targets.__name__}."
NAMES = sorted(one.name.removeprefix(PREFIX) for one in pkgutil.walk_packages(targets.__path__, PREFIX) if not one.ispkg)
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))  # for each target; 0: the short form
KEPT = ROOT / "var" / "fuzz"  # what the long form learns


# a child begins with its parent's peak of memory, and the fuzzer would take ours for its own: this shell has none
APART = ("/bin/sh", "-c", '"$@"; exit $?', "fuzz")


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_keep_the_promises(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.targets.{name}")
    assert target.SEEDS
    for seed in target.SEEDS:
        target.one_input(seed)


@pytest.mark.timeout(1800 + SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_fuzzer_thinks_of_breaks_a_promise(name: str, tmp_path: Path) -> None:
    directory = KEPT / name if SECONDS else tmp_path
    command = [*APART, sys.executable, "-m", "tests.fuzz.run", name, str(SECONDS), str(directory)]
    before = processor()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=SECONDS + HANG * 3, check=False
    )
    found = {path.name: path.read_bytes() for path in directory.glob("found-*")}
    said = done.stderr.decode("utf-8", "backslashreplace")
    if result := results.read(name, said, processor() - before, len(found)):
        results.keep(result, directory)
    assert (done.returncode, found) == (0, {}), said[-4000:]


def processor() -> float:
    """Seconds of processor time that what we started, and has ended, has taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
