"""The text format, read back by another reading of its rules."""

import math
import re

import pytest
from hypothesis import given, strategies as st

from triage_api.http.prometheus_format import write_exposition, write_gauge, write_labelled

# https://prometheus.io/docs/instrumenting/exposition_formats/, "Text format details"
HEAD = re.compile(r"# (?P<kind>HELP|TYPE) (?P<name>[a-zA-Z_:][\w:]*) (?P<rest>.*)", re.ASCII)
LINE = re.compile(r'(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (?P<value>\S+)', re.ASCII)
PAIR = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"', re.ASCII)
ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def read(document: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Reads the numbers by name and labels; an AssertionError names a line that is not of the format."""
    assert document.endswith("\n")
    described: set[tuple[str, str]] = set()
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for line in document.removesuffix("\n").split("\n"):
        if head := HEAD.fullmatch(line):
            assert (head["kind"], head["name"]) not in described
            described.add((head["kind"], head["name"]))
            continue
        sample = LINE.fullmatch(line)
        assert sample, line
        family = re.sub(r"_(bucket|sum|count)$", "", sample["name"])
        assert {("HELP", sample["name"]), ("TYPE", sample["name"])} <= described or {("HELP", family), ("TYPE", family)} <= described
        labels = tuple((name, re.sub(r"\\.", lambda one: ESCAPED[one[0]], value)) for name, value in PAIR.findall(sample["labels"] or ""))
        assert (sample["name"], labels) not in found
        found[sample["name"], labels] = float(sample["value"])
    return found


def test_a_document() -> None:
    families = [
        write_gauge("up", "Is it?", 1),
        write_labelled("waiting", "How\nmany \\.", "queue", {"in": 2, "out": 0.5}),
        write_gauge("unknown", "None."),
    ]
    assert write_exposition(families) == (
        "# HELP up Is it?\n# TYPE up gauge\nup 1.0\n"
        '# HELP waiting How\\nmany \\\\.\n# TYPE waiting gauge\nwaiting{queue="in"} 2.0\nwaiting{queue="out"} 0.5\n'
        "# HELP unknown None.\n# TYPE unknown gauge\n"
    )


SAYABLE = st.characters(codec="utf-8")


@given(st.dictionaries(st.text(SAYABLE), st.floats(allow_nan=False)), st.text(st.characters(codec="utf-8", exclude_characters="\n\r")))
def test_whatever_the_labels_are_they_are_read_back(values: dict[str, float], about: str) -> None:
    found = read(write_exposition([write_labelled("mailroom_x", about, "of", values)]))
    assert found == {("mailroom_x", (("of", name),)): value for name, value in values.items()}


@pytest.mark.parametrize("value", [0, -1, 1.5, 10**20, 1e-300, math.inf, -math.inf, 12345678901])
def test_a_number_is_read_back(value: float) -> None:
    assert read(write_exposition([write_gauge("x", "y", value)])) == {("x", ()): value}
