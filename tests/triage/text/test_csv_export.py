"""CSV that is only read, never calculated."""

import csv
import io

import pytest
from hypothesis import given, strategies as st

from triage.text.csv_export import FORMULA, csv_of, safe_cell


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ('=HYPERLINK("https://bad.example","Open")', '\'=HYPERLINK("https://bad.example","Open")'),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("'=1", "''=1"),
        ("＝1", "'＝1"),
        ("\t=1", "'\\x09=1"),
        ("Roth; =1+1", "Roth; '=1+1"),
        ("a;b; c=d", "a;b; c=d"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("Anna Roth", "Anna Roth"),
        ("", ""),
        (-5, -5),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_cells(cell: str | float | None, written: str | float | None) -> None:
    assert safe_cell(cell) == written


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_whatever_is_written_is_read_back_as_text_in_its_cells(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_of(("one", "two"), rows), newline="")))
    assert read == [["one", "two"], *([str(safe_cell(cell)) for cell in row] for row in rows)]
    assert not any(cell.strip(" ").startswith(FORMULA) for row in read for cell in row)
