"""Verdict of all benchmarks, compared with the recorded figures: `make bench` ends with it. `--record` puts what was measured last on
record.

What was measured with less than its goal is about is shown so, and neither compared nor put on record.
"""

import argparse
import html
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import printing
from bench.rounds.goals import GOALS, MEASURED, Goal, judge_figure

RECORDED = Path("bench/recorded.json")
PLOT = Path("docs/performance.svg")
PAGE = Path("docs/explanation/performance.md")
BEGIN, END = "<!-- what is on record: bench.rounds.verdict --record writes it -->", "<!-- that was it -->"
WORSE = 1.25  # times, and a ratio is said to be worse than on record; figures in other units tell of the machine too
ROW, LEFT, WIDTH, MIDDLE = 22, 470, 860, 665  # of the plot, in its units
DOUBLE = 45  # units to the right for twice as good as wanted


@dataclass(frozen=True, slots=True)
class Figure:
    """Measured figure of a goal, and the share of the goal's subject that was measured."""

    value: float
    of: int = 1
    whole: int = 1

    @property
    def counts(self) -> bool:
        """Whether it is about as much as the goal."""
        return self.of >= self.whole


def main() -> int:
    """Print; 1 where a ratio is worse than on record."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--record", action="store_true")
    measured, recorded = read_latest(MEASURED), on_record()
    rows = [format_row(name, goal, measured, recorded) for name, goal in GOALS.items()]
    print(printing.describe_machine())
    printing.print_table(("", "wanted", "measured", "", "on record", "to it"), rows)
    worse = [GOALS[name].words for name, figure in measured.items() if is_worse(name, figure, recorded)]
    for one in worse:
        print(f"worse than on record: {one}")
    if wanted.parse_args().record:
        record_figures(recorded | {name: figure.value for name, figure in measured.items() if figure.counts})
    return 1 if worse else 0


def on_record() -> dict[str, float]:
    """Return the recorded figures."""
    found: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    return found


def record_figures(figures: Mapping[str, float]) -> None:
    """Put these on record, and into the docs."""
    RECORDED.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    PLOT.write_text("\n".join(plot_figures(figures)) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{format_table(figures)}{END}{rest.partition(END)[2]}")


def read_latest(directory: Path) -> dict[str, Figure]:
    """Return the last figure that each program measured."""
    return {
        name: Figure(value, told.get("of", 1), told.get("whole", 1))
        for told in (json.loads(path.read_text()) for path in sorted(directory.glob("*.json")))
        for name, value in told["measured"].items()
        if name in GOALS
    }


def format_row(name: str, goal: Goal, measured: Mapping[str, Figure], recorded: Mapping[str, float]) -> tuple[str, ...]:
    """A goal as the table shows it."""
    now, before = measured.get(name), recorded.get(name)
    shown = "-" if before is None else goal.shown(before)
    if now is None:
        return goal.words, goal.wanted, "-", "", shown, ""
    if not now.counts:
        return goal.words, goal.wanted, goal.shown(now.value), f"with {now.of:,} only", shown, ""
    change = printing.format_ratio(now.value, before) if before else ""
    return goal.words, goal.wanted, goal.shown(now.value), judge_figure(goal, now.value), shown, change


def format_table(figures: Mapping[str, float]) -> str:
    """The table of docs/explanation/performance.md."""
    head = "| goal | wanted | on record | |\n| --- | ---: | ---: | --- |\n"
    return head + "".join(
        f"| {goal.words.strip()} | {goal.wanted} | {goal.shown(figures[name])} | {judge_figure(goal, figures[name])} |\n"
        if name in figures
        else f"| {goal.words.strip()} | {goal.wanted} | | not on record yet |\n"
        for name, goal in GOALS.items()
    )


def is_worse(name: str, figure: Figure, recorded: Mapping[str, float]) -> bool:
    """Whether a ratio has become worse by more than noise."""
    goal, now, before = GOALS[name], figure.value, recorded.get(name)
    if goal.unit != "×" or not before or not now or not figure.counts:
        return False
    return (now / before if goal.at_most else before / now) > WORSE


def plot_figures(figures: Mapping[str, float]) -> Iterator[str]:
    """Plot the distance of each figure from its goal as an SVG: further right is better, each line is twice as good."""
    shown = [(goal, figures[name]) for name, goal in GOALS.items() if figures.get(name)]
    height = ROW * (len(shown) + 1)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#333">'
    yield "<title>What was measured, and what was wanted</title>"
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    for doubles in range(-4, 5):
        stroke = "#333" if not doubles else "#ddd"
        yield f'<path d="M{MIDDLE + doubles * DOUBLE} 0V{height - ROW}" stroke="{stroke}"/>'
        yield f'<text x="{MIDDLE + doubles * DOUBLE}" y="{height - 6}" text-anchor="middle">{2.0**doubles:g}</text>'
    for place, (goal, figure) in enumerate(shown):
        yield from plot_bar(goal, figure, ROW * place)
    yield "</svg>"


def plot_bar(goal: Goal, figure: float, top: int) -> Iterator[str]:
    """Draws one line of the plot."""
    better = goal.bound / figure if goal.at_most else figure / goal.bound
    length = max(-4.0, min(4.0, math.log2(better) if better else -math.inf)) * DOUBLE  # 0 is wanted, and there are some
    colour = "#2e7d4f" if goal.met(figure) else "#b3541e"
    words = html.escape(f"{goal.words}: {goal.shown(figure)}")
    left, width = MIDDLE + min(0.0, length), max(2.0, abs(length))
    yield f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end">{words}</text>'
    yield f'<rect x="{left:.0f}" y="{top + 4}" width="{width:.0f}" height="{ROW - 8}" fill="{colour}"/>'


if __name__ == "__main__":
    sys.exit(main())
