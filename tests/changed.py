"""Prints the tests of what changed, for `make quick`: `python -m tests.changed`.

What changed is what differs from where this branch left main, and what is not committed. A folder of code stands for its folder of tests;
of `triage/`, which has a file of tests for each module, only the modules that changed and the files of tests that name them.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALWAYS = ("tests/test_house.py", "tests/test_imports.py", "tests/test_docs.py")
PART = "tests/test_parts.py::test_lint_types_and_the_console_s_own_tests_are_clean[{}]"
PARTS = tuple(PART.format(one) for one in ("style", "types", "contracts", "prose"))
CONSOLE = tuple(PART.format(one) for one in ("templates", "logic"))
LARGE = "triage"
NEED_PEERS = ("e2e", "faults", "fuzz", "peers", "webui")  # folders whose tests are no units


def git(*words: str) -> list[str]:
    """Returns the lines that a git command prints; none when it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def changed() -> set[str]:
    """Returns the files that differ."""
    base = [*git("merge-base", "HEAD", "main"), "HEAD"][0]
    return {*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")}


def tests_of(files: Iterable[str]) -> list[str]:
    """Returns what pytest is to run for these files."""
    found = {*ALWAYS, *PARTS}
    for file in files:
        top, *rest = Path(file).parts
        if top == "webui":
            found |= {*CONSOLE}
        elif top == "tests" and rest[0] not in (*NEED_PEERS, "test_parts.py"):
            found |= {file} if Path(file).name.startswith("test_") else {f"tests/{rest[0]}"} if rest[1:] else set()
        elif top == LARGE:
            found |= {*naming(file)}
        elif rest and (ROOT / "tests" / top).is_dir():
            found.add(f"tests/{top}")
    there = sorted(one for one in found if (ROOT / one.partition("::")[0]).exists())
    return [one for one in there if not any(one.startswith(f"{other}/") for other in there)]


def naming(file: str) -> list[str]:
    """Returns the files of tests of a module of `triage`: its own, and those of `tests/triage` that import it."""
    package, module = ".".join(Path(file).parts[:-1]), Path(file).stem
    imports = re.compile(rf"^from {package}(?: import .*\b{module}\b|\.{module} import )", re.MULTILINE)
    files = sorted((ROOT / "tests" / LARGE).rglob("test_*.py"))
    return [str(one.relative_to(ROOT)) for one in files if one.stem == f"test_{module}" or imports.search(one.read_text("utf-8"))]


if __name__ == "__main__":
    sys.stdout.write("\n".join(tests_of(changed())) + "\n")
