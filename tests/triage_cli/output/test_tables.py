"""Hostile text of messages in tables, JSON, CSV, sentences and logs: it controls no terminal, hides nothing, and computes nothing."""

import contextlib
import csv
import io
import json
import logging
import os
import sys
import unicodedata

import pytest
from hypothesis import given, strategies as st

from triage.text.csv_export import FORMULA
from triage.text.sanitize import HARMFUL, escape_visible
from triage_cli.output import tables
from triage_cli.output.tables import Form, Shape, ascii_json, fill_text, fit_widths, json_text, say, text_width, warn
from triage_cli.services.log_format import JsonLines, TextLines

SHAPE = Shape({"id": "", "subject": "", "names": "", "count": "", "more": ""}, ("id", "subject", "names", "count"))
TEXTS = st.text(st.characters(exclude_categories=()))  # also lone surrogates
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.just("0AN8X5W8X1FVK"),
            "subject": TEXTS,
            "names": st.lists(TEXTS, max_size=3),
            "count": st.integers() | st.none() | st.booleans(),
            "more": st.dictionaries(TEXTS, TEXTS, max_size=2),
        }
    ),
    max_size=3,
)


def printed(rows: list[dict[str, object]], form: Form) -> str:
    """Text on standard output."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        SHAPE.print(rows, form)
    return out.getvalue()


def is_harmless(text: str) -> bool:
    """Whether these lines control no terminal and hide nothing."""
    return not any(HARMFUL.search(line) for line in text.replace("\r\n", "\n").split("\n"))


@given(ROWS)
def test_a_table_has_a_line_for_each_row(rows: list[dict[str, object]]) -> None:
    text = printed(rows, Form.TEXT)
    assert is_harmless(text)
    assert text.count("\n") == (len(rows) + 1 if rows else 0)


@given(ROWS)
def test_json_is_ascii_and_holds_what_is_visible(rows: list[dict[str, object]]) -> None:
    text = printed(rows, Form.JSON)
    assert text.isascii()
    assert is_harmless(text)
    found = json.loads(text)
    assert [one["subject"] for one in found] == [escape_visible(str(row["subject"]), lines=True) for row in rows]
    assert [one["count"] for one in found] == [row["count"] for row in rows]


@given(TEXTS)
def test_what_is_read_back_is_exactly_what_it_was(text: str) -> None:
    written = ascii_json({"note": text})
    assert (written.isascii(), is_harmless(written)) == (True, True)
    assert json.loads(written) == {"note": text}


@given(ROWS)
def test_csv_is_read_back_row_by_row_and_calculates_nothing(rows: list[dict[str, object]]) -> None:
    text = printed(rows, Form.CSV)
    assert is_harmless(text)
    head, *found = csv.reader(io.StringIO(text))
    assert (head, len(found)) == (list(SHAPE.fields), len(rows))
    for row in found:
        assert not any(cell.startswith(FORMULA) for cell in row[:3])


@given(TEXTS)
def test_sentences_and_refusals_are_one_line(text: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        say(text)
        warn(text)
    for said in (out.getvalue(), err.getvalue()):
        assert (said.count("\n"), is_harmless(said)) == (1, True)


@given(TEXTS)
def test_a_log_line_is_one_line(text: str) -> None:
    record = logging.LogRecord("mailroom.judge", logging.WARNING, "", 0, "from %(sender)s", ({"sender": text},), None)
    for line in (TextLines("judge").format(record), JsonLines("judge").format(record)):
        assert ("\n" in line, is_harmless(line)) == (False, True)


def test_the_trace_of_a_fault_has_its_lines() -> None:
    try:
        raise ValueError("bad\x1b[2J")
    except ValueError:
        record = logging.LogRecord("mailroom.judge", logging.ERROR, "", 0, "fault", (), sys.exc_info())
    text = TextLines("judge").format(record)
    assert (is_harmless(text), text.splitlines()[-1]) == (True, r"ValueError: bad\x1b[2J")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9), st.integers(40, 200))
def test_columns_fit_and_the_first_is_whole(widths: list[int], room: int) -> None:
    found = fit_widths(widths, room)
    assert found[0] == widths[0]
    assert all(mine <= wanted for mine, wanted in zip(found, widths, strict=True))
    total = sum(found) + 2 * (len(found) - 1)
    assert total <= room or all(mine <= tables.NARROWEST for mine in found[1:])
    assert fit_widths(widths, None) == widths
    assert fit_widths(widths, room, [len(widths) - 1])[-1] == widths[-1]


@given(st.text(st.characters(categories=("L", "N", "S", "Mn"))), st.integers(2, 30))
def test_a_cell_takes_exactly_its_columns(text: str, columns: int) -> None:
    assert text_width(fill_text(text, columns)) == columns


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("東京", 4), ("é", 1), ("e\u0301", 1), ("🎉", 2), ("", 0)])
def test_wide_and_combining_characters_are_counted(text: str, columns: int) -> None:
    assert text_width(text) == columns
    assert len(unicodedata.normalize("NFC", text)) <= max(columns, 1)


def test_a_table_fits_the_terminal_and_a_pipe_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, object]] = [{"id": "1" * 13, "subject": "東" * 60, "names": ["x" * 90], "count": 7, "more": {}}]
    assert "東" * 60 in printed(rows, Form.TEXT)
    monkeypatch.setattr(tables, "terminal_width", lambda: 60)
    head, line = printed(rows, Form.TEXT).splitlines()
    assert head.split() == ["ID", "SUBJECT", "NAMES", "COUNT"]
    assert (text_width(line), line.startswith("1" * 13), line.count("…")) == (text_width(line.rstrip()), True, 2)
    assert 50 < text_width(line) <= 60


def test_columns_without_a_value_give_way_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, object]] = [{"id": "1", "subject": "x" * 50, "names": [], "count": "", "more": ""}]
    monkeypatch.setattr(tables, "terminal_width", lambda: 60)
    assert printed(rows, Form.TEXT).splitlines()[0].split() == ["ID", "SUBJECT"]
    monkeypatch.setattr(tables, "terminal_width", lambda: 100)
    assert printed(rows, Form.TEXT).splitlines()[0].split() == ["ID", "SUBJECT", "NAMES", "COUNT"]


def test_a_terminal_of_80_columns_shows_dates_and_states_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape({"id": "", "state": "", "received": "", "folder": "", "sender": "", "subject": ""})
    values = ("1" * 13, "relaying", "2026-11-24T09:30:00+00:00", "it+joe.fern", "somebody@customer.example", "Your order of last week")
    monkeypatch.setattr(tables, "terminal_width", lambda: 80)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        shape.print([dict(zip(shape.fields, values, strict=True))], Form.TEXT)
    assert out.getvalue().splitlines()[1] == f"{'1' * 13}  relaying  2026-11-24 09:30  it+joe.fern  somebody@c…  Your order…"


def test_the_room_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tables.terminal_width() is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "97")
    assert tables.terminal_width() == 97
    assert os.environ["COLUMNS"] == "97"


def test_json_text_of_one_line_has_no_line_ends() -> None:
    assert json_text({"a": "x\ny\x7f"}) == '{"a": "x\\ny\\\\x7f"}'
