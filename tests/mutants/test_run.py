"""Mutants from the first test to the table: some in `make test-full`, all by `make mutants`; survivors and failing runs are named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import run, within
from tests.mutants.breaking import ROOT
from tests.mutants.run import break_module, stale, table
from tests.mutants.within import RUNS, equivalents, files_of

SURVIVOR = ("triage/message/authentication.py", "somewhere", "a → b")


def test_modules_and_tests_that_are_named_are_there() -> None:
    assert [one for module in RUNS for one in RUNS[module]["tests"] if not (ROOT / one).exists()] == []
    assert all(map(files_of, RUNS))


def test_every_equivalent_one_is_in_the_code_and_has_a_reason() -> None:
    assert stale() == []
    assert equivalents()


@pytest.mark.long
def test_listed_mutants_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    result = break_module("authentication")
    assert result["broken already"] == []
    assert [one["how"] for one in result["mutants"]] == ["killed"] * 5
    assert all(one["tests"] for one in result["mutants"])
    *_, line = table({"authentication": result})
    assert line.split(" | ")[2:5] == ["5", "5", "0"]


def test_a_survivor_is_named_and_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lost = {"place": "triage/message/authentication.py:7", "name": SURVIVOR, "how": "survived", "tests": 3, "seconds": 1.0}
    monkeypatch.setattr(run, "RESULTS", tmp_path / "new")
    monkeypatch.setattr(run, "break_module", lambda module, most: {"broken already": [], "mutants": [lost] * most, "minutes": 2.0})
    monkeypatch.setattr(sys, "argv", ["run", "--most", "1", "authentication"])
    assert run.main() == 1
    said = capsys.readouterr().out
    assert "SURVIVED triage/message/authentication.py:7 somewhere: a → b\n" in said
    assert said.splitlines()[-1].endswith("| 1 | 0 | 1 | 0 | 2.0 |")
    monkeypatch.setattr(sys, "argv", ["run", "--most", "0", "authentication"])
    assert run.main() == 0


def test_a_module_that_is_not_one_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.mutants.run", "weather"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "policy" in done.stderr) == (2, True)


def test_a_run_that_does_not_end_well_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match=r"authentication was not broken: pytest ended with 1; see .*authentication\.log"):
        break_module("authentication")


def test_a_test_that_fails_anyway_kills_nothing(tmp_path: Path) -> None:
    """The failing test is left out and reported, because it would kill every mutant."""
    broken = within.Breaking("authentication", tmp_path / "result")
    broken.broken_already.append("tests/x.py::test_y")
    assert json.dumps(broken.broken_already) == '["tests/x.py::test_y"]'
    assert broken.tests_of(within.chosen("authentication")[0]) == []
