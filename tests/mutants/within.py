"""Mutants of a module inside pytest: `python -m tests.mutants.within MODULE RESULT [MOST]`; writes the outcome of each to RESULT as JSON.

First every test runs once and it is noted which lines it executes. Then each mutant is put into a fork of this process, which runs
the tests that execute the changed statement, its module's own and the quick ones first, until one fails. What can only be there
from the import on, such as a field of a dataclass, is tried in a process of its own (`pytest -p tests.mutants.imported`).
"""

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.breaking import ROOT, Mutant, mutants_of, sample
from tests.mutants.swapping import put_in

RUNS = tomllib.loads(Path(__file__).with_name("runs.toml").read_text("utf-8"))
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
OPTIONS = [
    "-q",
    "-p",
    "no:cacheprovider",
    "--tb=no",
    "-o",
    "tmp_path_retention_policy=none",
    "-o",
    "timeout=0",
    "-m",
    "not postgresql and not peers and not corpus",
]
KILLED, SURVIVED, CANNOT = 1, 0, 99  # how a fork ends
NOTICED = (1, 2, 4)  # how pytest ends when a test fails, or when its file cannot even be imported, so that no test is found
PATIENCE, PAUSE = 10.0, 10.0  # a test may take so many times what it took without a mutant, and so many seconds more; then it has noticed
LOCKS = ("for_update", "skip_locked")  # SQLite knows no such: the tests on PostgreSQL must notice
EXAMPLES = 20  # that a property tries
SETTINGS = "_hypothesis_internal_use_settings"
AT_ONCE = 150  # tests that are named for a process of its own; more are run by their files


def equivalents() -> set[tuple[str, str, str]]:
    """The names of the mutants that change nothing which anybody could see."""
    found = tomllib.loads(EQUIVALENT.read_text("utf-8")).get("equivalent", [])
    return {(one["file"], one["within"], one["change"]) for one in found}


def chosen(module: str, most: int | None = None) -> list[Mutant]:
    """The mutants of a module that are tried; `most`: so many at most, beside those that are listed."""
    whole = [one for file in files_of(module) for one in mutants_of(file)]
    bounds = [one for one in (most, RUNS[module].get("most")) if one is not None]
    return [one for one in sample(whole, min([len(whole), *bounds])) if one.name not in equivalents()]


def files_of(module: str) -> list[str]:
    """The files that are broken along with a module."""
    named = RUNS[module]["files"]
    patterns = [named] if isinstance(named, str) else named
    return sorted(str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))


