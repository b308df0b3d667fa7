"""Escalating from a shell: whom to call is printed at once."""

import json
from pathlib import Path

from tests.triage_cli.conftest import Arrives, Shell

JOE = "it+joe.fern@company.example"


def test_a_message_is_escalated_and_confirmed(shell: Shell, arrives: Arrives, config: Path) -> None:
    config.write_text(config.read_text() + '[escalation.duties.legal]\ntitle = "Legal"\nphone = "+49 30 1234"\n')
    one = arrives(JOE)
    said = shell("escalate", one, "--to", "legal", "--reason", "a summons")
    assert said.code == 0
    made, call, hold = said.out.splitlines()
    assert made.endswith("escalated 1 message to Legal")
    assert call == "Call Legal: +49 30 1234"
    assert hold == "A legal hold keeps the evidence. Nobody got a notice: call."
    (row,) = json.loads(shell("escalations", "list", "--json").out)
    assert (row["to"], row["phone"], row["messages"], row["confirmed"]) == ("Legal", "+49 30 1234", 1, "")
    assert shell("escalate", one, "--to", "security", "--reason", "x").code == 2
    assert shell("escalations", "confirm", row["id"]).out.strip() == f"{row['id']}  confirmed: Legal is in charge"
    assert json.loads(shell("escalations", "list", "--json").out) == []
    assert json.loads(shell("escalations", "list", "--all", "--json").out)[0]["confirmed_by"] != ""
    assert shell("decisions", "undo", row["id"]).code == 1


def test_an_undo_ends_it(shell: Shell, arrives: Arrives) -> None:
    one = arrives(JOE)
    said = shell("escalate", one, "--to", "security", "--reason", "a threat")
    assert "The settings have no phone number of Security." in said.out
    assert shell("decisions", "undo", said.out.split()[0]).code == 0
    assert json.loads(shell("escalations", "list", "--json").out) == []
    assert json.loads(shell("legal-hold", "list", "--json").out) == []
