"""Runs of the fuzzer: the target, and its time limit."""

import pytest

from tests.fuzz import run


def test_an_input_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    run.in_time(seen.append)(b"quick")
    monkeypatch.setattr(run, "SLOW", 0.0)
    with pytest.raises(AssertionError, match="s of the processor"):
        run.in_time(lambda data: seen.append(data * 1_000_000))(b"slow")
    assert len(seen) == 2
