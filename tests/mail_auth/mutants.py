"""Breaks the code in ways that would let a forger pass or a fact be guessed, and shows that a test notices each.

`python -m tests.mail_auth.mutants [WORD]`: all of them, or those whose name has the word. Exit code 1 when one is not noticed.
Each (mutants.toml) is a textual change that must fit exactly once, made in a copy of the tree in which pytest then runs the named tests.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREES = ("mail_auth", "triage", "migrations", "tests/mail_auth", "tests/peers", "tests/triage")
FILES = ("pyproject.toml", "tests/__init__.py", *(f"tests/{name}.py" for name in ("again", "balance", "conftest", "databases", "effort")))
NOTICED = 1  # pytest's exit code: tests ran and some failed
SECONDS = 120  # a mutant that never ends is noticed too


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken: a file, the text in it, what stands there instead, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def source(self) -> str:
        """The broken file. ValueError when the text is not there exactly once."""
        text = (ROOT / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.old!r} stands {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


MUTANTS = tuple(
    Mutant(**one | {"tests": tuple(one["tests"])}) for one in tomllib.loads((ROOT / "tests/mail_auth/mutants.toml").read_text())["mutant"]
)


@contextmanager
def copied() -> Iterator[Path]:
    """The parts of the tree that the tests need, apart from the original."""
    with tempfile.TemporaryDirectory(prefix="mailroom-mutants-") as directory:
        for tree in TREES:
            shutil.copytree(ROOT / tree, Path(directory) / tree, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
        for file in FILES:
            shutil.copyfile(ROOT / file, Path(directory) / file)
        yield Path(directory)


def noticed(mutant: Mutant, directory: Path) -> bool:
    """Do the mutant's tests fail in this copy? The copy is whole again afterwards."""
    original = (directory / mutant.file).read_text()
    (directory / mutant.file).write_text(mutant.source())
    try:
        return run(mutant.tests, directory) == NOTICED
    except subprocess.TimeoutExpired:
        return True
    finally:
        (directory / mutant.file).write_text(original)


def run(tests: Iterable[str], directory: Path) -> int:
    """pytest's exit code for some tests in a copy."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", "-m", "not corpus", *tests]
    return subprocess.run(
        command, cwd=directory, env={"PATH": "/usr/bin:/bin"}, capture_output=True, timeout=SECONDS, check=False
    ).returncode


def main() -> int:
    """Try them all."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [mutant for mutant in MUTANTS if word in mutant.name]
    survived = []
    with copied() as directory:
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        if run(tests, directory):
            sys.stderr.write(f"the tests fail without a mutant too: {' '.join(tests)}\n")
            return 1
        for mutant in chosen:
            alive = not noticed(mutant, directory)
            survived += [mutant.name] if alive else []
            sys.stdout.write(f"{'SURVIVED' if alive else 'noticed '} {mutant.name}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - len(survived)} of {len(chosen)} were noticed\n")
    return 1 if survived or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
