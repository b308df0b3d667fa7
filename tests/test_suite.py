"""Order of the suite, its runs on both databases, and its rules for repeated tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests import balance, changed, company_rows, databases, effort
from tests.triage import arriving
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.store.db import open_engine, transaction

ROOT = Path(__file__).parent.parent
SHAKY = """
from playwright.sync_api import TimeoutError
from pathlib import Path

from tests.peers.processes import SlowStart

RUNS = Path(__file__).with_suffix(".runs")


def fail_at_first(fault):
    runs = len(RUNS.read_text()) if RUNS.exists() else 0
    RUNS.write_text("x" * (runs + 1))
    if not runs:
        print("what the first run printed")
        raise fault


def test_a_wait():
    fail_at_first({fault})
"""


REPEATED = (
    ("e2e", 'TimeoutError("Locator.click: Timeout 180000ms exceeded.")'),
    ("webui", 'AssertionError("Error: element(s) not found\\nExpect \\"x\\" with timeout 180000ms")'),
    ("e2e", 'SlowStart("SMTP says 220 did not happen within 180 s.")'),
    ("mailboxes", 'SlowStart("IMAP answers did not happen within 180 s.")'),
    ("webmail", 'TimeoutError("Locator.click: Timeout 180000ms exceeded.")'),
    ("deploy", 'SlowStart("systemd is up did not happen within 180 s.")'),
)
FAILED = (
    ("webui", 'AssertionError("expected to have text x\\nActual value: y\\nExpect \\"x\\" with timeout 180000ms")'),
    ("e2e", 'AssertionError("it arrives did not happen within 180 s.")'),
    ("mailboxes", 'AssertionError("it arrives did not happen within 180 s.")'),
    ("faults", 'SlowStart("SMTP says 220 did not happen within 180 s.")'),
    ("triage", 'SlowStart("SMTP says 220 did not happen within 180 s.")'),
)


def test_only_a_wait_that_ran_out_is_repeated_once_and_named(tmp_path: Path) -> None:
    names = []
    for number, (folder, fault) in enumerate((*REPEATED, *FAILED)):
        place = tmp_path / "tests" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / f"test_{number}.py").write_text(SHAKY.replace("{fault}", fault))
        names.append(f"tests/{folder}/test_{number}.py::test_a_wait")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    inside = ["--import-mode=importlib", "--rootdir", str(tmp_path), "-c", str(tmp_path / "pytest.ini"), str(tmp_path / "tests")]
    command = [sys.executable, "-m", "pytest", "-p", "tests.again", "-p", "no:cacheprovider", "-rA", *inside]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert [name for name in names if f"FLAKY {name}" in done.stdout] == names[: len(REPEATED)], done.stdout
    assert [name for name in names if f"FAILED {name}" in done.stdout] == names[len(REPEATED) :], done.stdout
    assert done.stdout.count("what the first run printed") >= len(names)


def test_the_longest_begin_and_those_that_wait_are_mixed_with_those_that_compute() -> None:
    known = {"tests/e2e/a.py": 60.0, "tests/e2e/b.py": 30.0, "tests/c.py": 40.0, "tests/d.py": 20.0}
    assert balance.in_order(sorted(known), known) == ["tests/c.py", "tests/e2e/a.py", "tests/d.py", "tests/e2e/b.py"]


@pytest.mark.parametrize(("long", "scopes"), [(False, 1), (True, 2)])
def test_the_long_fuzzer_runs_targets_side_by_side(monkeypatch: pytest.MonkeyPatch, long: bool, scopes: int) -> None:
    monkeypatch.setattr(effort, "LONG", long)
    assert len({balance.scope_of(f"{balance.FUZZED}::test_nothing[{name}]") for name in ("archives", "author")}) == scopes


def test_files_that_are_named_for_the_run_are_there() -> None:
    named = [*databases.WHOLE, *databases.LOCKS, *databases.EVERY_CASE, *balance.SHARE, balance.PARTS, balance.FUZZED, *changed.ALWAYS]
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert [test for file, tests in databases.LOCKS.items() for test in tests if f"def {test}(" not in (ROOT / file).read_text()] == []


def test_postgresql_is_asked_once_where_more_would_ask_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "FULL", False)
    of_each, of_one, of_every = (
        "tests/triage/store/test_db.py",
        "tests/triage/test_any.py",
        "tests/triage/quarantine/search/test_selection.py",
    )
    names = [f"{file}::test_{test}[postgresql-{case}]" for file in (of_each, of_one, of_every) for test in "ab" for case in "xy"]
    items: list[Any] = [SimpleNamespace(nodeid=name, callspec=SimpleNamespace(params={"database_url": "postgresql"})) for name in names]
    run = [name.partition("::")[2] for name in names if name not in {item.nodeid for item in databases.left_out(items)}]
    every = [f"test_{test}[postgresql-{case}]" for test in "ab" for case in "xy"]
    assert run == ["test_a[postgresql-x]", "test_b[postgresql-x]", "test_a[postgresql-x]", *every]


def test_a_company_is_entered_once_and_copied_from_then_on(
    sqlite_template: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = Mock(wraps=directory.apply_directory)
    monkeypatch.setattr(company_rows, "COPIES", {})
    monkeypatch.setattr(directory, "apply_directory", applied)
    rows = []
    for name in ("first", "second"):
        shutil.copy(sqlite_template, tmp_path / name)
        engine = open_engine(f"sqlite:///{tmp_path / name}")
        with transaction(engine) as session:
            arriving.set_up(session, settings)
            rows.append(company_rows.rows_of(session))
        engine.dispose()
    assert rows[0] == rows[1]
    assert applied.call_count == 1


def test_a_changed_module_stands_for_the_tests_that_name_it() -> None:
    found = changed.tests_of(["triage/store/delivery_state.py", "mta/spool/spool.py", "tests/webui/people/test_ask.py"])
    assert {"tests/mta", "tests/triage/store/test_delivery_state.py", "tests/triage/store/test_ledger.py"} <= {*found}
    assert not [one for one in found if one.startswith(("tests/webui", "tests/triage_api"))]
