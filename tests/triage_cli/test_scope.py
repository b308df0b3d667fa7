"""Scope of commands: each command × own and confidential messages. A new command must have its line here."""

import getpass
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import click
import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.effort import long
from tests.triage.arriving import COMPANY, NOW, SYNC
from tests.triage_cli.conftest import Arrives, Shell
from triage.access import dual_control
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import ApprovalNeeded
from triage.ids import format_id, parse_id
from triage.policy.learning import learn_contacts
from triage.policy.learning.learn_contacts import Announced
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.rules import Rule
from triage.times import utcnow
from triage_cli.client.local_setup import shell_user
from triage_cli.main import mailroom

SECRETS = ("Secret plan", "secret@only-it.example", "secret.example")

REFUSED = {  # about one delivery, decision or rule: there is none
    "show": "{mail}",
    "trace": "{mail}",
    "show --source": "{mail} --reason curious",
    "release": "{mail}",
    "redirect": "{mail} --to joe.fern",
    "purge": "{mail}",
    "reject": "{mail} --template not-wanted",
    "restore": "{mail}",
    "hold": "{mail}",
    "assign": "{mail} --to ana",
    "comment": "{mail} known",
    "escalate": "{mail} --to legal --reason x",
    "escalations confirm": "{escalation}",
    "searches remove": "{mail}",
    "redeliver": "--person joe.fern --since 2026-01-01",
    "decisions undo": "{decision}",
    "decisions related": "{decision}",
    "decisions items": "{decision}",
    "campaigns show": "{campaign}",
    "campaigns join": "{campaign} {campaign}",
    "campaigns split": "{campaign} {mail}",
    "outgoing retry": "{mail}",
    "outgoing give-up": "{mail}",
    "outgoing hold": "{mail}",
    "allow": "x.example --scope {scope}",
    "block": "x.example --scope {scope}",
    "hold-sender": "x.example --reason x --scope {scope}",
    "rules remove": "{rule}",
    "start-list allow": "banks",
    "start-list undo": "{mail}",
    "contacts accept": "{contact}",
    "contacts drop": "{contact}",
    "rules change": "{rule} --note x",
    "rules redirect": "x@x.example --to joe.fern --scope {scope}",
    "rules content": "plan --effect hold --when attachment_name=*.scr --note x --scope {scope}",
    "rules pause": "{rule}",
    "rules resume": "{rule}",
    "rules explain": "{mail}",
    "ask": "{mail}",
    "requests decline": "{request}",
    "reported answer": "{report} --bad",
    "approvals confirm": "{pending}",
    "approvals decline": "{pending}",
    "confidential-removals confirm": "{pending}",
    "confidential-removals decline": "{pending}",
}
SILENT = {  # answered, and without it
    "deliveries": "--search secret --state queued",
    "where": "joe.fern secret",
    "decisions": "",
    "decisions list": "",
    "campaigns": "--fewest 1 --state any",
    "campaigns list": "--fewest 1 --state any",
    "outgoing list": "",
    "outgoing next-hops": "",
    "searches list": "",
    "searches save": "words --search secret",
    "rules list": "",
    "rules propose": "",
    "start-list list": "",
    "start-list acts": "",
    "start-list show": "banks",
    "rules export": "",
    "sieve export": "it",
    "contacts list": "",
    "contacts reasons": "",
    "contacts lists": "",
    "audit": "",
    "audit list": "",
    "audit export": "",
    "audit verify": "",
    "retention": "",
    "staff list": "",
    "distribution-lists": "",
    "who-can-read": "joe.fern",
    "people list": "",
    "people departments": "",
    "staff substitutes": "",
    "approvals list": "",
    "confidential-removals list": "",
    "escalations list": "--all",
    "enforcement list": "",
    "enforcement undecided": "--department it --minutes 1",
    "training known-messages": "",
    "training scores": "",
    "token list": "",
    "webhooks list": "",
    "checks list": "",
    "proofs list": "",
    "sending-services": "",
    "brakes list": "",
    "run list": "",
    "requests list": "",
    "reported list": "",
    "report": "",
    "legal-hold list": "",
}
# they start a role, or tell of no messages
OTHERS = {
    "seed imap", "seed maildir", "seed mbox",
    "audit key",
    "serve", "receive", "judge", "outbound", "relay", "recall", "mirror", "api", "identity", "upkeep", "demo",
    "db upgrade", "db check", "db compact", "sync",
    "hunt start", "hunt list", "hunt show", "hunt ask", "hunt messages", "hunt remove", "hunt close",
    "staff password", "sweep", "staff add", "staff remove", "staff rights", "staff away", "staff sign-out", "staff substitute",
    "staff link", "staff unlink", "staff lock", "staff unlock", "staff break-glass", "staff reset-second-factor",
    "staff end-substitute", "token create", "token revoke", "settings", "doctor", "quickstart",
    "learn postfix-log", "enforcement record-only", "enforcement hold-dangerous",
    "enforcement hold-unknown", "enforcement hold-everything", "enforcement reset",
    "rules test",
    "sieve import",
    "start-list import",
    "rules import", "webhooks test", "webhooks resume", "webhooks secret", "legal-hold add", "legal-hold lift", "person-data list",
    "person-data export", "person-data erase",
    "simulate imap", "simulate maildir", "simulate mbox", "import maildir", "import mbox", "emergency", "checks resume",
    "proofs refuse", "proofs renew", "proofs undo",
    "brakes release", "brakes remove", "brakes restore", "run announce", "run end",
    "authenticate",
    "backup create", "backup restore", "resume", "completion", "man", "spool list", "spool retry", "spool show", "spool take-out",
    "secrets encrypt", "secrets decrypt", "secrets rotate",
}  # fmt: skip


