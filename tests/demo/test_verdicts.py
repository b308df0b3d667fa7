"""The morning meets the house: what each kind of mail comes to, by the demo's zone, directory and seeded rules."""

from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from sqlalchemy import Engine

from demo import company
from demo.keys import Key
from demo.sample_messages import SampleMessage
from directory_sync.toml import toml_reader
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.triage import arriving
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.envelope import Address, Envelope
from triage.config import settings as house_settings, settings_loader
from triage.directory import apply as directory, recipients
from triage.intake import lookups
from triage.message.authentication import Authentication
from triage.message.summary import Attachment, Summary
from triage.policy import decide as policy
from triage.policy.decide import Disposition
from triage.policy.rules import store as rules
from triage.store.db import transaction

KNOWN = {"supplier", "bank", "counsel", "list", "craftsman", "family"}
OTHERS = {
    "blocked": (Disposition.PURGE, "blocked-sender"),
    "own-domain": (Disposition.QUARANTINE, "own-domain-forged"),
    "forged-supplier": (Disposition.QUARANTINE, "dmarc-reject"),
    "forged-craftsman": (Disposition.QUARANTINE, "unproven-known-sender"),
    "dangerous-attachment": (Disposition.QUARANTINE, "dangerous-attachment"),
    "postmaster": (Disposition.RELAY, "postmaster"),
}
UNPROVEN = {"own-domain", "forged-supplier", "forged-craftsman", "list"}
SYSTEM = Actor.system("demo")
IDA = Actor.person("ida", Role.ADMIN, EVERYTHING)


@pytest.fixture
def demo_settings(demo_directory: Path) -> house_settings.Settings:
    """The demo's own settings."""
    return settings_loader.read_settings(str(demo_directory / "mailroom.toml"), {})


def expected(kind: str) -> tuple[Disposition, str]:
    """Expected disposition and rule for a kind of message."""
    known = (Disposition.RELAY, "allowed-sender")
    return OTHERS.get(kind, known if kind in KNOWN else (Disposition.QUARANTINE, "first-contact"))


def envelope(sample: SampleMessage, now: datetime) -> Envelope:
    """The sample's transaction, from this machine."""
    return Envelope(1, now, sample.reverse_path, sample.recipients, "127.0.0.1", f"mail.{sample.domain}")


def summary(sample: SampleMessage, authentication: Authentication) -> Summary:
    """As much of the summary as the policy looks at."""
    message = message_from_bytes(sample.raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    names = [part.get_filename() or "" for part in message.iter_attachments()]
    return Summary(
        parsed=True,
        author=authentication.author,
        authors=(authentication.author,),
        list_id=str(message.get("List-Id", "")).partition("<")[2].rstrip(">"),
        attachments=tuple(Attachment(number, name, "", 0, "") for number, name in enumerate(names, 1)),
    )


def test_each_kind_of_mail_comes_to_what_the_story_says(
    sqlite_engine: Engine,
    demo_settings: house_settings.Settings,
    samples: list[SampleMessage],
    signing: dict[str, Key],
    now: datetime,
) -> None:
    people = toml_reader.read_directory(Path(demo_settings.directory.file), demo_settings.company.domains)
    with transaction(sqlite_engine) as session:
        directory.apply_directory(session, people, demo_settings.company, by=SYSTEM, now=now)
        for order in company.RULES:
            rules.add_rule(session, order, by=IDA, now=now, settings=demo_settings)
    resolver = ZoneFileResolver(Path(demo_settings.dns.zone_file))
    with transaction(sqlite_engine) as session:
        for sample in samples:
            sent = envelope(sample, datetime.now(now.tzinfo))  # the samples are signed by the real clock
            found = authenticate_message(sent, sample.signed(signing), resolver, datetime.now(now.tzinfo))
            said = summary(sample, found)
            assert bool(found.proof) == (sample.kind not in UNPROVEN), (sample.kind, found)
            about = arriving.rules_about(session, said, now=now)
            for address in sample.recipients:
                recipient = recipients.resolve_address(session, Address.parse(address), demo_settings.company)
                assert recipient is not None, address
                danger = lookups.danger_of(said, demo_settings)
                verdict = policy.decide_verdict(
                    lookups.facts_of(sent, found, said, recipient, about, demo_settings, danger=danger, now=now)
                )
                assert (verdict.disposition, verdict.rule) == expected(sample.kind), (sample.kind, verdict)
