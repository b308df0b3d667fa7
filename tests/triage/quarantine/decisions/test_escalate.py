"""Escalate: kept as evidence with its digest, told to a duty, in view until the duty confirms; undone as a whole."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW, OTTO, SYNC, arrive
from triage.actor import Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.compliance.retention import expire as retention, legal_holds
from triage.config.duties import Duty, duty_in_charge, suggest_duty
from triage.config.settings import Escalation, Settings
from triage.directory import apply as directory
from triage.errors import BadInput, Conflict, NotAllowed, NotAllowedNow, NotFound, Stale
from triage.quarantine.decisions import decide as decisions, escalate as decisions_escalate, outcomes, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.escalate import Shown
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.compliance import LegalHold
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
LEGAL = Duty("legal", "Legal", "+49 30 1234", ("mara.berg", "nobody"), "info@company.example")
COURT = Actor.person("mara.berg", Role.AUDITOR, Scope(), "Mara Berg")


@pytest.fixture
def ours(settings: Settings) -> Settings:
    return replace(settings, escalation=Escalation((LEGAL, Duty("security", "Security"))))


def escalate(session: Session, settings: Settings, *ids: int, by: Actor = ANA, to: str = "legal", **more: object) -> Shown:
    selected = Selection.of(ids=ids) if ids else Selection(sender="sales@supplier.example")
    asked = {"reason": "a summons", "now": NOW, "settings": settings} | more
    return decisions_escalate.escalate_messages(session, selected, to, by=by, **asked)  # type: ignore[arg-type]


def seen(session: Session, delivery_id: int) -> listing.Listed:
    session.flush()
    return listing.list_some(session, [delivery_id], by=ANA)[0]


def notices(session: Session) -> list[str]:
    return list(session.scalars(select(col(Delivery.recipient)).where(col(Delivery.direction) == "report").order_by(col(Delivery.id))))


def raw_of(session: Session, delivery_id: int) -> bytes:
    message = session.get_one(Message, session.get_one(Delivery, delivery_id).message_id)
    return bodies.load_body(session, message.content_id)


def test_it_is_kept_told_and_stays_in_view(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        directory.apply_directory(
            session,
            replace(
                arriving.COMPANY, staff=(*arriving.COMPANY.staff, StaffEntry("mara.berg", "Mara Berg", "auditor", ("department:legal",)))
            ),
            ours.company,
            by=SYNC,
            now=NOW,
        )
        (one, other) = arrive(session, ours, JOE, MARA)
        made = escalate(session, ours, one, other)
        assert (made.title, made.phone, made.count, made.deliveries, made.by_shown) == ("Legal", "+49 30 1234", 2, (one, other), "Ana Roth")
        shown = seen(session, one)
        assert shown.state == "held"
        assert shown.escalated is not None
        assert (shown.escalated.title, shown.escalated.by_shown, shown.escalated.confirmed_at) == ("Legal", "Ana Roth", None)
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "escalate")).one()
        digests = {hashlib.sha256(raw_of(session, each)).hexdigest() for each in (one, other)}
        assert set(record.detail["sha256"].values()) == digests
        assert record.detail["reason"] == "a summons"
        assert notices(session) == ["mara.berg@company.example", "info@company.example"]
        assert made.notified == 2


def test_what_was_escalated_neither_expires_nor_is_erased(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        (kept,) = arrive(session, ours, JOE)
        (other,) = arrive(session, ours, JOE, author="else@supplier.example")
        made = escalate(session, ours, kept)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(kept, other)), Verb.PURGE), by=ANA, now=NOW, settings=ours)
        assert legal_holds.cover_deliveries(session, made.hold, now=NOW + timedelta(hours=1)) is False
    with db.transaction(known) as session:
        arriving.erase(session, settings=ours, now=NOW + timedelta(days=400))
    with db.read_transaction(known) as session:
        assert [session.get_one(Delivery, one).erased_at is None for one in (kept, other)] == [True, False]
        assert seen(session, kept).escalated is not None


@pytest.mark.parametrize(
    ("by", "duty", "may"),
    [
        (COURT, LEGAL, True),
        (ANA, LEGAL, False),  # who escalated it is not who has it
        (IDA, LEGAL, False),
        (ANA, replace(LEGAL, staff=()), True),
        (OTTO, replace(LEGAL, staff=()), False),
        (replace(COURT, kind="token"), LEGAL, False),
    ],
)
def test_the_duty_confirms_and_nobody_else(known: Engine, ours: Settings, by: Actor, duty: Duty, may: bool) -> None:
    ours = replace(ours, escalation=Escalation((duty,)))
    with db.transaction(known) as session:
        (one,) = arrive(session, ours, JOE)
        made = escalate(session, ours, one)
        assert made.may_confirm is (not duty.staff)
        if not may:
            with pytest.raises((NotAllowed, NotFound)):
                decisions_escalate.confirm_escalation(session, made.id, by=by, now=NOW, settings=ours)
            return
        done = decisions_escalate.confirm_escalation(session, made.id, by=by, now=NOW + timedelta(hours=1), settings=ours)
        assert (done.confirmed_by_shown, done.may_confirm) == (by.shown, False)
        assert decisions_escalate.list_escalations(session, by=ANA, settings=ours) == []
        assert [each.id for each in decisions_escalate.list_escalations(session, by=ANA, settings=ours, confirmed=True)] == [made.id]
        escalated = seen(session, one).escalated
        assert escalated is not None
        assert escalated.confirmed_by_shown == by.shown
        with pytest.raises(NotAllowedNow, match="already confirmed it on 24 Nov 2026"):
            decisions_escalate.confirm_escalation(session, made.id, by=by, now=NOW, settings=ours)
        with pytest.raises(NotAllowedNow, match="Legal is in charge now, and an administrator can lift the legal hold"):
            undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=ours)
        assert session.get_one(LegalHold, made.hold).lifted_at is None


def test_undo_ends_the_hold_and_the_escalation(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        (one,) = arrive(session, ours, JOE)
        first, second = escalate(session, ours, one, to="security"), escalate(session, ours, one)
        assert not undoing.is_large(session, session.get_one(Decision, second.id))
        undone = undoing.undo_decision(session, second.id, by=ANA, reason="wrong message", now=NOW, settings=ours)
        assert (undone.done, undone.verb) == (1, "undo")
        assert session.get_one(LegalHold, second.hold).lifted_at == NOW
        escalated = seen(session, one).escalated
        assert escalated is not None
        assert escalated.title == "Security"  # the one before is shown again
        with pytest.raises(NotAllowedNow, match="it was undone"):
            decisions_escalate.confirm_escalation(session, second.id, by=COURT, now=NOW, settings=ours)
        undoing.undo_decision(session, first.id, by=ANA, reason="", now=NOW, settings=ours)
        assert seen(session, one).escalated is None
        assert [seen(session, one).state, seen(session, one).legal_hold] == ["held", False]
        with pytest.raises(Conflict):
            undoing.undo_decision(session, first.id, by=ANA, reason="", now=NOW, settings=ours)


def test_the_decision_is_on_the_record_in_words(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, ours, JOE)
        made = escalate(session, ours)
        report = outcomes.get_decision(session, made.id, by=ANA)
        assert (report.verb, report.sentence, report.undoable) == ("escalate", "Escalated “Your order” to Legal.", True)


@pytest.mark.parametrize(
    ("more", "refusal", "says"),
    [
        ({"reason": " "}, BadInput, "reason: say why"),
        ({"to": "finance"}, BadInput, "there is no duty “finance”; there are legal, security"),
        ({"expect": 7}, Stale, "you expected 7, but 1 are selected now"),
        ({"by": BEN}, NotFound, "the selection contains nothing that you may see"),
        ({"by": OTTO}, NotAllowed, "this needs the role"),
    ],
)
def test_what_is_refused(known: Engine, ours: Settings, more: dict[str, object], refusal: type[Exception], says: str) -> None:
    with db.transaction(known) as session:
        arrive(session, ours, JOE)
    with pytest.raises(refusal, match=says), db.transaction(known) as session:
        escalate(session, ours, **more)  # type: ignore[arg-type]
    with db.read_transaction(known) as session:
        assert session.scalars(select(LegalHold)).all() == []


def test_there_is_no_evidence_in_what_was_erased(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        (one,) = arrive(session, ours, JOE)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(one,)), Verb.PURGE), by=ANA, now=NOW, settings=ours)
    with db.transaction(known) as session:
        assert arriving.erase(session, settings=ours, now=NOW + timedelta(days=400))
    with db.transaction(known) as session, pytest.raises(NotAllowedNow, match="there is no evidence left to preserve"):
        escalate(session, ours, one)


def test_no_more_than_a_person_can_have_looked_at(known: Engine, ours: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions_escalate, "MOST", 1)
    with db.transaction(known) as session:
        arrive(session, ours, JOE, MARA)
        with pytest.raises(BadInput, match="escalate at most 1 messages at once"):
            escalate(session, ours)


def test_why_sealed_messages_are_escalated_is_told_to_those_named_for_them(known: Engine, ours: Settings) -> None:
    sealed_company = replace(arriving.COMPANY, sealed=(ConfidentialEntry("department:it", ("ana",)),))
    with db.transaction(known) as session:
        directory.apply_directory(session, sealed_company, ours.company, by=SYNC, now=NOW)
        (one,) = arrive(session, ours, JOE)
        made = escalate(session, ours, one)
        assert session.get_one(LegalHold, made.hold).reason == "Escalated to Legal"
        assert decisions_escalate.list_escalations(session, by=IDA, settings=ours) == []
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "escalate")).one()
        assert "department:it" in record.detail["scope"]


def test_sealed_messages_are_escalated_apart_from_others(known: Engine, ours: Settings) -> None:
    sealed_company = replace(arriving.COMPANY, sealed=(ConfidentialEntry("department:it", ("ana",)),))
    with db.transaction(known) as session:
        directory.apply_directory(session, sealed_company, ours.company, by=SYNC, now=NOW)
        (closed, opened) = arrive(session, ours, JOE, MARA)
        with pytest.raises(BadInput, match="messages in confidential folders are escalated separately"):
            escalate(session, ours, closed, opened)
        assert not session.scalars(select(LegalHold)).all()
        assert escalate(session, ours, closed).count == escalate(session, ours, opened).count == 1
        (notified,) = decisions_escalate.list_escalations(session, by=IDA, settings=ours)
        assert notified.deliveries == (opened,)


@pytest.mark.parametrize(
    ("findings", "duty"),
    [
        (set(), None),
        ({"first-contact"}, None),
        ({"threat", "legal-deadline"}, "security"),
        ({"legal-deadline"}, "legal"),
        ({"data-request"}, "data-protection"),
    ],
)
def test_what_signals_suggest(findings: set[str], duty: str | None) -> None:
    found = suggest_duty(findings)
    assert (found.duty if found else None) == duty


def test_who_stands_for_a_duty_that_the_company_has_not() -> None:
    management, security = Duty("management", "The board"), Duty("security", "Guards")
    assert duty_in_charge((security, management), "legal") == management
    assert duty_in_charge((security,), "legal") == security
    assert duty_in_charge((), "legal") is None


def test_old_mail_is_erased_after_the_undo(known: Engine, ours: Settings) -> None:
    with db.transaction(known) as session:
        (one,) = arrive(session, ours, JOE)
        made = escalate(session, ours, one)
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=ours)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(one,)), Verb.PURGE), by=ANA, now=NOW, settings=ours)
    with db.transaction(known) as session:
        found, _ = retention.due_contents(session, settings=ours, now=NOW + timedelta(days=400), limit=retention.WINDOW)
        assert found
