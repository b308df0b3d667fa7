"""Closing the door from the shell."""

import json

from tests.triage_cli.conftest import Arrives, Shell


def test_a_department_is_opened_and_closed_without_a_restart(shell: Shell, arrives: Arrives) -> None:
    assert shell("enforcement", "observe", "--department", "IT", "--reason", "first week").out == "it: observe\n"
    passed = arrives("it+joe.fern@company.example")
    assert "record only; it would have been stopped" in shell("show", passed).out
    rows = {row["code"]: row for row in json.loads(shell("enforcement", "list", "--json").out)}
    assert (rows["it"]["mode"], rows["it"]["reason"], rows["legal"]["mode"]) == ("observe", "first week", "enforce")
    assert shell("enforcement", "reset", "--department", "it").out == "it: enforce\n"
    assert arrives("it+joe.fern@company.example") in shell("deliveries", "--state", "held").out
    assert "first week" not in shell("enforcement").out


def test_a_department_that_is_none(shell: Shell) -> None:
    said = shell("enforcement", "observe", "--department", "zoo")
    assert (said.code, "there is no department 'zoo'" in said.err) == (2, True)
