"""Tables as CSV (RFC 4180) whose cells no spreadsheet takes for a formula, and no terminal for a command. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from triage.text.sanitize import escape_visible

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # a cell that begins so is calculated by one or another
AFTER_SEPARATOR = re.compile(rf"(;[ '\"\u00a0]*)(?=[{re.escape(''.join(FORMULA))}])")  # some programs begin a cell there
Cell = str | int | float | None


def csv_of(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table with its names in the first line, every cell in quotes, whatever a spreadsheet takes for a separator."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(map(safe_cell, head))
    writer.writerows(map(safe_cell, row) for row in rows)
    return text.getvalue()


def safe_cell(cell: Cell) -> Cell:
    """Text as text: control characters are escaped, and what would be a formula begins with an apostrophe. Numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = AFTER_SEPARATOR.sub(r"\1'", escape_visible(cell))
    return f"'{text}" if cell.lstrip(" '\"\u00a0").startswith(FORMULA) else text
