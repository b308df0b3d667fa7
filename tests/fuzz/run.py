"""Runs one target under atheris: `python -m tests.fuzz.run NAME SECONDS DIRECTORY`. Exit code 0: nothing was found.

SECONDS 0 is the short form: so many inputs as take a second at most, the same each time: what is new is for the long one to find.

DIRECTORY keeps the inputs that led to new places in the code, `found-*`, the input that broke a promise, and what targets write.
"""

import importlib
import logging
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import atheris

INSTRUMENTED = ["mta", "mail_auth", "triage", "tests.fuzz.targets"]
HANG = 60  # seconds for one input, by the clock: a busy machine may leave the fuzzer waiting for long
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
    options = [*duration, f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}", f"-max_len={LONGEST}"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={directory}/found-", str(corpus), str(seeds)], target.one_input)
    atheris.Fuzz()


def write_seeds(target: ModuleType, directory: Path) -> None:
    """The inputs to begin with, as the files that the fuzzer reads."""
    directory.mkdir(exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (directory / f"{number:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
