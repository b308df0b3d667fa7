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


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_keep_the_promises(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.targets.{name}")
    assert target.SEEDS
    for seed in target.SEEDS:
        target.one_input(seed)


@pytest.fixture(scope="module")
def ran_shortly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All targets have run in the short form, by one interpreter; the directory with what each left."""
    directory = tmp_path_factory.mktemp("fuzz")
    run(directory, *NAMES)
    return directory


@pytest.mark.timeout(1800 + SECONDS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_fuzzer_thinks_of_breaks_a_promise(name: str, request: pytest.FixtureRequest) -> None:
    directory = run_long(name) if SECONDS else request.getfixturevalue("ran_shortly") / name
    assert (ended_with(directory), found_in(directory)) == (0, {}), said_in(directory)[-4000:]


def run(place: Path, *names: str) -> None:
    """Runs these targets; what each leaves is in a directory with its name."""
    command = [sys.executable, "-m", "tests.fuzz.run", str(SECONDS), str(place), *names]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=SECONDS + HANG * 3, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def run_long(name: str) -> Path:
    """Runs a target for long, and adds what came of it to the table."""
    KEPT.mkdir(parents=True, exist_ok=True)
    before = processor()
    run(KEPT, name)
    directory = KEPT / name
    if result := results.read(name, said_in(directory), processor() - before, len(found_in(directory))):
        results.keep(result, directory)
    return directory


def ended_with(directory: Path) -> int:
    """Returns the exit code of a target's run."""
    return int((directory / "ended").read_text())


def found_in(directory: Path) -> dict[str, bytes]:
    """Returns the inputs that broke a promise."""
    return {path.name: path.read_bytes() for path in directory.glob("found-*")}


def said_in(directory: Path) -> str:
    """Returns what the fuzzer printed."""
    return (directory / "said").read_text("utf-8", "backslashreplace")


def processor() -> float:
    """Seconds of processor time that what we started, and has ended, has taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
