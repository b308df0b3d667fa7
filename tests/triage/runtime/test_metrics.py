"""Metrics summed over processes: they survive restarts, and a failure to write them ends no process."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from triage.errors import BadInput
from triage.runtime import metrics

ROOT = Path(__file__).parents[3]
WORK = """
import logging, sys
from pathlib import Path
from triage.runtime import metrics
metrics.begin_metrics(Path(sys.argv[1]), sys.argv[2])
metrics.count_event("mailroom_judged")
metrics.count_event("mailroom_smtp_answers", code="250")
metrics.count_event("mailroom_acts", 3, act="decision")
metrics.observe_seconds("mailroom_judging_seconds", 0.07)
if len(sys.argv) > 3:
    metrics.set_gauge("mailroom_certificate_end_timestamp_seconds", float(sys.argv[3]), role="receive")
logging.getLogger().addHandler(metrics.Counting("judge"))
logging.getLogger("x").warning("careful")
"""


def work(spool: Path, process: str, *ends: str) -> None:
    """Life of a process that counts, and may know when a certificate ends."""
    subprocess.run([sys.executable, "-W", "error", "-c", WORK, str(spool), process, *ends], check=True, cwd=ROOT)


def counted(spool: Path) -> dict[str, float]:
    """Samples that a monitor reads."""
    samples = [sample for metric in metrics.collect_metrics(spool) for sample in metric.samples]
    return {" ".join([one.name, *(value for _, value in sorted(one.labels.items()))]): one.value for one in samples}


def test_processes_are_summed_and_go_on_after_a_restart(tmp_path: Path) -> None:
    for process in ("judge", "receive-0", "judge"):
        work(tmp_path, process)
    found = counted(tmp_path)
    assert found["mailroom_judged_total"] == 3
    assert found["mailroom_smtp_answers_total 250"] == 3
    assert found["mailroom_acts_total decision"] == 9
    assert found["mailroom_log_events_total warning judge"] == 3
    assert found["mailroom_judging_seconds_count"] == 3
    assert (found["mailroom_judging_seconds_bucket 0.05"], found["mailroom_judging_seconds_bucket 0.1"]) == (0, 3)


def test_what_several_say_of_one_thing_is_what_was_said_last_and_ends_with_who_said_it(tmp_path: Path) -> None:
    found = []
    for process, *ends in (("receive-0", "300"), ("receive-1", "100"), ("receive-1",), ("receive-0",)):
        work(tmp_path, process, *ends)
        found.append(counted(tmp_path).get("mailroom_certificate_end_timestamp_seconds receive"))
    assert found == [300, 100, 300, None]


def test_who_ends_says_nothing_more_of_what_it_knew(tmp_path: Path) -> None:
    """A door that is no longer opened on this machine shows no certificate either, which would end some day."""
    work(tmp_path, "outbound", "300")
    metrics.end_metrics(tmp_path, "outbound")
    found = counted(tmp_path)
    assert "mailroom_certificate_end_timestamp_seconds receive" not in found
    assert found["mailroom_judged_total"] == 1, "what it counted stays"
    metrics.end_metrics(tmp_path, "api")  # who never began
    work(tmp_path, "outbound", "400")
    assert counted(tmp_path)["mailroom_certificate_end_timestamp_seconds receive"] == 400


def test_the_group_is_inherited_where_nobody_may_set_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    tmp_path.chmod(metrics.SHARED)
    monkeypatch.setattr(Path, "chmod", refused)
    before = os.umask(0o007)
    try:
        metrics.begin_metrics(tmp_path, "receive")
    finally:
        os.umask(before)
        monkeypatch.setattr(metrics, "_known", {})
    assert (tmp_path / metrics.DIRECTORY).stat().st_mode & 0o7777 == metrics.SHARED
    assert caplog.text == ""


def test_a_damaged_file_begins_anew(tmp_path: Path) -> None:
    work(tmp_path, "judge")
    for file in (tmp_path / metrics.DIRECTORY).iterdir():
        file.write_bytes(b"\xff" * 100)
    work(tmp_path, "judge")
    assert counted(tmp_path)["mailroom_judged_total"] == 1


def test_the_space_is_taken_before_it_is_needed(tmp_path: Path) -> None:
    work(tmp_path, "judge")
    assert all(file.stat().st_blocks * 512 >= metrics.RESERVED for file in (tmp_path / metrics.DIRECTORY).iterdir())


def test_a_place_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / metrics.DIRECTORY).write_text("a file")
    with caplog.at_level(logging.WARNING):
        metrics.begin_metrics(tmp_path, "judge")
    assert "nothing is measured" in caplog.text
    metrics.count_event("mailroom_judged")
    with pytest.raises(BadInput, match="no process has measured anything"):
        metrics.collect_metrics(tmp_path)


def test_before_anything_begins_nothing_is_counted() -> None:
    metrics.count_event("mailroom_judged")
    with metrics.time_block("mailroom_visit_seconds"):
        pass
