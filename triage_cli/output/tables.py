"""Lists and single things for a terminal, a pipe, a program (JSON) or a spreadsheet (CSV). No control character of mail gets there.

Text is shown with harmful characters as escapes (triage.text.sanitize), in JSON too: what a program prints of it harms no terminal either.
"""

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import update_wrapper
from itertools import accumulate
from typing import Any

import click

from triage.text.csv_export import csv_of
from triage.text.sanitize import escape_visible

Row = Mapping[str, Any]
GAP = 2  # columns between two cells
NARROWEST = 6  # columns of a terminal that a cell keeps
SHORT, FEWEST = 17, 10  # what is no wider than this is cut only when what is wider has so few columns left
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(\+00:00|Z)")
CUT = "…"


class Form(StrEnum):
    """Output format of a command."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True)
class Shape:
    """Output of a command: its fields and their meaning, in the order of JSON and CSV, and those that a table has room for."""

    fields: Mapping[str, str]
    table: tuple[str, ...] = ()

    def print(self, rows: Iterable[Row], form: Form) -> None:
        """A list: a table, one JSON array, or CSV with a heading."""
        ordered = [{name: row[name] for name in self.fields} for row in rows]
        if form is Form.TEXT:
            print_table(ordered, self.table or tuple(self.fields))
        elif form is Form.CSV:
            click.echo(csv_text(list(self.fields), ordered), nl=False)
        else:
            print_json(ordered)

    def print_one(self, values: Row, form: Form) -> None:
        """Prints names and values, a line each, without empty ones; or a JSON object."""
        ordered = {name: values[name] for name in self.fields}
        if form is Form.JSON:
            print_json(ordered)
        else:
            print_pairs(ordered)


SENTENCE_SHAPE = Shape({"said": "the command's messages, a sentence each"})
CHANGED = Shape({**SENTENCE_SHAPE.fields, "answers": "the API's answer to each request that changed something"})
SENTENCES: ContextVar[list[str] | None] = ContextVar("SENTENCES", default=None)  # that --json prints when the command ends


class FormOption(click.Option):
    """--json or --csv, with the shape of what comes then, for the manual."""

    def __init__(self, *names: Any, shape: Shape, of_many: bool, **more: Any) -> None:
        super().__init__(*names, **more)
        self.shape, self.of_many = shape, of_many


def list_options(shape: Shape) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command that prints a list has --json and --csv; it gets them as `form`."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        as_csv = form_flag("--csv", Form.CSV, shape, of_many=True, text="As CSV for a spreadsheet; no cell is read as a formula.")
        return form_flag("--json", Form.JSON, shape, of_many=True, text="As one JSON array.")(as_csv(command))

    return decorated


def json_option(shape: Shape) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command that prints one thing has --json; it gets it as `form`."""
    return form_flag("--json", Form.JSON, shape, of_many=False, text="As a JSON object.")


