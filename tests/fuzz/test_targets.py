"""Each target: its seeds keep the promises, and so does what the fuzzer makes of them in a second, or in $FUZZ_SECONDS."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import targets
from tests.peers.processes import HANG

ROOT = Path(__file__).parents[2]
NAMES = sorted(module.name for module in pkgutil.iter_modules(targets.__path__))
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))  # for each target; 0: the short form


# a child begins with its parent's peak of memory, and the fuzzer would take ours for its own: this shell has none
APART = ("/bin/sh", "-c", '"$@"; exit $?', "fuzz")


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_keep_the_promises(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.targets.{name}")
    assert target.SEEDS
    for seed in target.SEEDS:
        target.one_input(seed)


@pytest.mark.timeout(300 + SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_fuzzer_thinks_of_breaks_a_promise(name: str, tmp_path: Path) -> None:
    directory = ROOT / "var" / "fuzz" / name if SECONDS else tmp_path  # what the long form learns is kept
    command = [*APART, sys.executable, "-m", "tests.fuzz.run", name, str(SECONDS), str(directory)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=SECONDS + HANG * 3, check=False
    )
    found = {path.name: path.read_bytes() for path in directory.glob("found-*")}
    assert (done.returncode, found) == (0, {}), done.stderr.decode("utf-8", "backslashreplace")[-4000:]
