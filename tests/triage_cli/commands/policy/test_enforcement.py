"""Enforcement steps, from the shell."""

import json

import pytest

from tests.triage_cli.conftest import Arrives, Shell


def test_a_department_records_only_and_holds_again_without_a_restart(shell: Shell, arrives: Arrives) -> None:
    assert shell("enforcement", "record-only", "--department", "IT", "--reason", "first week").out == "department:it: record-only\n"
    passed = arrives("it+joe.fern@company.example")
    assert "record only; it would have been stopped" in shell("show", passed).out
    rows = {row["scope"]: row for row in json.loads(shell("enforcement", "list", "--json").out)}
    it, legal = rows["department:it"], rows["department:legal"]
    assert (it["step"], it["reason"], legal["step"]) == ("record-only", "first week", "hold-unknown")
    assert "hold-unknown from 20" in shell("enforcement", "hold-unknown", "--department", "it").out
    assert shell("enforcement", "reset", "--department", "it").out == "department:it: hold-unknown\n"
    assert arrives("it+joe.fern@company.example") in shell("deliveries", "--state", "held").out
    assert "first week" not in shell("enforcement").out


def test_a_person_has_a_step_of_their_own_until_a_date(shell: Shell) -> None:
    said = shell("enforcement", "record-only", "--person", "joe.fern", "--until", "2099-01-01")
    assert said.out.startswith("person:joe.fern: record-only, until 2099-01-01"), said.err
    assert shell("enforcement", "reset", "--person", "joe.fern").out == "person:joe.fern: as its department\n"


@pytest.mark.parametrize(
    ("words", "scope"),
    [
        (("--department", "department:it"), "department:it"),
        (("--department", "it+joe.fern"), "person:joe.fern"),
        (("--person", "it+joe.fern"), "person:joe.fern"),
        (("--person", "person:joe.fern"), "person:joe.fern"),
    ],
)
def test_a_scope_is_written_as_lists_print_it(shell: Shell, words: tuple[str, str], scope: str) -> None:
    said = shell("enforcement", "record-only", *words)
    assert said.out == f"{scope}: record-only\n", said.err


def test_a_scope_that_is_none(shell: Shell) -> None:
    said = shell("enforcement", "record-only", "--department", "zoo")
    assert (said.code, "there is no department “zoo”" in said.err) == (2, True)
    assert shell("enforcement", "record-only", "--department", "it", "--person", "joe.fern").code == 2
