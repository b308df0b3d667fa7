"""The incident record of a campaign: its copies, who opened one, who removed them, out of reach, and what is confidential."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.effort import long
from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive, set_up
from triage.access import confidential_folders
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Company, Recall, Settings
from triage.errors import NotFound
from triage.ids import format_id, new_id
from triage.quarantine.campaigns import incident, incident_pdf, timeline
from triage.quarantine.campaigns.incident import Incident, IncidentAct, IncidentCopy, IncidentFile
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.mailboxes import Recalled
from triage.text.i18n.translate import translate_sentence

NO_FONTS = ("/nowhere.ttf", "/nowhere.ttf")
SUPPORT = "joe.fern@company.example = the ticket system"
JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.fixture
def wave(engine: Engine, settings: Settings) -> int:
    """A campaign of four copies: two were removed while held, one was read and is out of reach, one came late and a block stopped it."""
    campaign = new_id()
    with transaction(engine) as session:
        set_up(session, settings)
        session.add(Campaign(id=campaign, begun_at=NOW, made_by="system:judge"))
        copies = [
            arrive(session, settings, to, author="x@wave.example", subject=subject, at=NOW + timedelta(minutes=minutes))[0]
            for to, subject, minutes in ((JOE, "中 Pay <b>now</b>", 0), (MARA, "Pay", 1), (JOE, "Pay", 2), (JOE, "Pay", 40))
        ]
        for one in copies:
            session.get_one(Delivery, one).campaign_id = campaign
        wrong = remove(session, settings, copies[:1], 3)
        undoing.undo_decision(session, wrong, by=ANA, reason="", now=NOW + timedelta(minutes=4), settings=settings)
        made = remove(session, settings, copies[:2], 10)
        missed = session.get_one(Delivery, copies[2])
        missed.state = "delivered"
        why = "the mailbox is not on a server that we reach"
        session.add(DecisionItem(decision_id=made, delivery_id=missed.id, before="delivered", outcome="out of reach", why=why))
        session.add(Recalled(delivery_id=missed.id, found_at=NOW, flags=["\\Seen"], gone=True))
        late = session.get_one(Delivery, copies[3])
        late.state, late.verdict, late.settled_at = "purged", "purge", NOW + timedelta(minutes=40)
        report: dict[str, Any] = {
            "person_shown": "Joe Fern",
            "department": "it",
            "how": "trace field",
            "author": "",
            "subject": "Pay",
            "spool_id": 1,
        }
        session.add(MailReport(id=1, delivery_id=copies[0], person="joe.fern", at=NOW + timedelta(minutes=5), **report))
    return campaign


def remove(session: Session, settings: Settings, copies: list[int], minutes: int) -> int:
    """Ana removes these copies; the decision."""
    request = DecisionRequest(Selection.of(ids=tuple(copies)), Verb.PURGE, reason="phishing")
    return decisions.decide_messages(session, request, by=ANA, now=NOW + timedelta(minutes=minutes), settings=settings).id


def read(engine: Engine, campaign: int, by: Actor = ANA) -> Incident:
    """The record, made an hour after the first copy."""
    settings = Settings(company=Company(("company.example",), "mx.company.example"), recall=Recall(passed_on=(SUPPORT,)))
    with read_transaction(engine) as session:
        return incident.read_incident(session, campaign, by=by, settings=settings, now=NOW + timedelta(hours=1))


def after(minutes: int) -> datetime:
    """So many minutes after the first copy."""
    return NOW + timedelta(minutes=minutes)


def test_it_says_when_each_copy_came_who_removed_it_when_and_who_had_opened_it(engine: Engine, wave: int) -> None:
    found = read(engine, wave)
    assert [(one.received_at, one.state, one.removed_at, one.removed_by, one.outcome, one.opened) for one in found.copies] == [
        (after(0), "purged", after(10), "Ana Roth", "done", ""),
        (after(1), "purged", after(10), "Ana Roth", "done", ""),
        (after(2), "delivered", None, "Ana Roth", "out of reach", "read"),
        (after(40), "purged", after(40), "", "on arrival", ""),
    ]
    assert (found.first_at, found.newest_at, found.first_removed_at) == (after(0), after(40), after(10))
    assert [(one.copies, one.reason, one.undone_at) for one in found.removals] == [(1, "phishing", after(4)), (3, "phishing", None)]
    assert [one.delivery for one in found.opened] == [one.delivery for one in found.out_of_reach] == [found.copies[2].delivery]
    assert [one.delivery for one in found.late] == [found.copies[3].delivery]
    assert [(one.by, one.at, one.verdict) for one in found.reports] == [("Joe Fern", after(5), "")]
    assert [str(one.sentence) for one in found.passed_on] == ["the ticket system takes messages on from joe.fern@company.example: 1 copy."]
    assert all(re.fullmatch("[0-9a-f]{64}", one.sha256) for one in found.copies)


def test_the_timeline_has_first_copy_reports_decisions_undo_and_late_copies(engine: Engine, wave: int) -> None:
    with read_transaction(engine) as session:
        moments = timeline.list_moments(session, wave, by=ANA)
        assert {one.kind for one in timeline.list_moments(session, wave, by=BEN)} == {"first", "decision"}
        with pytest.raises(NotFound, match="there is no campaign"):
            timeline.list_moments(session, new_id(), by=ANA)
    assert [(one.kind, one.at, one.until, one.count) for one in moments] == [
        ("first", after(0), None, 1),
        ("copies", after(1), after(2), 2),
        ("decision", after(3), None, 1),
        ("undo", after(4), None, 1),
        ("report", after(5), None, 1),
        ("decision", after(10), None, 3),
        ("late", after(40), None, 1),
    ]
    assert [str(one.sentence) for one in moments[3:6]] == [
        "Ana Roth: undo (1 copy).",
        "Joe Fern reported it as suspicious.",
        "Ana Roth: remove (3 copies).",
    ]


def test_the_timeline_says_when_mailboxes_were_emptied_and_what_no_block_stopped(engine: Engine, wave: int) -> None:
    with transaction(engine) as session:
        first, _, _, late = session.scalars(select(Delivery).where(col(Delivery.campaign_id) == wave).order_by(col(Delivery.id)))
        session.add_all(Recalled(delivery_id=first.id, found_at=after(minutes), flags=[]) for minutes in (11, 12))
        late.state = "held"
    with read_transaction(engine) as session:
        moments = timeline.list_moments(session, wave, by=ANA)
    assert [(one.kind, one.at, one.until, one.count) for one in moments[-2:]] == [
        ("mailboxes", after(11), after(12), 1),
        ("missed", after(40), None, 1),
    ]


def test_it_leaves_out_other_folders_and_confidential_ones(engine: Engine, wave: int) -> None:
    assert [one.recipient for one in read(engine, wave, BEN).copies] == [MARA]
    with transaction(engine) as session:
        confidential_folders.equalise_confidential(session, [ConfidentialEntry("department:legal", ("ben",))])
    for by in (ANA, IDA):
        assert MARA not in {one.recipient for one in read(engine, wave, by).copies}
        assert [one.copies for one in read(engine, wave, by).removals] == [1, 2]
    assert [one.recipient for one in read(engine, wave, BEN).copies] == [MARA]
    with pytest.raises(NotFound, match="there is no campaign"):
        read(engine, new_id())


@pytest.mark.parametrize(
    ("language", "fonts"),
    [
        ("en", incident_pdf.FONTS),
        ("de", NO_FONTS),
        long("de", incident_pdf.FONTS),
        long("en", NO_FONTS),
    ],
)
def test_the_pdf_is_one_whatever_a_sender_wrote(
    engine: Engine, wave: int, language: str, fonts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_pdf, "FONTS", fonts)
    found = read(engine, wave)
    many = replace(found, copies=found.copies * 200)
    for one in (found, many):
        written = incident_pdf.write_pdf(one, zone="Europe/Berlin", put=lambda text: translate_sentence(text, language))
        assert written.startswith(b"%PDF-")
        assert written.rstrip().endswith(b"%%EOF")
    assert written.count(b"/Type /Page\n") > 10


LONG = "中" * 1000  # no font of ours has it: eight characters in the record for each
COPY = IncidentCopy(1, NOW, "x@wave.example", "Pay", JOE, "Joe Fern", "it", "0" * 64, "held", "", None, "", "", "", None)


@pytest.mark.parametrize(
    "more",
    [
        {"copies": (replace(COPY, author=f"{LONG}@wave.example"),)},
        {"removals": (IncidentAct(1, NOW, "Ana Roth", "", "purge", LONG, 1, None),)},
        {"files": (IncidentFile(LONG, "0" * 64, 1),)},
    ],
)
def test_a_row_may_be_higher_than_a_page(more: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"copies": (COPY,), "removals": (), "reports": (), "files": (), "passed_on": ()}
    found = Incident(1, NOW, "Ana Roth", NOW, NOW, None, **parts | more)
    assert incident_pdf.write_pdf(found, zone="UTC", put=str).count(b"/Type /Page\n") > 1


def test_the_audit_log_says_who_exported_it(engine: Engine, wave: int) -> None:
    found = read(engine, wave)
    with transaction(engine) as session:
        incident.record_export(session, found, form="pdf", by=ANA, now=NOW)
    with read_transaction(engine) as session:
        entry = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "export")).one()
        assert (entry.by, entry.subject, entry.detail["format"]) == ("person:ana", f"campaign:{format_id(wave)}", "pdf")
