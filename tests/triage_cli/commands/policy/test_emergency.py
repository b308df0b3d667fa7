"""The emergency from the shell."""

from datetime import UTC, datetime

import pytest

from tests.triage_cli.conftest import Arrives, Shell
from triage_cli.commands.policy.emergency import moment_of

JOE = "it+joe.fern@company.example"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_the_door_is_opened_and_closed(shell: Shell, arrives: Arrives) -> None:
    assert shell("emergency").out == "no emergency\n"
    said = shell("emergency", "--until", "2h", "--reason", "nobody is here")
    assert (said.code, "nobody is here. Close it with `mailroom emergency --close`" in said.out) == (0, True)
    assert "lets Mailroom deliver everything until" in shell("emergency").out
    assert "lets Mailroom deliver everything until" in shell("show", arrives(JOE)).out
    assert shell("emergency", "--close").out == "no emergency\n"
    assert shell("emergency", "--close").code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--reason", "x"), "--until: give the end"),
        (("--until", "soon", "--reason", "x"), '--until: "soon" is no time such as 18:30'),
        (("--until", "2h"), "reason: say why"),
        (("--until", "9999h", "--reason", "x"), "until: at most 7 days"),
        (("--until", "2h", "--close"), "cannot be combined"),
    ],
)
def test_mistakes(shell: Shell, words: tuple[str, ...], says: str) -> None:
    said = shell("emergency", *words)
    assert (said.code, says in said.err) == (2, True), said


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", datetime(2026, 11, 24, 11, 0, tzinfo=UTC)),
        ("4h", datetime(2026, 11, 24, 13, 30, tzinfo=UTC)),
        ("18:00", datetime(2026, 11, 24, 17, 0, tzinfo=UTC)),
        ("10:00", datetime(2026, 11, 25, 9, 0, tzinfo=UTC)),
        ("2026-11-25T08:00", datetime(2026, 11, 25, 8, 0, tzinfo=UTC)),
    ],
)
def test_how_a_time_is_said(text: str, moment: datetime) -> None:
    assert moment_of(text, "Europe/Berlin", NOW) == moment
