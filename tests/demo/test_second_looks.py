"""The second look on the demo's morning: every row of a crook asks, no wanted row does, and all of it stays within the budget."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from demo import company
from demo.keys import Key
from demo.sample_messages import SampleMessage
from directory_sync.toml import toml_reader
from mail_auth.authenticate import authenticate_message
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.demo.test_verdicts import IDA, SYSTEM, envelope
from triage import ids
from triage.config import settings as house_settings, settings_loader
from triage.directory import apply as directory
from triage.intake import receive as intake
from triage.message.signals.severity import Severity
from triage.message.summary import make_summary
from triage.policy.rules import store as rules
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.quarantine.triage_items.item_list import TriageItem
from triage.store.db import transaction
from triage.store.delivery_state import State
from triage.store.models.messages import Message

ASKS = {  # kinds of rows that ask, and what first
    "phishing": "suspicious",
    "dangerous-attachment": "danger-found",
    "customs": "suspicious",
    "gift-cards": "suspicious",
    "ceo-fraud": "dangerous",
    "forged-supplier": "dmarc-fails",
    "own-domain": "own-domain-forged",
    "forged-craftsman": "no-longer-verified",
}
UNWANTED = {"look-alike", "extortion", "cold-offer"}  # that nothing but a trained eye tells from what is wanted
BUDGET = 0.03  # of the decisions about wanted rows


def come_in(
    session: Session, samples: list[SampleMessage], signing: dict[str, Key], settings: house_settings.Settings, now: datetime
) -> None:
    """The whole morning comes in, judged as the processor does it."""
    directory.apply_directory(
        session, toml_reader.read_directory(Path(settings.directory.file), settings.company.domains), settings.company, by=SYSTEM, now=now
    )
    for order in company.RULES:
        rules.add_rule(session, order, by=IDA, now=now, settings=settings)
    resolver = ZoneFileResolver(Path(settings.dns.zone_file))
    for sample in samples:
        signed_at = datetime.now(now.tzinfo)  # the samples are signed by the real clock
        raw, sent = sample.signed(signing), replace(envelope(sample, signed_at), spool_id=ids.new_id())
        found = authenticate_message(sent, raw, resolver, datetime.now(now.tzinfo))
        intake.receive_message(session, sent, raw, found, make_summary(raw), settings=settings, now=signed_at)


def rows_by_kind(session: Session, samples: list[SampleMessage], now: datetime) -> dict[str, list[TriageItem]]:
    """The rows of the queue, by the kind of their newest message: spool ids are in the order in which the samples came."""
    came = session.scalars(select(col(Message.id)).order_by(col(Message.spool_id))).all()
    kinds = {message_id: sample.kind for message_id, sample in zip(came, samples, strict=True)}
    page = item_list.list_items(session, Selection(states=(State.HELD,)), by=IDA, now=now, group="campaign", limit=500)
    found: dict[str, list[TriageItem]] = defaultdict(list)
    for item in page.items:
        found[kinds[item.lead.message_id]].append(item)
    return found


def test_the_morning_asks_about_what_is_dangerous_and_about_nothing_that_is_wanted(
    sqlite_engine: Engine, demo_directory: Path, samples: list[SampleMessage], signing: dict[str, Key], now: datetime
) -> None:
    settings = settings_loader.read_settings(str(demo_directory / "mailroom.toml"), {})
    with transaction(sqlite_engine) as session:
        come_in(session, samples, signing, settings, now)
        rows = rows_by_kind(session, samples, now)
    first = {kind: {item.second_look[0] if item.second_look else "" for item in some} for kind, some in rows.items()}
    assert {kind: first[kind] for kind in ASKS} == {kind: {name} for kind, name in ASKS.items()}
    wanted = [item for kind, some in rows.items() if kind not in ASKS.keys() | UNWANTED for item in some]
    assert len(wanted) > 20
    assert sum(bool(item.second_look) for item in wanted) <= BUDGET * len(wanted)
    every = [item for some in rows.values() for item in some]
    assert [item.lead.subject for item in every if item.severity >= Severity.SUSPICIOUS and not item.second_look] == []
    (forged,) = rows["forged-supplier"]  # its risk alone, 70, would not make it dangerous
    assert (forged.severity, forged.second_look) == (Severity.SUSPICIOUS, ("dmarc-fails", "new-bank-details", "suspicious"))
