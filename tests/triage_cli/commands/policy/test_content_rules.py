"""Rules on content from the shell: made, paused, and kept in a file with its tests."""

import json
from pathlib import Path

from tests.triage.arriving import DMARC_PASS
from tests.triage_cli.conftest import Arrives, Shell
from triage.times import utcnow

FRAUD = b"From: sales@supplier.example\r\nTo: joe.fern@company.example\r\nSubject: Rechnung\r\n\r\nOur bank details have changed.\r\n"
RULES = """\
# against the wave of December
hold content:new-account wording=bank-details note="a wave of fraud"
mark content:supplier author=*@supplier.* note="look twice"
test fraud.eml expect=hold rule=new-account
test fraud.eml expect=mark
test order.eml expect=none
"""
MAKE = ("rules", "content", "new-account", "--effect", "hold", "--when", "wording=bank-details", "--note", "a wave of fraud")


def listed(shell: Shell) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(shell("rules", "list", "--json").out)
    return rows


def test_a_rule_is_tried_made_paused_and_resumed(shell: Shell, arrives: Arrives) -> None:
    arrives("it+joe.fern@company.example", text="Our bank details have changed.", dmarc=DMARC_PASS, at=utcnow())
    assert shell(*MAKE, "--dry-run").out.startswith("In the last 30 days the rule would have changed nothing (1 message checked).")
    assert shell(*MAKE).out.endswith("  hold content:new-account for company\n")
    (rule,) = listed(shell)
    assert (rule["sender"], rule["conditions"], rule["paused_at"]) == ("content:new-account", ["wording=bank-details"], "")
    assert shell("rules", "pause", str(rule["id"])).code == 0
    assert listed(shell)[0]["paused_at"]
    assert shell("rules", "resume", str(rule["id"])).code == 0
    assert not listed(shell)[0]["paused_at"]
    said = shell(*MAKE[:6], "wordin=x", *MAKE[7:])
    assert (said.code, "write CONDITION=VALUE" in said.err) == (2, True)


def test_a_file_with_a_failing_test_creates_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rules.txt"
    file.write_text(RULES)
    past = tmp_path / "past"
    past.mkdir()
    (past / "all.mbox").write_bytes(b"From x\n" + FRAUD + b"\nFrom y\n" + FRAUD.replace(b"bank details", b"address"))
    (tmp_path / "fraud.eml").write_bytes(FRAUD)
    (tmp_path / "order.eml").write_bytes(FRAUD.replace(b"Our bank details have changed", b"Hello"))
    said = shell("rules", "test", str(file))
    assert (said.code, said.out) == (1, "line 6: order.eml: expected none, found mark (supplier)\n2 tests passed, 1 failed\n")
    refused = shell("rules", "import", str(file))
    assert (refused.code, "no rule was created" in refused.err, listed(shell)) == (2, True, [])
    file.write_text(RULES.replace("order.eml expect=none", "order.eml expect=mark"))
    assert shell("rules", "import", str(file)).out == "3 tests passed, 0 failed\nmade 2 rules; 0 were there already\n"
    tried = shell("rules", "test", str(file), "--messages", str(past)).out.splitlines()
    assert tried[1:] == [
        "new-account: hold 1 of 2, such as all.mbox:0",
        f"supplier: mark 2 of 2, such as all.mbox:0, all.mbox:{len(FRAUD) + 8}",
        "2 messages looked at",
    ]
    file.write_text(RULES.replace("expect=mark", "expects=mark").replace("wording=", "wordng="))
    wrong = shell("rules", "test", str(file))
    assert (wrong.code, [line.partition(": ")[0] for line in wrong.err.splitlines()]) == (2, [f"{file}:5"])
