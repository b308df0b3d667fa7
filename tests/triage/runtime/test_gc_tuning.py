"""Looking for cycles pauses while much is imported, and goes on as before."""

import gc

import pytest

from triage.runtime import gc_tuning


@pytest.mark.parametrize("looking", [True, False])
def test_it_goes_on_as_before(looking: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "freeze", lambda: None)  # this process goes on with other tests
    if not looking:
        gc.disable()
    try:
        with gc_tuning.pause_gc():
            assert not gc.isenabled()
        assert gc.isenabled() == looking
    finally:
        gc.enable()
