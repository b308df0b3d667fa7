"""Runs of the fuzzer: the target, and its time limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import run
from tests.fuzz.test_targets import ended_with, found_in, said_in


def test_an_input_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    run.in_time(seen.append)(b"quick")
    monkeypatch.setattr(run, "SLOW", 0.0)
    with pytest.raises(AssertionError, match="s of the processor"):
        run.in_time(lambda data: seen.append(data * 1_000_000))(b"slow")
    assert len(seen) == 2


BOTH = """
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.fuzz import run


def break_promise(data):
    assert data != b"broken"


for name, one_input in (("broken", break_promise), ("kept", len)):
    run.run_in_child(SimpleNamespace(SEEDS=(b"broken", b"x"), one_input=one_input), 0, Path(sys.argv[1]) / name)
"""


def test_an_input_that_breaks_a_promise_is_kept_and_ends_no_other_target(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BOTH, str(tmp_path)], cwd=run.ROOT, capture_output=True, check=True)
    assert ended_with(tmp_path / "broken") != 0
    assert [*found_in(tmp_path / "broken").values()] == [b"broken"]
    assert "AssertionError" in said_in(tmp_path / "broken")
    assert (ended_with(tmp_path / "kept"), found_in(tmp_path / "kept")) == (0, {})


def test_what_reads_hostile_bytes_is_traced() -> None:
    assert not [name for name in run.untraced() if name.startswith(("mailboxes.imap", "triage.message", "mail_auth"))]
    assert {"triage.store.db", "tests.conftest"} < {*run.untraced()}
    assert [folder for folder in run.TRACED if not (run.ROOT / folder).is_dir()] == []
