"""Training on the command line: message, answer, clues; and the scores."""

import io
import json
import sys

import pytest

from demo.training_messages import read_deck
from tests.triage_cli.conftest import Arrives, Shell


def test_rows_are_shown_answered_and_explained(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("r\np\nr\nq\n"))
    said = shell("training", "--messages", "5")
    assert said.code == 0, said
    assert (said.out.count("Right: "), said.out.count("Wrong: ")) in {(right, 3 - right) for right in range(4)}
    assert said.out.count("From:    ") == 4  # the one at which it ended is shown too
    assert f"{said.out.count('Right: ')} of 3 right" in said.out
    assert any(sentence in said.out for one in read_deck() for sentence in one.clues)
    (score,) = json.loads(shell("training", "scores", "--json").out)
    assert (score["answered"], score["right"]) == (3, said.out.count("Right: "))


def test_past_mail_comes_along_and_stays_as_it_was(shell: Shell, arrives: Arrives, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = arrives(subject="Worth a look")
    assert shell("purge", mail, "--reason", "spam").code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("p\n" * 100))
    said = shell("training", "--messages", "100")
    assert "Worth a look" in said.out
    assert "removed it on" in said.out
    assert mail in shell("deliveries", "--state", "purged").out
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert shell("training").out == "You have answered all training messages.\n"
