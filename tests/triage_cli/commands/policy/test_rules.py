"""Rules from the shell: changed, written to a file and read back, and explained."""

import json
from pathlib import Path

import pytest

from tests.triage.arriving import DMARC_PASS
from tests.triage_cli.conftest import Arrives, Shell
from triage.message.signals.scan_results import Scan
from triage.times import utcnow
from triage_cli.commands.policy import rules_file

JOE = "joe.fern@company.example"


def rule_ids(shell: Shell) -> list[str]:
    return [row["id"] for row in json.loads(shell("rules", "list", "--json").out)]


def test_a_rule_is_changed(shell: Shell) -> None:
    shell("allow", "sales@supplier.example", "--note", "first")
    (rule,) = rule_ids(shell)
    assert shell("rules", "change", rule, "--proof", "aligned", "--until", "2031-01-01", "--risky").code == 0
    line = json.loads(shell("rules", "export").out)
    assert (line["proof"], line["until"], line["risky"], line["note"]) == ("aligned", "2031-01-01T00:00:00+00:00", True, "first")
    assert shell("rules", "change", rule, "--until", "never", "--not-risky", "--note", "second").code == 0
    line = json.loads(shell("rules", "export").out)
    assert ("until" in line, "risky" in line, line["note"]) == (False, False, "second")
    said = shell("rules", "change", rule)
    assert (said.code, "name what to change" in said.err) == (2, True)
    assert shell("rules", "change", rule, "--proof", "trust").code == 2


def test_a_rule_says_where_it_comes_from_what_it_was_good_for_and_what_stands_in_its_way(shell: Shell, arrives: Arrives) -> None:
    shell("allow", "sales@supplier.example", "--lapse", "400", "--risky")
    arrives("it+joe.fern@company.example", dmarc=DMARC_PASS, at=utcnow())
    tried = shell("block", "sales@supplier.example", "--dry-run")
    assert "It is an exception" in tried.err
    made = shell("block", ".supplier.example")
    assert made.out.endswith("  block .supplier.example for company\n")
    block, allow = json.loads(shell("rules", "list", "--json").out)
    assert (allow["origin"], allow["risky"], allow["lapse_days"], allow["used"]) == ("staff", True, 400, 1)
    assert "" != allow["first_used_at"] == allow["last_used_at"] < allow["until"]
    assert (block["first_used_at"], block["warnings"]) == ("", [])
    assert [one.partition(":")[0] for one in allow["warnings"]] == ["It is an exception"]
    assert "It is an exception: " in shell("rules").out
    assert shell("rules", "change", allow["id"], "--lapse", "30").code == 0
    assert json.loads(shell("rules", "list", "--json").out)[1]["lapse_days"] == 30
    said = shell("rules", "change", allow["id"], "--lapse", "30", "--until", "2031-01-01")
    assert (said.code, "cannot be combined" in said.err) == (2, True)


def test_rules_of_one_scope_alone(shell: Shell) -> None:
    shell("allow", "sales@supplier.example")
    shell("block", "junk.example", "--scope", "department:it")
    listed = [row["sender"] for row in json.loads(shell("rules", "list", "--scope", "department:it", "--json").out)]
    assert listed == ["junk.example"]


def test_a_file_of_rules(shell: Shell, tmp_path: Path) -> None:
    shell("allow", ".supplier.example", "--scope", "department:it", "--proof", "aligned", "--note", "from Ana")
    file = tmp_path / "rules.jsonl"
    file.write_text(shell("rules", "export").out)
    assert shell("rules", "import", str(file)).out == "made 0 rules; 1 was there already\n"
    assert shell("rules", "remove", *rule_ids(shell)).code == 0
    assert shell("rules", "import", str(file), "--dry-run").out == "would make 1 rule; 0 were there already\n"
    assert rule_ids(shell) == []
    assert shell("rules", "import", str(file)).out == "made 1 rule; 0 were there already\n"
    assert "department:it" in shell("rules").out


NAMED = "danger-found,dangerous"
ASKED = "allow sales@supplier.example for company: 1 held message, danger-found, dangerous\n"


