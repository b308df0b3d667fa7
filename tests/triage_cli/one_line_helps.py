"""Helps in one line each, read from the commands.

`python -m tests.triage_cli.one_line_helps` writes triage_cli/one_line_helps.py again; a test holds it.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from triage_cli.lazy_group import Lazy
from triage_cli.main import mailroom

FILE = Path(__file__).parents[2] / "triage_cli" / "one_line_helps.py"
WHOLE = 10_000  # characters that no help has
HEAD = '''"""One-line helps of the commands that are imported late. Written by `make reference`: edit the command instead."""

HELPS = {
'''


def present(group: Lazy = mailroom, before: str = "") -> Iterator[tuple[str, str]]:
    """Yields the commands that a group imports late, with their name and line."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert not command.hidden, "a table of lines cannot hide a command"
        if name in group.elsewhere:
            yield before + name, command.get_short_help_str(WHOLE)
        if isinstance(command, Lazy):
            yield from present(command, f"{before}{name} ")


def written() -> str:
    """The file."""
    return HEAD + "".join(f'    "{words}": {quoted(line)},\n' for words, line in present()) + "}\n"


def quoted(line: str) -> str:
    """A line as ruff writes it."""
    return repr(line) if '"' in line and "'" not in line else '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
