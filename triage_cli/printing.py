"""Lists and single things on a terminal or as JSON. Nothing that came from mail gets there with control characters."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from triage.visible import visible


def table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """Print rows: as one JSON array, or as aligned columns with a heading."""
    rows = list(rows)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=True, indent=1, default=str))
        return
    cells = [[visible(str(row[name])) for name in columns] for row in rows]
    widths = [max(map(len, [name, *(line[place] for line in cells)])) for place, name in enumerate(columns)]
    for line in [[name.upper() for name in columns], *cells] if cells else []:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def pairs(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: as a JSON object, or a name and a value a line; empty values are left out."""
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=True, indent=1, default=str))
        return
    width = max(map(len, values), default=0)
    for name, value in values.items():
        if value not in ("", None, [], ()):
            for text in value if isinstance(value, list) else [value]:
                click.echo(f"{name.ljust(width)}  {visible(str(text))}")


def say(sentence: str) -> None:
    """Print one sentence."""
    click.echo(visible(sentence))
