"""Verdict of `make bench` on its figures: goals met or missed, worse than recorded or not; only complete figures are recorded."""

import json
from pathlib import Path

import pytest

from bench.rounds import short, verdict
from bench.rounds.goals import GOALS, Goal, at_most
from bench.rounds.verdict import Figure

PART = Figure(9.9, of=50_000, whole=1_000_000)


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (Goal("faster", 2.0), 2.0, True),
        (Goal("faster", 2.0), 1.9, False),
        (at_most("slow", 50), 50, True),
        (at_most("slow", 50), 51, False),
    ],
)
def test_a_goal_is_met_on_its_side(goal: Goal, figure: float, met: bool) -> None:
    assert goal.met(figure) is met


@pytest.mark.parametrize(
    ("name", "figure", "recorded", "worse"),
    [
        ("receive.one", Figure(1.5), 2.0, True),
        ("receive.one", Figure(1.7), 2.0, False),
        ("rows.growth", Figure(2.0), 1.5, True),  # of these less is better
        ("rows.growth", Figure(1.8), 1.5, False),
        ("rows.p99", Figure(90.0), 9.0, False),  # no ratio: another machine is no worse program
        ("receive.one", Figure(0.5), None, False),
        ("rows.growth", PART, 1.5, False),
    ],
)
def test_a_ratio_that_is_a_quarter_worse_than_on_record_is_told(name: str, figure: Figure, recorded: float | None, worse: bool) -> None:
    assert verdict.is_worse(name, figure, {} if recorded is None else {name: recorded}) is worse


def test_what_was_measured_with_less_says_so_in_place_of_a_verdict() -> None:
    rows = {
        name: verdict.format_row(name, GOALS[name], {name: one}, {}) for name, one in (("rows.p99", Figure(9.9)), ("memory.judge", PART))
    }
    assert (rows["rows.p99"][3], rows["memory.judge"][3]) == ("met", "with 50,000 only")


def test_what_programs_told_is_found(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text(
        json.dumps({"measured": {"memory.judge": 9.9, "gone.goal": 1.0}, "of": 50_000, "whole": 1_000_000})
    )
    (tmp_path / "seed.json").write_text(json.dumps({"measured": {"seed.floor": 0.8}}))
    assert verdict.read_latest(tmp_path) == {"memory.judge": PART, "seed.floor": Figure(0.8)}


def test_the_docs_show_what_is_on_record() -> None:
    """`python -m bench.rounds.verdict --record` makes both."""
    figures = verdict.on_record()
    assert set(figures) <= set(GOALS)
    assert verdict.format_table(figures) in verdict.PAGE.read_text()
    assert verdict.PLOT.read_text() == "\n".join(verdict.plot_figures(figures)) + "\n"


def test_what_is_wanted_to_be_nothing_is_drawn_as_far_off_when_there_is_some() -> None:
    assert 'width="180"' in "".join(verdict.plot_bar(at_most("errors", 0, "messages"), 3, 0))


def test_a_short_run_shows_the_figures_of_the_one_before() -> None:
    latest, before = {"pipeline.cpu": Figure(3.0), "memory.judge": PART}, {"pipeline.cpu": Figure(4.0)}
    found = {row[0]: row[2:] for row in short.format_rows(latest, before)}
    assert found == {
        GOALS["pipeline.cpu"].words: ("3.00 ms", "met", "4.00 ms", "0.75 ×"),
        GOALS["memory.judge"].words: ("9.90 MB", "with 50,000 only", "-", ""),
    }


def test_every_program_of_the_short_run_is_there() -> None:
    assert [name for name in short.PROGRAMS if not (Path("bench") / f"{name}.py").exists()] == []
