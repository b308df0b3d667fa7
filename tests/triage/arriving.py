"""Mail for the house's tests: a small company, and messages to it with whatever proof a test needs."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests import company_rows
from triage import ids
from triage.actor import EVERYTHING, Actor, Right, Role, Scope
from triage.addressing.company import CompanyDirectory, DepartmentEntry, PersonEntry, StaffEntry
from triage.addressing.envelope import Envelope
from triage.compliance.retention import delete_records, expire as retention
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message import summary as message_summary
from triage.message.authentication import Authentication, Dmarc, Result, Spf
from triage.message.signals.scan_results import NOT_ASKED, Scan
from triage.message.summary import Attachment, Summary
from triage.policy.facts import MatchedRule
from triage.policy.rules import matching_rules, store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.store.db import transaction

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
REMOVING = frozenset({Right.REMOVE_DELIVERED})
ANA = Actor.person("ana", Role.TRIAGE, EVERYTHING, "Ana Roth", rights=REMOVING)
BEN = Actor.person("ben", Role.TRIAGE, Scope(departments=frozenset({"legal"})), "Ben Okafor")
IDA = Actor.person("ida", Role.ADMIN, EVERYTHING, "Ida Lind", rights=REMOVING)
OTTO = Actor.person("otto", Role.AUDITOR, EVERYTHING, "Otto Weiss")
SYNC = Actor.system("sync")

COMPANY = CompanyDirectory(
    departments=(DepartmentEntry("it", "IT", "it@company.example", ("info",)), DepartmentEntry("legal", "Legal")),
    people=(
        PersonEntry("mara.berg", "Mara Berg", "legal", "mara.berg@company.example", ("m.berg@company.example",)),
        PersonEntry("joe.fern", "Joe Fern", "it", "joe.fern@company.example"),
        PersonEntry("ines.old", "Ines Old", "it", "ines.old@company.example", active=False),
    ),
    staff=(StaffEntry("ana", "Ana Roth", "triage", ("company",)), StaffEntry("ben", "Ben Okafor", "triage", ("department:legal",))),
    postmaster="joe.fern@company.example",
)

DMARC_PASS = Dmarc(Result.PASS, "supplier.example", "supplier.example", "reject", ("dkim",))
DMARC_FAIL = Dmarc(Result.FAIL, "supplier.example", "supplier.example", "reject")
NO_DMARC = Dmarc(Result.NONE)
ALIGNED = Dmarc(Result.NONE, "supplier.example", "supplier.example", "", ("spf",))
UNKNOWN = Dmarc(Result.TEMPERROR)


def make_ids_at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids tell when they were made: from now on at this moment."""
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: int(moment.timestamp()) * 1_000_000_000))
    monkeypatch.setattr(ids, "_last", 0)


def set_up(session: Session, settings: Settings) -> None:
    """The small company's directory."""
    company_rows.enter(session, COMPANY, settings.company, by=SYNC, now=NOW)


def add_rules(engine: Engine, settings: Settings, *orders: RuleOrder) -> list[int]:
    """Add these rules as Ana; return their ids."""
    with transaction(engine) as session:
        return [rules.add_rule(session, order, by=ANA, now=NOW, settings=settings).id for order in orders]


def expire_unseen(settings: Settings) -> Settings:
    """Held messages expire also where no digest named it to its recipient."""
    return replace(settings, retention=replace(settings.retention, expire_unseen=True))


def envelope(*recipients: str, reverse_path: str = "sales@supplier.example", spool_id: int | None = None, at: datetime = NOW) -> Envelope:
    """An SMTP transaction with a stranger."""
    return Envelope(
        spool_id=ids.new_id() if spool_id is None else spool_id,
        received_at=at,
        reverse_path=reverse_path,
        recipients=recipients or ("it+joe.fern@company.example",),
        client="192.0.2.1",
        helo="mx.supplier.example",
    )


def authentication(author: str, dmarc: Dmarc = NO_DMARC, spf: Result = Result.NONE) -> Authentication:
    """Authentication results of an author."""
    return Authentication(author, (Spf(spf, "mailfrom", author.rpartition("@")[2]),), (), dmarc=dmarc)


def summary(author: str, subject: str = "Your order", **more: object) -> Summary:
    """Summary of a message."""
    return replace(Summary(parsed=True, author=author, authors=(author,), author_name="Sales", subject=subject, text="Hello"), **more)  # type: ignore[arg-type]


def rules_about(
    session: Session, said: Summary, carrier: str = "", campaign_id: int | None = None, proven: bool = False, *, now: datetime = NOW
) -> list[MatchedRule]:
    """The rules in force about the sender of a message."""
    named = matching_rules.rules_naming(
        session, matching_rules.values_of(said, carrier, () if campaign_id is None else (campaign_id,)), now
    )
    return matching_rules.about_sender(named, said, carrier, campaign_id, proven)


def arrive(
    session: Session,
    settings: Settings,
    *recipients: str,
    author: str = "sales@supplier.example",
    subject: str = "Your order",
    dmarc: Dmarc = NO_DMARC,
    spf: Result = Result.NONE,
    text: str = "",
    at: datetime = NOW,
    scan: Scan = NOT_ASKED,
    attachments: tuple[Attachment, ...] = (),
) -> tuple[int, ...]:
    """A message comes in; the ids of its deliveries. With a text of its own it may be of a campaign."""
    raw = f"From: {author}\r\nSubject: {subject} {ids.new_id()}\r\n\r\n{text or 'Hello'}\r\n".encode()
    said = summary(author, subject, text=text or "Hello", attachments=attachments)
    found = message_summary.fingerprint_of(said) if text else None
    return intake.receive_message(
        session,
        envelope(*recipients, reverse_path=author, at=at),
        raw,
        authentication(author, dmarc, spf),
        replace(said, fingerprint=found.as_text() if found else ""),
        settings=settings,
        now=at,
        scan=scan,
    )


def erase(session: Session, *, settings: Settings, now: datetime, limit: int = retention.WINDOW) -> int:
    """Erase the first contents that are due, as upkeep does; return their number."""
    found, _ = retention.due_contents(session, settings=settings, now=now, limit=limit)
    return retention.erase_contents(session, found, settings=settings, now=now)


def forget(session: Session, *, settings: Settings, now: datetime) -> int:
    """Delete the first records that are due, as upkeep does; return the number of messages."""
    found, _ = delete_records.due_messages(session, settings=settings, now=now)
    return delete_records.forget_messages(session, found, settings=settings, now=now)
