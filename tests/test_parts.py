"""Lint, types and the console's own tests as tests, so that they run while others wait and report with the failures."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 1700  # seconds


def make(target: str) -> str:
    """Runs a target of the Makefile and returns what it printed; the failure shows all of it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))}
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=ROOT,
        env=ours,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, f"make {target}\n{done.stdout}"
    return done.stdout


@pytest.mark.parametrize("target", ["style", "types", "contracts", "templates", "prose", "logic"])
def test_lint_types_and_the_console_s_own_tests_are_clean(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if target == "types" and not (ROOT / ".mypy_cache").exists():  # a clean clone: writing one takes a quarter of the time
        monkeypatch.setenv("MYPY_CACHE_DIR", os.devnull)
    make(target)


def test_another_interpreter_does_the_same_where_interpreters_differ(record_property: Callable[[str, object], None]) -> None:
    said = make("unit-other").strip().splitlines()
    record_property("closing line", f"another interpreter: {said[-1]}")
