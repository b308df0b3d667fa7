"""Alerts: Prometheus reads them, they fire when they should, and they speak of metrics that there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from triage.runtime import metrics

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("words", [("check", "rules", "mailroom.rules.yml"), ("test", "rules", "mailroom.rules.test.yml")], ids=str)
def test_promtool_is_content(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=ALERTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do_about_metrics_that_the_page_explains() -> None:
    text = (ALERTS / "mailroom.rules.yml").read_text()
    assert text.count("- alert:") == text.count("do:") == text.count("summary:")
    assert names(text) <= explained()


def test_the_page_explains_what_the_processes_count() -> None:
    assert {*metrics.COUNTERS, *metrics.HISTOGRAMS} <= explained()


def test_what_alerts_see_increase_is_there_before_it_does(tmp_path: Path) -> None:
    """Prometheus sees no increase from nothing to 1."""
    begin = "import sys, pathlib; from triage.runtime import metrics; metrics.begin_metrics(pathlib.Path(sys.argv[1]), sys.argv[2])"
    for process in ("relay", "receive-0"):
        subprocess.run([sys.executable, "-c", begin, str(tmp_path), process], check=True, cwd=ALERTS.parents[1])
    there = [sample for metric in metrics.collect_metrics(tmp_path) for sample in metric.samples]
    seen = re.findall(r"(?:increase|rate)\((\w+)(?:\{(.*?)\})?\[", (ALERTS / "mailroom.rules.yml").read_text())
    wanted = [(name, dict(re.findall(r'(\w+)="(.*?)"', labels))) for name, labels in seen]
    assert len(wanted) > 5
    for name, labels in wanted:
        found = [one for one in there if one.name == name and labels.items() <= one.labels.items()]
        assert {one.value for one in found} == {0}, (name, labels)
    assert {one.labels["role"] for one in there if one.name == "mailroom_log_events_total"} == {"relay", "receive"}


def names(text: str) -> set[str]:
    """The metrics that a text names, without what their kind puts behind."""
    return {re.sub(r"_(total|count|bucket|\*)$", "", name) for name in re.findall(r"mailroom_\w+", text)}


def explained() -> set[str]:
    """Names on the page."""
    return names(PAGE.read_text())
