"""Contacts in the shell, and those learned from a Postfix log."""

import json
from pathlib import Path

from sqlalchemy import Engine

from tests.mta.outbound.test_postfix_log import LOG
from tests.triage.arriving import NOW
from tests.triage_cli.conftest import Shell
from triage.actor import Actor
from triage.config.settings import Settings
from triage.policy.contacts import store as contacts
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.store.db import transaction

JOE = "joe.fern@company.example"


def wrote(engine: Engine, settings: Settings, *recipients: str) -> None:
    with transaction(engine) as session:
        messages = [Sent(JOE, recipients, JOE, NOW, "1@company.example")]
        learn_contacts.learn_many(session, messages, how="outbound", settings=settings, by=Actor.system("outbound"), now=NOW)


def test_what_is_known_parked_and_not_learned(shell: Shell, engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        contacts.seen_lists(session, {"club@verein.example": ("club.verein.example", "verein.example")})
    wrote(engine, settings, *(f"{number}@x.example" for number in range(51)), "noreply@x.example", "club@verein.example")
    assert len(json.loads(shell("contacts", "list", "--json").out)) == 50
    assert "Joe Fern wrote to 7@x.example on 24 Nov 2026" in shell("contacts", "list", "--search", "7@x").out
    (parked,) = json.loads(shell("contacts", "list", "--state", "pending", "--json").out)
    assert shell("contacts", "accept", parked["id"]).out == "accepted: 1\n"
    assert shell("contacts", "drop", parked["id"]).out == "dropped: 1\n"
    assert shell("contacts", "drop", "0000000000000").code == 1
    reasons = {one["reason"]: one["count"] for one in json.loads(shell("contacts", "reasons", "--days", "400", "--json").out)}
    assert reasons == {"daily-cap": 1, "no-reply": 1, "list-post": 1}
    (proposed,) = json.loads(shell("contacts", "lists", "--json").out)
    assert proposed["rule"] == "mailroom allow list:club.verein.example --proof dkim:verein.example"


def test_the_log_of_a_postfix_teaches(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mail.log"
    again = [line.replace("4f1A2B3c", "5xYz1").replace(JOE, "") for line in LOG]  # of a null sender
    file.write_text("\n".join([*LOG, *again, "half a l"]))
    said = shell("learn", "postfix-log", str(file))
    assert (said.code, said.out) == (0, "1 address learned, 0 known before, 0 pending; not learned: 1 null-sender\n")
    (known,) = json.loads(shell("contacts", "list", "--json").out)
    assert (known["address"], known["how"]) == ("ann@supplier.example", "log")
    assert shell("learn", "postfix-log", str(tmp_path / "none")).code == 2