class Lines:
    """Records the lines of some files that run."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = {str(ROOT / file): file for file in files}
        self.seen: set[tuple[str, int]] = set()

    def __enter__(self) -> set[tuple[str, int]]:
        self.seen = set()
        threading.settrace(self.call)
        sys.settrace(self.call)
        return self.seen

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def call(self, frame: types.FrameType, _event: str, _value: object) -> Callable[..., Any] | None:
        """A function is called: watch it when it is in one of the files."""
        file = self.files.get(frame.f_code.co_filename)
        if file is None:
            return None
        seen = self.seen

        def line(frame: types.FrameType, _event: str, _value: object) -> Callable[..., Any]:
            seen.add((file, frame.f_lineno))
            return line

        return line


class Breaking:
    """The plugin that runs the tests of a module as often as it has mutants."""

    def __init__(self, module: str, result: Path, most: int | None = None) -> None:
        self.module, self.result, self.most = module, result, most
        self.failed, self.why = False, ""
        self.covers: dict[str, set[tuple[str, int]]] = {}
        self.took: dict[str, float] = {}
        self.broken_already: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Properties try few examples, and make none smaller: the first failure is enough."""
        import hypothesis  # not before pytest has begun

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        for item in items:
            test = getattr(item, "obj", None)
            if found := getattr(test, SETTINGS, None):
                few = min(found.max_examples, EXAMPLES)
                setattr(test, SETTINGS, hypothesis.settings(found, max_examples=few, phases=phases, report_multiple_bugs=False))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed, self.why = True, report.longreprtext.strip().rpartition("\n")[2]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running each test once."""
        items = {item.nodeid: item for item in session.items}
        self.look(session.items)
        whole = {file: (ROOT / file).read_text("utf-8") for file in files_of(self.module)}
        results = []
        first = {item.path: item for item in session.items if item.nodeid in self.covers}
        if self.fork(None, "", list(first.values()), 600) != SURVIVED:
            raise pytest.UsageError("tests fail in a fork of this process without a mutant: nothing would be learnt")
        for mutant in chosen(self.module, self.most):
            began = time.monotonic()
            named = self.tests_of(mutant)
            how = self.outcome(mutant, whole[mutant.file], [items[name] for name in named])
            results.append(
                {"place": mutant.place, "name": mutant.name, "how": how, "tests": len(named), "seconds": round(time.monotonic() - began, 2)}
            )
            tell(f"{self.module} {how} {mutant.place} {mutant.within}: {mutant.change} ({len(named)} tests, {results[-1]['seconds']} s)")
        self.result.write_text(json.dumps({"broken already": self.broken_already, "mutants": results}, indent=1))
        return True

    def look(self, items: list[pytest.Item]) -> None:
        """Run every test once, and note which lines it executes."""
        lines = Lines(files_of(self.module))
        for place, item in enumerate(items):
            self.failed, began = False, time.monotonic()
            with lines as seen:
                run(item, items[(place + 1) % len(items)])
            self.took[item.nodeid] = time.monotonic() - began
            if self.failed:
                self.broken_already.append(item.nodeid)
                tell(f"{self.module}: {item.nodeid} fails without a mutant too, and is left out: {self.why}")
            else:
                self.covers[item.nodeid] = seen

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that execute the statement, or the file where it runs at import only. The module's own first, then the quick ones."""
        there = {(mutant.file, line) for line in mutant.lines}
        own = {one for one in self.covers if one.startswith(f"{RUNS[self.module]['tests'][0]}::")}
        found = {one for one, seen in self.covers.items() if seen & there}
        if not found and at_import(mutant):
            found = own | {one for one, seen in self.covers.items() if any(file == mutant.file for file, _ in seen)}
        return sorted(found, key=lambda one: (one not in own, self.took[one]))

    def outcome(self, mutant: Mutant, whole: str, items: list[pytest.Item]) -> str:
        """Outcome of a mutant: killed, survived, or not executed by any test."""
        if not items:
            return "not executed"
        patience = 30 + 2 * PATIENCE * sum(self.took[item.nodeid] for item in items)
        ended = self.fork(mutant, whole, items, patience)
        if ended == KILLED:
            return "killed"
        locks = any(word in mutant.change for word in LOCKS)
        if ended == SURVIVED and not locks:
            return "survived"
        names = sorted({item.nodeid.partition("[")[0] for item in items} - {one.partition("[")[0] for one in self.broken_already})
        if len(names) > AT_ONCE:
            names = sorted({name.partition("::")[0] for name in names})
        return "killed" if imported(mutant, names, patience, "postgresql" if locks else OPTIONS[-1]) else "survived"

    def fork(self, mutant: Mutant | None, whole: str, items: list[pytest.Item], patience: float) -> int:
        """Fork this process with the mutant; return how the fork ends."""
        child = os.fork()
        if child:
            return wait(child, patience)
        os.setsid()
        try:
            if mutant:
                module = importlib.import_module(mutant.file.removesuffix(".py").replace("/", "."))
                put_in(module, ast.parse(whole), mutant.broken())
            os._exit(KILLED if self.notice(items) else SURVIVED)
        except BaseException:  # whatever it is, the other way decides
            os._exit(CANNOT)

    def notice(self, items: list[pytest.Item]) -> bool:
        """Does a test fail?"""
        self.failed = False
        items[0].session._setupstate.teardown_exact(items[0])
        for item, following in zip(items, [*items[1:], items[-1]], strict=True):
            signal.setitimer(signal.ITIMER_REAL, PAUSE + PATIENCE * self.took[item.nodeid])  # then this process is no more
            run(item, following)
            if self.failed:
                return True
        return False


def run(item: pytest.Item, following: pytest.Item) -> None:
    """Run a test as pytest does."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def wait(child: int, patience: float) -> int:
    """Wait for a fork; kill it with all its children when it takes too long."""
    until, pause = time.monotonic() + patience, 0.005
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else KILLED
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return KILLED


def at_import(mutant: Mutant) -> bool:
    """Whether the statement runs while the module is imported."""
    tree = ast.parse((ROOT / mutant.file).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return not any(node.body[0].lineno <= min(mutant.lines) <= (node.end_lineno or 0) for node in functions)


def imported(mutant: Mutant, tests: list[str], patience: float, only: str = OPTIONS[-1]) -> bool:
    """Does a test fail in a process that imports the mutant? `only`: which tests, by their marks."""
    number = next(place for place, one in enumerate(mutants_of(mutant.file)) if one is mutant)
    ours = {**os.environ, "MAILROOM_MUTANT": f"{mutant.file}:{number}"}
    with tempfile.TemporaryDirectory(prefix="mailroom-mutants-") as base:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-p",
            "tests.mutants.imported",
            *OPTIONS[:-1],
            only,
            "--basetemp",
            f"{base}/tests",
            *tests,
        ]
        started = subprocess.Popen(
            command, cwd=ROOT, env=ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return started.wait(patience + 60) in NOTICED
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            return True


def tell(line: str) -> None:
    """A line of how far it is, past what pytest catches."""
    os.write(TOLD, f"{line}\n".encode())


TOLD = os.dup(2)


def main() -> int:
    """Break one module."""
    module, result, *most = sys.argv[1:]
    breaking = Breaking(module, Path(result), int(most[0]) if most else None)
    with tempfile.TemporaryDirectory(prefix="mailroom-mutants-") as base:  # its own: other runs tidy up the one that is shared
        return int(pytest.main([*OPTIONS, "--basetemp", f"{base}/tests", *RUNS[module]["tests"]], plugins=[breaking]))


if __name__ == "__main__":
    sys.exit(main())
