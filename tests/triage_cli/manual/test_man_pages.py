"""The manual: each command, option and field says what it means; the pages are clean; a shell completes what there is."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.outbound import submit_command
from triage_cli import main
from triage_cli.main import mailroom
from triage_cli.manual.command_tree import Entry, list_entries
from triage_cli.manual.completion import SHELLS, VARIABLE
from triage_cli.manual.man_pages import escape_roff, to_roff, write_pages

ROOT = Path(__file__).parents[3]
BY_HAND = [*(ROOT / "deploy" / "man").iterdir(), ROOT / "debian" / "mailroom-units.8"]


def every(found: list[Entry]) -> Iterator[Entry]:
    """Commands with all below them."""
    for one in found:
        yield one
        yield from every(list(one.below))


def run(*words: str) -> int:
    """A command that needs no company."""
    return main.run_command(lambda: mailroom(list(words), standalone_mode=False))


def test_every_command_has_its_place_and_its_words() -> None:
    groups = list_entries(mailroom)
    assert {one.words for _, found in groups for one in found} == set(mailroom.elsewhere)
    silent = [
        f"{one.words} {name}"
        for _, found in groups
        for one in every(found)
        for name, text in (*one.options, *one.fields.items(), ("", one.summary))
        if not text.strip()
    ]
    assert silent == []


@pytest.mark.peers
def test_the_pages_are_clean(tmp_path: Path) -> None:
    assert run("man", str(tmp_path / "man1")) == 0
    files = sorted(str(one) for one in (tmp_path / "man1").iterdir())
    assert len(files) == len(mailroom.elsewhere) + 1
    done = subprocess.run(["/usr/bin/mandoc", "-T", "lint", "-W", "style", *files], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.peers
@pytest.mark.parametrize("page", BY_HAND, ids=lambda path: path.name)
def test_pages_of_other_commands_are_clean(page: Path) -> None:
    done = subprocess.run(["/usr/bin/mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_the_page_of_mailroom_submit_names_its_options_and_exit_codes() -> None:
    page = (ROOT / "deploy" / "man" / "mailroom-submit.1").read_text()
    program = Path(submit_command.__file__).read_text()
    codes = {str(getattr(os, name)) for name in re.findall(r"os\.(EX_\w+)", program)}
    assert set(re.findall(r"^\.It (\d+)$", page, re.MULTILINE)) == codes
    flags = {flag for line in re.findall(r"^\.(?:It )?Fl (.*)$", page, re.MULTILINE) for flag in re.findall(r"\b[A-Za-z]\b", line)}
    assert {option[1] for option in submit_command.REFUSED} <= flags


def test_the_date_of_a_page_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    name, text = next(write_pages())
    assert (name, text.splitlines()[0].split()[:4]) == ("mailroom", [".TH", "MAILROOM", "1", "1970-01-01"])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (".DOMAIN and `--json`", "\\&.DOMAIN and \\fB\\-\\-json\\fR\n"),
        ("a\\x1b …", "a\\ex1b \\[u2026]\n"),
        ("'quoted", "\\&'quoted\n"),
    ],
)
def test_text_becomes_lines_of_a_page(text: str, written: str) -> None:
    assert to_roff(text) == written


def test_names_are_written_with_real_dashes() -> None:
    assert escape_roff("--dry-run") == r"\-\-dry\-run"


@pytest.mark.parametrize("name", SHELLS)
def test_each_shell_gets_its_script(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run("completion", name) == 0
    assert VARIABLE in capsys.readouterr().out


def test_a_real_shell_completes(tmp_path: Path) -> None:
    (tmp_path / "mailroom").write_text(f'#!/bin/sh\nexec {sys.executable} -m triage_cli "$@"\n')
    (tmp_path / "mailroom").chmod(0o755)
    asks = 'eval "$(mailroom completion bash)"; COMP_WORDS=(mailroom outgoing re); COMP_CWORD=2; '
    asks += '"$(complete -p mailroom | sed "s/.*-F //; s/ .*//")" mailroom; echo "${COMPREPLY[@]}"'
    given = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "--norc", "-c", asks], env=given, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("retry\n", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("mailroom dec", ["decisions"]),
        ("mailroom rules ex", ["explain", "export"]),
        ("mailroom deliveries --state re", ["relaying", "recalling", "restoring", "rejected"]),
        ("mailroom audit ke", ["key"]),
    ],
)
def test_words_are_completed(words: str, found: list[str]) -> None:
    given = {VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    command = [sys.executable, "-c", "from triage_cli.main import main; main()"]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == found, done.stderr
