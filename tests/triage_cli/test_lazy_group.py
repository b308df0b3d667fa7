"""Help and completion say of each command what it says itself, and import none."""

import os
import subprocess
import sys

import click
import pytest

from tests.triage_cli import one_line_helps
from triage_cli.lazy_group import Lazy, Listing
from triage_cli.main import mailroom
from triage_cli.manual.completion import VARIABLE

PROGRAM = """
import atexit, sys
from triage_cli.main import COMMANDS, main
late = {f"triage_cli.{one}" for one in (*COMMANDS.values(), "commands.access.staff_accounts")}
late |= {"triage.config.settings", "sqlalchemy", "fastapi"}
atexit.register(lambda: sys.stderr.write(" ".join(sorted(late & set(sys.modules)))))
main()
"""


def test_the_table_is_what_the_commands_say() -> None:
    assert one_line_helps.FILE.read_text("utf-8") == one_line_helps.written(), "run `make reference`"


@pytest.mark.parametrize("words", ["", "staff", "audit"])
@pytest.mark.parametrize("width", [40, 78, 200])
def test_help_is_as_if_all_commands_were_imported(words: str, width: int) -> None:
    root = click.Context(mailroom, info_name="mailroom")
    group = mailroom.get_command(root, words) if words else mailroom
    assert isinstance(group, Lazy)
    context = click.Context(group, info_name=words, parent=root) if words else root
    real = {name: group.get_command(context, name) or group for name in group.list_commands(context)}
    said, wanted = (click.HelpFormatter(width=width) for _ in range(2))
    group.format_commands(context, said)
    Listing(commands=real).format_commands(context, wanted)
    assert said.getvalue() == wanted.getvalue()


@pytest.mark.parametrize(
    ("words", "completes", "imported"),
    [
        ("--version", "", ""),
        ("--help", "", ""),
        ("", "mailroom dec", ""),
        ("", "mailroom --", ""),
        ("audit --help", "", "triage_cli.commands.records.audit"),
        ("", "mailroom audit ke", "triage_cli.commands.records.audit"),
    ],
)
def test_no_command_is_imported_for_what_another_one_says(words: str, completes: str, imported: str) -> None:
    given = {VARIABLE: "zsh_complete", "COMP_WORDS": completes, "COMP_CWORD": str(len(completes.split()) - 1)} if completes else {}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words.split()], env=os.environ | given, capture_output=True, text=True, check=False
    )
    assert (bool(done.stdout), done.stderr) == (True, imported)


def test_a_shell_is_told_what_a_command_is_for() -> None:
    context = click.Context(mailroom, info_name="mailroom")
    assert [(one.value, one.help) for one in mailroom.shell_complete(context, "tok")] == [
        ("token", "Keys for programs: each for some kinds of...")
    ]
