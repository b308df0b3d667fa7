"""Traces and fuzzes targets by atheris, each in a child process: `python -m tests.fuzz.run SECONDS DIRECTORY NAME...`.

With 0 for SECONDS a target gets so many inputs as take a second at most, the same each time. New inputs are for the long form to find.
All targets share one import: a trace of the code for each took nearly all of the time.

DIRECTORY/NAME keeps the inputs that led to new places in the code, `found-*` with an input that broke a promise, `said` with the output
of the fuzzer, and `ended` with its exit code: 0 when nothing was found.
"""

import ctypes
import importlib
import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import atheris

ROOT = Path(__file__).parents[2]
# What reads hostile bytes: tracing the code of all else that targets import took most of the time of a short run.
TRACED = (
    "mail_auth",
    "mailboxes/imap",
    "mta/delivery",
    "mta/peer",
    "mta/session",
    "mta/spool",
    "triage/addressing",
    "triage/delivery",
    "triage/message",
    "triage/quarantine/search",
    "triage/text",
    "tests/fuzz/targets",
)
HANG = 60  # seconds for one input, by the clock: a busy machine may leave the fuzzer waiting for long
SLOW = 10.0  # seconds of the processor for one input: the code is traced, and ten times slower for it
MEMORY = 1024  # MiB
FEW = 100  # inputs of the short form
LONGEST = 64 * 1024  # bytes of an input


def main() -> None:
    """Imports all targets and runs each."""
    seconds, place, names = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    logging.disable()  # a damaged input is worth a line in the log, but not a million
    with tempfile.TemporaryDirectory(prefix="targets-", dir=place) as written:
        tempfile.tempdir = written
        with atheris.instrument_imports(include=packages(), exclude=untraced(), enable_loader_override=False):
            targets = {name: importlib.import_module(f"tests.fuzz.targets.{name}") for name in names}
        for name, target in targets.items():
            run_in_child(target, seconds, place / name)


def packages() -> list[str]:
    """Returns the packages in which something is traced; atheris knows no smaller unit."""
    return sorted({folder.partition("/")[0] for folder in TRACED})


def untraced() -> list[str]:
    """Returns the modules of these packages that are not traced."""
    files = [path.relative_to(ROOT) for package in packages() for path in (ROOT / package).rglob("*.py")]
    return [".".join(file.with_suffix("").parts) for file in files if not any(file.is_relative_to(folder) for folder in TRACED)]


def run_in_child(target: ModuleType, seconds: int, directory: Path) -> None:
    """Fuzzes a target in a process of its own, which the fuzzer ends, and notes how it ended."""
    directory.mkdir(parents=True, exist_ok=True)
    for found in directory.glob("found-*"):  # by an earlier run, and mended since, or it is found again
        found.unlink()
    child = os.fork()
    if not child:
        said = os.open(directory / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        try:
            fuzz(target, seconds, directory)
        except BaseException:
            traceback.print_exc()
        finally:  # the fuzzer writes what it found at exit(3); Python's exit would remove files that the next target needs
            ctypes.CDLL(None).exit(1)
    _, status = os.waitpid(child, 0)
    (directory / "ended").write_text(str(os.waitstatus_to_exitcode(status)))


def fuzz(target: ModuleType, seconds: int, directory: Path) -> None:
    """Lets the fuzzer think of inputs; it ends the process."""
    corpus, seeds = directory / "corpus", directory / "seeds"
    corpus.mkdir(exist_ok=True)
    write_seeds(target, seeds)
    duration = [f"-max_total_time={seconds}"] if seconds else ["-max_total_time=1", f"-runs={FEW}", "-seed=1"]
    options = [*duration, f"-timeout={HANG}", f"-report_slow_units={HANG}", f"-rss_limit_mb={MEMORY}", f"-max_len={LONGEST}"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={directory}/found-", str(corpus), str(seeds)], in_time(target.one_input))
    atheris.Fuzz()


def in_time(one_input: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, for which it is a fault as well when one input takes too long."""

    def one_input_in_time(data: bytes) -> None:
        begun = time.process_time()
        one_input(data)
        taken = time.process_time() - begun
        assert taken <= SLOW, f"this input took {taken:.0f} s of the processor"

    return one_input_in_time


def write_seeds(target: ModuleType, directory: Path) -> None:
    """The inputs to begin with, as the files that the fuzzer reads."""
    directory.mkdir(exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (directory / f"{number:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