@pytest.mark.parametrize("most", [rules_file.MOST_AT_ONCE, 30], ids=["one-part", "parts"])
def test_a_file_that_would_let_in_what_is_dangerous_is_confirmed(
    shell: Shell, arrives: Arrives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rules_file, "MOST_AT_ONCE", most)
    arrives("it+joe.fern@company.example", dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    file = tmp_path / "rules.txt"
    file.write_text("allow rosa@customer.example\nallow sales@supplier.example\nblock junk.example\n")
    for words in ((), ("--confirm", "dangerous")):
        said = shell("rules", "import", str(file), *words)
        assert (said.code, ASKED in said.out, f"--confirm {NAMED}" in said.out) == (1, True, True)
    assert "would make 3 rules" in shell("rules", "import", str(file), "--dry-run").out
    assert rule_ids(shell) == []
    assert shell("rules", "import", str(file), "--confirm", NAMED).out.startswith("made 3 rules; 0 were there already\n")
    file.write_text(shell("rules", "export").out)
    assert shell("rules", "import", str(file)).out.startswith("made 0 rules; 3 were there already\n")


def test_a_change_that_lets_in_more_is_confirmed(shell: Shell, arrives: Arrives) -> None:
    shell("allow", "sales@supplier.example")
    (rule,) = rule_ids(shell)
    arrives("it+joe.fern@company.example", dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    said = shell("rules", "change", rule, "--risky")
    assert (said.code, ASKED in said.out) == (1, True)
    assert json.loads(shell("rules", "list", "--json").out)[0]["risky"] is False
    assert shell("rules", "change", rule, "--risky", "--confirm", NAMED).code == 0
    assert json.loads(shell("rules", "list", "--json").out)[0]["risky"] is True


def test_typos_are_told_line_by_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rules.txt"
    file.write_text("allow good@supplier.example\nalow a@b.example\n\nallow gmail.com\nblock c@d.example proof=dmark\n")
    said = shell("rules", "import", str(file))
    assert said.code == 2
    assert said.err.splitlines() == [
        f"{file}:2: effect: a rule allows, blocks, redirects or holds, not “alow”",
        f"{file}:4: value: anybody can get an address at gmail.com; allow single addresses there",
        f"{file}:5: proof: only an allow rule takes one; leave it out of a block rule",
        "mailroom: 3 lines are wrong; no rule was created",
    ]
    assert rule_ids(shell) == []
    file.write_bytes(b"allow \xff\xfe")
    assert "is not UTF-8" in shell("rules", "import", str(file)).err


def test_explained(shell: Shell, arrives: Arrives) -> None:
    shell("allow", "sales@supplier.example")
    rows = json.loads(shell("rules", "explain", "sales@supplier.example", "--to", JOE, "--json").out)
    assert [(row["when"], row["what"], row["rule"].partition(" ")[0]) for row in rows] == [
        ("dmarc", "relay", "allowed-sender"),
        ("aligned", "quarantine", "unproven-known-sender"),
        ("", "also", "allow"),
    ]
    came = arrives("it+joe.fern@company.example")
    rows = json.loads(shell("rules", "explain", came, "--json").out)
    assert [row["when"] for row in rows if row["when"]] == ["then", "today"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("sales@supplier.example",), 2, "--to: name an address of yours"),
        (("sales@supplier.example", "--to", "nobody@company.example"), 1, "nobody in your scope has the address"),
        (("2222222222222",), 1, "there is no delivery"),
        (("nothing",), 2, "nothing"),
    ],
)
def test_mistakes_of_explain(shell: Shell, words: tuple[str, ...], code: int, says: str) -> None:
    said = shell("rules", "explain", *words)
    assert (said.code, says in said.err) == (code, True), said


def test_mail_is_always_sent_to_somebody_else(shell: Shell, arrives: Arrives) -> None:
    said = shell("rules", "redirect", "sales@supplier.example", "--recipient", "info@company.example", "--to", "mara.berg")
    assert (said.code, "redirect sales@supplier.example to mara.berg for company" in said.out) == (0, True)
    assert "redirects it to mara.berg@company.example" in shell("show", arrives("info@company.example")).out
    told = shell("rules", "explain", "sales@supplier.example", "--to", "info@company.example").out
    assert "redirects it to mara.berg@company.example." in told
    assert shell("rules", "redirect", "recipient:info@company.example", "--to", "nobody").code == 2


def test_what_is_neither_a_sender_nor_a_delivery_is_said(shell: Shell) -> None:
    refused = shell("rules", "explain", "nobody", "--to", "joe.fern@company.example")
    assert (refused.code, '"nobody" is neither an email address nor the id of a delivery' in refused.err) == (2, True)