@dataclass
class Secret:
    """A message to a confidential folder, released; the decision, and a rule that only those named know of."""

    mail: str
    decision: str
    rule: str
    pending: str
    contact: str
    scope: str
    campaign: str
    request: str
    report: str
    escalation: str


def commands(group: click.Group = mailroom, before: str = "") -> Iterator[str]:
    """Names of all commands; includes a group that answers by itself."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
            if command.invoke_without_command and name in ("audit", "campaigns", "decisions"):
                yield name
        else:
            yield before + name


@pytest.fixture(params=[long("department:it"), "person:joe.fern"])
def secret(
    request: pytest.FixtureRequest,
    shell: Shell,
    arrives: Arrives,
    engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Secret:
    """Acts of Hana, a keeper of the confidential folder, before another person uses the keyboard."""
    with transaction(engine) as session:
        sealed = replace(COMPANY, sealed=(ConfidentialEntry(request.param, ("hana",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
    monkeypatch.setattr(getpass, "getuser", lambda: "hana")
    mail = arrives(author="secret@only-it.example", subject="Secret plan", text="A merger that nobody may hear of yet.")
    asked = shell("ask", mail, "--comment", "the Secret plan").out.partition(" ")[0]
    assert shell("release", mail, "--reason", "Secret plan").code == 0
    escalated = shell("escalate", mail, "--to", "legal", "--reason", "the Secret plan").out.partition(" ")[0]
    assert shell("block", "secret.example", "--scope", request.param, "--note", "Secret plan").code == 0
    with transaction(engine) as session:
        need = ApprovalNeeded(("risky-release",), (parse_id(mail),), "fence")
        order = {"verb": "hold", "select": {"ids": [mail]}, "rule": None, "to": "", "template": "", "text": ""}
        pending = dual_control.ask_second_person(
            session, "decision", order, need, by=shell_user(), reason="Secret plan", key=None, now=utcnow()
        ).id
        delivery = session.get_one(Delivery, parse_id(mail))
        decision, campaign = delivery.decision_id, format_id(delivery.campaign_id or 0)
        rule = session.scalars(select(col(Rule.id))).one()
        wrote = [Announced("joe.fern", "secret@only-it.example")]
        learn_contacts.announce_contacts(session, wrote, settings=settings, by=shell_user(), now=utcnow())
        known = session.scalars(select(col(Contact.id))).one()
        about: dict[str, Any] = {"author": "secret@only-it.example", "subject": "Secret plan", "how": "message id"}
        about |= {"person": "joe.fern", "person_shown": "Joe Fern", "department": "it"}
        report = MailReport(delivery_id=parse_id(mail), at=NOW, spool_id=1, **about)
        session.add(report)
        session.flush()
        reported = report.id
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    return Secret(
        mail,
        format_id(decision or 0),
        format_id(rule),
        format_id(pending),
        format_id(known),
        request.param,
        campaign,
        asked,
        format_id(reported),
        escalated,
    )


def test_every_command_has_its_line_here() -> None:
    assert {name.partition(" --")[0] for name in (*REFUSED, *SILENT)} | OTHERS == set(commands())


def test_what_is_sealed_does_not_exist_for_whoever_is_not_named(shell: Shell, secret: Secret, engine: Engine) -> None:
    before = everything(engine)
    for name, words in (REFUSED | SILENT).items():
        said = shell(*name.split(), *words.format(**vars(secret)).split())
        assert (name, said.code) == (name, 1 if name in REFUSED else 0), said
        assert not any(word in said.out + said.err for word in SECRETS), (name, said)
    assert everything(engine) == before


def test_whoever_is_named_sees_it_and_says_why(shell: Shell, secret: Secret, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "hana")
    assert secret.mail in shell("deliveries", "--search", "secret", "--state", "queued").out
    refused = shell("show", secret.mail)
    assert (refused.code, "say why you open it" in refused.err) == (1, True)
    assert "Secret plan" in shell("show", secret.mail, "--reason", "she asked").out
    with read_transaction(engine) as session:
        opened = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "open")).one()
    assert (opened.by, opened.detail) == ("shell:hana", {"reason": "she asked"})


def everything(engine: Engine) -> object:
    """States of mail, rules in force, and what is in the audit log."""
    with read_transaction(engine) as session:
        return (
            session.execute(select(col(Delivery.id), col(Delivery.state)).order_by(col(Delivery.id))).all(),
            session.scalars(select(col(Rule.id)).where(col(Rule.removed_at).is_(None)).order_by(col(Rule.id))).all(),
            session.scalars(select(col(AuditRecord.id)).where(col(AuditRecord.act) != "export").order_by(col(AuditRecord.id))).all(),
        )
