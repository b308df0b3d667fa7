"""Runs one target under atheris: `python -m tests.fuzz.run NAME SECONDS DIRECTORY`. Exit code 0: nothing was found.

SECONDS 0 is the short form: so many inputs as take a second at most, the same each time: what is new is for the long one to find.

DIRECTORY keeps the inputs that led to new places in the code, `found-*`, the input that broke a promise, and what targets write.
"""

import importlib
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import atheris

INSTRUMENTED = ["mailboxes", "mail_auth", "mta", "triage", "tests.fuzz.targets"]
HANG = 60  # seconds for one input, by the clock: a busy machine may leave the fuzzer waiting for long
SLOW = 10.0  # seconds of the processor for one input: the code is traced, and ten times slower for it
MEMORY = 1024  # MiB
FEW = 5_000  # inputs of the short form
LONGEST = 64 * 1024  # bytes of an input


def main() -> None:
    """Never returns: the fuzzer ends the process."""
    name, seconds, directory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    for found in directory.glob("found-*"):  # by an earlier run, and mended since, or it is found again
        found.unlink()
    tempfile.tempdir = str(directory)
    logging.disable()  # a damaged input is worth a line in the log, but not a million
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        target = importlib.import_module(f"tests.fuzz.targets.{name}")
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
