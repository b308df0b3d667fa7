"""Help and completion say of each command what it says itself, and import none."""

import os
import subprocess
import sys

import click
import pytest

from tests.triage_cli import one_line_helps
from tests.triage_cli.conftest import Shell
from triage_cli.lazy_group import Lazy, write_sections
from triage_cli.main import mailroom, run_command
from triage_cli.manual.completion import VARIABLE

PROGRAM = """
import atexit, sys
from triage_cli.main import mailroom, main
late = {f"triage_cli.{one}" for one in (*mailroom.elsewhere.values(), "commands.access.staff_accounts")}
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
    real = {title: [group.get_command(context, name) or group for name in names] for title, names in group.sections(context).items()}
    said, wanted = (click.HelpFormatter(width=width) for _ in range(2))
    group.format_commands(context, said)
    write_sections(real, wanted)
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
    assert [(one.value, one.help) for one in mailroom.shell_complete(context, "tok")] == [("token", "List, create and revoke API tokens.")]


@pytest.mark.parametrize(
    ("given", "meant"),
    [("keepers", "mailroom confidential-removals"), ("quue", "mailroom outgoing"), ("relase", "mailroom release"), ("zzz", "")],
)
def test_a_wrong_command_names_the_right_one(given: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: mailroom([given], prog_name="mailroom", standalone_mode=False)) == 2
    said = capsys.readouterr().err
    assert (f"Did you mean `{meant}`?" in said) if meant else ("Did you mean" not in said)


@pytest.mark.parametrize(("old", "new"), [("queue", "outgoing"), ("rehearse", "simulate"), ("open", "emergency")])
def test_the_names_of_before_that_scripts_use_still_work(old: str, new: str) -> None:
    command = mailroom.get_command(click.Context(mailroom, info_name="mailroom"), old)
    assert command is not None
    assert command.name == new


@pytest.mark.parametrize("words", ["approvals", "confidential-removals", "people", "reported", "requests", "searches", "staff", "token"])
def test_a_group_alone_lists(words: str, shell: Shell) -> None:
    assert shell(words, "--json") == shell(words, "list", "--json")
    assert shell(words).code == 0
