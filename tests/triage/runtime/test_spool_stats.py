"""Statistics of the spool, read from the names of batches."""

import re
from pathlib import Path

import pytest

from tests.triage.arriving import NOW
from triage.runtime.spool_stats import OFTEN, Backlog, batch_name, spool_backlog


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name in ("incoming", "retry", "damaged"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_name_tells_when_by_whom_and_how_much() -> None:
    assert re.fullmatch(r"[0-9A-Z]{13}\.17\.250\.batch", batch_name(17, 250))
    names = [batch_name(17, 1) for _ in range(100)]
    assert names == sorted(set(names))


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        ([], 0),
        (["{0}", "{1}"], 253),
        (["0AMSCK1ANT458.5239.batch"], 1),
        (["anything.batch"], 1),
        (["0AMSCK1ANT458.5239.7.batch.tmp", "judge.lock"], 0),
    ],
)
def test_how_much_waits(names: list[str], messages: int, spool: Path) -> None:
    names = [name.format(batch_name(1, 250), batch_name(2, 3)) for name in names]
    for name in names:
        (spool / "incoming" / name).touch()
    found = spool_backlog(spool)
    assert (found.messages, found.deferred, found.damaged) == (messages, 0, 0)
    whole = [name for name in names if re.fullmatch(r".{13}\.\d+\.\d+\.batch", name)]
    assert bool(found.oldest) == bool(whole)
    assert found.oldest in (None, NOW)


def test_deferred_stuck_and_damaged_batches_are_counted(spool: Path) -> None:
    for attempt in (1, OFTEN - 1, OFTEN, 999):
        (spool / "retry" / f"0001764000000000.{attempt:03d}.0AMSCK1ANT458.1.batch").touch()
    (spool / "retry" / "stray.batch").touch()
    (spool / "damaged" / batch_name(1, 9)).touch()
    assert spool_backlog(spool) == Backlog(deferred=5, stuck=2, damaged=1)


def test_a_spool_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spool_backlog(tmp_path)
