"""Letting senders in and keeping them out from a shell."""

import json

import pytest
from sqlalchemy import Engine, update

from tests.triage_cli.conftest import Arrives, Shell
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery


@pytest.mark.parametrize(
    ("words", "sender", "scope", "proof"),
    [
        (["allow", "Sales@Supplier.example"], "sales@supplier.example", "company", "dmarc"),
        (["allow", ".supplier.example", "--proof", "aligned"], ".supplier.example", "company", "aligned"),
        (["allow", "list:dev.lists.example", "--proof", "dkim:lists.example"], "list:dev.lists.example", "company", "dkim:lists.example"),
        (["block", "junk.example", "--scope", "department:it"], "junk.example", "department:it", ""),
    ],
)
def test_a_rule_is_made_listed_and_removed(shell: Shell, words: list[str], sender: str, scope: str, proof: str) -> None:
    made = shell(*words)
    assert made.code == 0
    (rule,) = json.loads(shell("rules", "list", "--json").out)
    assert (rule["effect"], rule["sender"], rule["scope"], rule["proof"]) == (words[0], sender, scope, proof)
    line = json.loads(shell("rules", "export").out)
    assert {name: line.get(name, "") for name in ("effect", "sender", "scope", "proof")} == {
        name: rule[name] for name in ("effect", "sender", "scope", "proof")
    }
    assert shell("rules", "remove", rule["id"]).code == 0
    assert json.loads(shell("rules", "list", "--json").out) == []


def test_a_rule_that_runs_out_says_when(shell: Shell) -> None:
    shell("block", "spam@junk.example", "--until", "2031-01-01", "--note", "for a while")
    assert "2031-01-01T00:00:00+00:00" in shell("rules").out


def test_a_sender_is_held_from_now_on_and_one_command_ends_it(shell: Shell) -> None:
    said = shell("hold-sender", "Supplier.example", "--until", "2031-01-01", "--reason", "their mailbox was hacked")
    assert (said.code, " hold supplier.example for company until 2031-01-01" in said.out) == (0, True)
    (rule,) = json.loads(shell("rules", "list", "--json").out)
    assert [rule[name] for name in ("effect", "sender", "note", "until")] == [
        "hold",
        "supplier.example",
        "their mailbox was hacked",
        "2031-01-01T00:00:00+00:00",
    ]
    explained = json.loads(shell("rules", "explain", "sales@supplier.example", "--to", "joe.fern@company.example", "--json").out)
    assert {(one["what"], one["rule"]) for one in explained if one["when"]} == {("quarantine", f"held-sender {rule['id']}")}
    assert shell("rules", "remove", rule["id"]).code == 0
    assert json.loads(shell("rules", "list", "--json").out) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["supplier.example"], 2, "Missing option '--reason'"),
        (["supplier.example", "--reason", " "], 2, "note: say why messages from them are held"),
        (["supplier.example", "--until", "2001-01-01", "--reason", "x"], 2, "until: 01 Jan 2001 is in the past"),
        (["supplier.example", "--reason", "x", "--dry-run"], 0, "No message from this sender came in the last 30 days."),
    ],
)
def test_a_hold_says_what_it_lacks_and_what_it_would_do(shell: Shell, words: list[str], code: int, says: str) -> None:
    said = shell("hold-sender", *words)
    assert (said.code, says in said.err + said.out) == (code, True)
    assert json.loads(shell("rules", "list", "--json").out) == []


def test_a_free_mail_domain_is_never_allowed(shell: Shell) -> None:
    said = shell("allow", "gmail.com")
    assert (said.code, "anybody can get an address at gmail.com" in said.err) == (2, True)


def test_a_forwarder_vouches_once_the_settings_trust_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("allow", "sales@supplier.example", "--proof", "arc:forwarder.example")
    said = shell(*words)
    assert (said.code, "forwarder.example is not a trusted forwarder" in said.err) == (2, True)
    monkeypatch.setenv("MAILROOM_POLICY__TRUSTED_ARC_SEALERS", "Forwarder.example")
    assert "with proof arc:forwarder.example" in shell(*words).out


def test_a_block_prints_the_command_that_removes_what_was_delivered(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    arrives(author="crook@evil.example")
    with transaction(engine) as session:
        session.execute(update(Delivery).values(state="delivered"))
    line = shell("block", "crook@evil.example").out.splitlines()[-1]
    said, command = line.split("  mailroom ")
    assert said == "1 message in 1 mailbox, 0 opened. Remove them too?"
    assert command.startswith("purge --sender crook@evil.example --state delivered --since ")
    assert command.endswith(" --expect 1")
    assert shell(*command.split(), "--reason", "too").code == 0