def json_sentences(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that only says sentences has --json: they come as one object."""

    def collected(*words: Any, form: Form, **given: Any) -> Any:
        with collect_sentences(SENTENCE_SHAPE, form):
            return command(*words, **given)

    return json_option(SENTENCE_SHAPE)(update_wrapper(collected, command))


@contextmanager
def collect_sentences(shape: Shape, form: Form, answers: Sequence[Any] = (), *, always: bool = True) -> Iterator[None]:
    """With `--json`, print what is said as one object at the end. Without `always`, or after a fault, only if something was said."""
    if form is not Form.JSON:
        yield
        return
    sentences: list[str] = []
    token, is_done = SENTENCES.set(sentences), False
    try:
        yield
        is_done = always
    finally:
        SENTENCES.reset(token)
        if is_done or sentences or answers:
            shape.print_one({"said": sentences, "answers": answers}, form)


def form_flag(name: str, form: Form, shape: Shape, *, of_many: bool, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Option that chooses an output form."""
    more: dict[str, Any] = {"flag_value": form, "type": click.UNPROCESSED, "default": Form.TEXT}
    return click.option(name, "form", cls=FormOption, shape=shape, of_many=of_many, help=text, **more)


def print_rows(rows: Iterable[Row], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print rows: as one JSON array, or as a table."""
    rows = list(rows)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns)


def print_fields(values: Row, *, as_json: bool) -> None:
    """Print one thing: as a JSON object, or a name and a value a line."""
    if as_json:
        print_json(values)
    else:
        print_pairs(values)


def say(sentence: str) -> None:
    """Print one sentence; under `--json` of a command that only says sentences, when it ends."""
    if (sentences := SENTENCES.get()) is None:
        click.echo(escape_visible(sentence))
    else:
        sentences.append(sentence)


def warn(sentence: str) -> None:
    """Say something on standard error, where no script reads it as an answer."""
    click.echo(f"mailroom: {escape_visible(sentence)}", err=True)


def print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Columns below headings, no wider than the terminal; in a pipe nothing is cut."""
    if not rows:
        return
    there = terminal_width()
    table = [[cell_text(row[name]) for row in rows] for name in columns]
    dates = [all(not text or INSTANT.fullmatch(text) for text in texts) for texts in table]
    shown = [[name.upper(), *(map(to_the_minute, texts) if there else texts)] for name, texts in zip(columns, table, strict=True)]
    places = fit_columns(shown, there)
    shown, whole = [shown[place] for place in places], {new for new, place in enumerate(places) if dates[place]}
    widths = fit_widths([max(map(text_width, texts)) for texts in shown], there, whole)
    for line in zip(*shown, strict=True):
        click.echo((" " * GAP).join(fill_text(text, most) for text, most in zip(line, widths, strict=True)).rstrip())


def fit_columns(table: Sequence[Sequence[str]], there: int | None) -> list[int]:
    """The columns that are shown: all, or where they are too wide together, those with something below the heading, and the first."""
    taken = sum(max(map(text_width, texts)) + GAP for texts in table) - GAP
    return [place for place, texts in enumerate(table) if there is None or taken <= there or not place or any(texts[1:])]


def print_pairs(values: Row) -> None:
    """A name and a value a line; of several values each has its own."""
    longest = max(map(len, values), default=0)
    for name, value in values.items():
        if value not in ("", None, [], ()):
            for one in value if isinstance(value, list) else [value]:
                say(f"{name.ljust(longest)}  {cell_text(one)}")


def print_json(values: Any) -> None:
    """Values as JSON that is ASCII throughout."""
    click.echo(json_text(values, indent=1))


def json_text(values: Any, indent: int | None = None) -> str:
    """JSON of printable ASCII, with harmful characters as visible escapes in the text itself; line ends and tabs stay."""
    return ascii_json(show_harmless(values), indent)


def ascii_json(values: Any, indent: int | None = None) -> str:
    """JSON of printable ASCII whose text is exactly what was given, for what is read back or proved."""
    return json.dumps(values, ensure_ascii=True, indent=indent, default=str).replace("\x7f", "\\u007f")


def show_harmless(value: Any) -> Any:
    """A value with every text in it harmless."""
    if isinstance(value, str):
        return escape_visible(value, lines=True)
    if isinstance(value, Mapping):
        return {show_harmless(name): show_harmless(one) for name, one in value.items()}
    return [show_harmless(one) for one in value] if isinstance(value, list | tuple) else value


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """The rows as CSV."""
    return csv_of(columns, ([csv_cell(row[name]) for name in columns] for row in rows))


def csv_cell(value: Any) -> str | int | float:
    """A value for a spreadsheet: numbers stay numbers."""
    return value if type(value) in (int, float) else cell_text(value)


def cell_text(value: Any) -> str:
    """A value in one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return json_text(value)
    return escape_visible(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def terminal_width() -> int | None:
    """The columns of the terminal, None in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def to_the_minute(text: str) -> str:
    """An instant (in UTC) as a terminal has room for it; other text as it is."""
    found = INSTANT.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def fit_widths(widths: Sequence[int], most: int | None, whole: Collection[int] = ()) -> list[int]:
    """Widths of columns that fit: the widest give first, short ones last; the first one, which names the thing, and `whole` ones never."""
    if most is None:
        return list(widths)
    never = {0, *whole}
    others = {place: one for place, one in enumerate(widths) if place not in never}
    left = most - GAP * (len(widths) - 1) - sum(widths[place] for place in never)
    for kept, fewest in ((SHORT, FEWEST), (0, NARROWEST)):
        cap = max(others.values(), default=0)
        while cap > fewest and sum(cap_widths(others, cap, kept).values()) > left:
            cap -= 1
        others = cap_widths(others, cap, kept)
    return [others.get(place, one) for place, one in enumerate(widths)]


def cap_widths(widths: Mapping[int, int], cap: int, kept: int) -> dict[int, int]:
    """Widths with those above `kept` at `cap` at most."""
    return {place: min(one, cap) if one > kept else one for place, one in widths.items()}


def fill_text(text: str, columns: int) -> str:
    """Text in exactly so many columns: cut, or with spaces behind it."""
    taken = text_width(text)
    if taken > columns:
        text = clip_text(text, columns - 1) + CUT
        taken = text_width(text)
    return text + " " * (columns - taken)


def text_width(text: str) -> int:
    """The columns that a text takes on a terminal: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def columns_of(character: str) -> int:
    """The columns of one character (Unicode Standard Annex 11)."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def clip_text(text: str, columns: int) -> str:
    """The beginning of a text, no wider than that."""
    if text.isascii():
        return text[:columns]
    ends = accumulate(map(columns_of, text))
    return "".join(character for character, end in zip(text, ends, strict=True) if end <= columns)
