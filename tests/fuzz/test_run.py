"""Runs of the fuzzer: the target, and its time limit."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.fuzz import run
from tests.fuzz.test_targets import ended_with, found_in


def test_an_input_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    run.in_time(seen.append)(b"quick")
    monkeypatch.setattr(run, "SLOW", 0.0)
    with pytest.raises(AssertionError, match="s of the processor"):
        run.in_time(lambda data: seen.append(data * 1_000_000))(b"slow")
    assert len(seen) == 2


def test_an_input_that_breaks_a_promise_is_kept_and_ends_no_other_target(tmp_path: Path) -> None:
    for name, promise in (("broken", "assert data != b'broken'"), ("kept", "assert data")):
        (tmp_path / f"{name}.py").write_text(f"SEEDS = (b'broken', b'x')\n\ndef one_input(data):\n    {promise} or not data\n")
    for name in ("broken", "kept"):
        run.run_in_child(load(tmp_path / f"{name}.py"), 0, tmp_path / name)
    assert ended_with(tmp_path / "broken") != 0
    assert [*found_in(tmp_path / "broken").values()] == [b"broken"]
    assert (ended_with(tmp_path / "kept"), found_in(tmp_path / "kept")) == (0, {})


def load(path: Path) -> ModuleType:
    """Returns the module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_reads_hostile_bytes_is_traced() -> None:
    assert not [name for name in run.untraced() if name.startswith(("mailboxes.imap", "triage.message", "mail_auth"))]
    assert {"triage.store.db", "tests.conftest"} < {*run.untraced()}
    assert [folder for folder in run.TRACED if not (run.ROOT / folder).is_dir()] == []
