"""deploy/grafana: every panel asks Prometheus a question that it can answer, about metrics and labels that there are."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_alerts import PAGE, names

DASHBOARD: dict[str, Any] = json.loads((Path(__file__).parents[2] / "deploy" / "grafana" / "mailroom.json").read_text())
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
ASKED = [(panel["title"], target["expr"], target["legendFormat"]) for panel in PANELS for target in panel["targets"]]
OF_SCRAPES = {"job", "instance"}  # labels that Prometheus adds
WIDTH = 24  # of a dashboard's grid

pytestmark = pytest.mark.peers


def labels_on_page() -> dict[str, set[str]]:
    """Each metric of docs/reference/metrics.md and its labels."""
    rows = re.findall(r"^\| `(mailroom_\w+)` \| ([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    return {re.sub(r"_total$", "", name): set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def as_prometheus_gets_it(expression: str) -> str:
    """The question with its variables filled in, as Grafana does."""
    return expression.replace("$__rate_interval", "5m").replace("$job", "mailroom").replace("$instance", ".*")


def test_promtool_reads_every_question(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": as_prometheus_gets_it(asked)} for number, (_, asked, _) in enumerate(ASKED)]
    assert "$" not in json.dumps(rules)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ASKED)} rules found" in done.stdout


@pytest.mark.parametrize(("title", "asked", "legend"), ASKED, ids=[f"{title}: {legend}" for title, _, legend in ASKED])
def test_metrics_and_labels_are_on_the_page(title: str, asked: str, legend: str) -> None:
    known = labels_on_page()
    asks = names(asked)
    assert asks
    assert asks <= known.keys(), title
    allowed = set.intersection(*(known[name] for name in asks)) | OF_SCRAPES
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", asked) for label in labels.split(", ")}
    assert grouped - {"le"} <= allowed
    assert set(re.findall(r"(\w+)=~?\"", asked)) <= allowed
    assert set(re.findall(r"{{(\w+)}}", legend)) <= grouped, "a legend names what the question groups by"


def test_counters_are_asked_for_their_increase_and_gauges_are_not() -> None:
    for _, asked, _ in ASKED:
        counted = set(re.findall(r"(?:rate|increase)\((mailroom_\w+){", asked))
        assert counted == set(re.findall(r"mailroom_\w+_(?:total|count|bucket)\b", asked))


def test_everything_that_is_measured_has_a_panel() -> None:
    shown = set.union(*(names(asked) for _, asked, _ in ASKED))
    left_out = {
        "mailroom_spool_damaged_batches",
        "mailroom_webhook_oldest_age_seconds",
        "mailroom_webhook_gone",
        "mailroom_webhook_dropped",
    }
    clock = {"mailroom_time_seconds", "mailroom_directory_seconds", "mailroom_directory_readings"}
    assert labels_on_page().keys() - shown == left_out | clock, "alerts watch these"


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= WIDTH
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
