"""Enforcement steps: set within one's scope, in the audit log, effective from the next message on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import BEN, IDA, NOW, arrive, set_up
from triage.actor import Actor, Role, Scope
from triage.config.settings import Company, Coverage, Settings
from triage.directory import enforcement
from triage.directory.enforcement import COMPANY, DANGEROUS, RECORD, UNKNOWN, Enforcement, next_working_day
from triage.errors import BadInput, NotAllowed
from triage.message.signals import severity
from triage.message.summary import Attachment
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

LEO = Actor.person("leo", Role.ADMIN, Scope(departments=frozenset({"legal"})), "Leo Falk")
IT, LEGAL = "it+joe.fern@company.example", "legal+mara.berg@company.example"
PHISHING = "Your mailbox is locked. Confirm your password now: http://company.example.login.evil.example/ and change our bank details."
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("company", "listed", "steps", "joe"),
    [
        (UNKNOWN, (), {}, UNKNOWN),
        (RECORD, (), {}, RECORD),
        (DANGEROUS, (), {}, DANGEROUS),
        (UNKNOWN, ("it",), {}, RECORD),
        (UNKNOWN, ("legal",), {}, UNKNOWN),
        (UNKNOWN, (), {COMPANY: RECORD}, RECORD),
        (RECORD, (), {COMPANY: DANGEROUS}, DANGEROUS),
        (RECORD, (), {"department:it": UNKNOWN}, UNKNOWN),
        (RECORD, (), {"department:legal": UNKNOWN}, RECORD),
        (UNKNOWN, ("it",), {COMPANY: UNKNOWN}, RECORD),  # the settings name the department itself
        (UNKNOWN, ("it",), {"department:it": UNKNOWN, COMPANY: RECORD}, UNKNOWN),
        (RECORD, (), {"person:joe.fern": UNKNOWN, "department:it": RECORD}, UNKNOWN),
        (UNKNOWN, ("it",), {"person:mara.berg": RECORD}, RECORD),
    ],
)
def test_a_person_counts_before_the_department_and_that_before_the_company(
    company: str, listed: tuple[str, ...], steps: dict[str, str], joe: str
) -> None:
    said = Company(domains=("company.example",), hostname="mx", enforcement=company, record_only_departments=listed)
    assert Enforcement(said, steps).of("it", "joe.fern") == joe


def test_each_step_counts_from_the_next_message_on(engine: Engine, settings: Settings) -> None:
    recording = replace(settings, company=replace(settings.company, enforcement=RECORD))
    with db.transaction(engine) as session:
        set_up(session, settings)
        before = arrive(session, recording, IT, LEGAL)
    with db.transaction(engine) as session:
        enforcement.set_step(session, "department:legal", UNKNOWN, by=IDA, reason="second day", now=NOW)
    with db.transaction(engine) as session:
        after = arrive(session, recording, IT, LEGAL)
    with db.transaction(engine) as session:
        enforcement.set_step(session, "department:legal", None, by=IDA, reason="", now=NOW)
        again = arrive(session, recording, LEGAL)
    with db.read_transaction(engine) as session:
        found = {one.id: (one.department, one.state, one.withheld) for one in session.scalars(select(Delivery))}
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "set-enforcement").order_by(col(AuditRecord.id))).all()
        said = [(one.subject, one.detail) for one in acts]
    assert sorted(found[one] for one in before) == [("it", "queued", "first-contact"), ("legal", "queued", "first-contact")]
    assert sorted(found[one] for one in after) == [("it", "queued", "first-contact"), ("legal", "held", "")]
    assert [found[one] for one in again] == [("legal", "queued", "first-contact")]
    assert said[0] == ("department:legal", {"enforcement": "hold-unknown", "reason": "second day"})
    assert said[1][1]["enforcement"] == "as the settings say"


def test_hold_dangerous_holds_what_is_dangerous_and_nothing_else(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(severity, "DANGEROUS_FROM", 30)  # so that a few warning signs are enough
    here = replace(settings, company=replace(settings.company, enforcement=DANGEROUS))
    runs = (Attachment(1, "invoice.exe", "application/octet-stream", 10, ""),)
    with db.transaction(engine) as session:
        set_up(session, settings)
        (harmless,) = arrive(session, here, IT)
        (dangerous,) = arrive(session, here, IT, attachments=runs)
        (phishing,) = arrive(session, here, IT, subject="Verify your password", text=PHISHING)
    with db.read_transaction(engine) as session:
        found = {one.id: (one.state, one.rule, one.withheld) for one in session.scalars(select(Delivery))}
    assert found[harmless] == ("queued", "observe", "first-contact")
    assert found[phishing] == ("held", "looks-dangerous", "")
    assert found[dangerous] == ("held", "dangerous-attachment", "")


def test_a_step_begins_later_and_a_learning_phase_ends(engine: Engine, settings: Settings) -> None:
    def step(session: Session, at: datetime) -> str:
        return enforcement.now_in_force(session, settings.company, at).of("it", "joe.fern")

    with db.transaction(engine) as session:
        set_up(session, settings)
        put = set_later(session)
        put("", RECORD, ends_at=NOW + 10 * HOUR)
        put("person:joe.fern", DANGEROUS, starts_at=NOW + 2 * HOUR)
        put("person:joe.fern", UNKNOWN, starts_at=NOW + 4 * HOUR)
        at = {hours: step(session, NOW + hours * HOUR) for hours in (0, 1, 2, 3, 4, 11)}
        listed = {one.scope: one for one in enforcement.list_steps(session, settings.company, by=IDA, now=NOW)}
        put("person:joe.fern", None)
        after = step(session, NOW + 5 * HOUR), step(session, NOW + 11 * HOUR)
    assert at == {0: RECORD, 1: RECORD, 2: DANGEROUS, 3: DANGEROUS, 4: UNKNOWN, 11: UNKNOWN}
    assert (listed[""].ends_at, listed[""].step) == (NOW + 10 * HOUR, RECORD)
    assert listed["person:joe.fern"].planned is not None
    assert listed["person:joe.fern"].planned.step == DANGEROUS
    assert after == (RECORD, UNKNOWN)


def set_later(session: Session) -> Callable[..., None]:
    """Sets a step as Ida."""

    def put(scope: str, step: str | None, **times: Any) -> None:
        enforcement.set_step(session, scope, step, by=IDA, reason="", now=NOW, **times)

    return put


@pytest.mark.parametrize(
    ("hours", "now", "start"),
    [
        ((), "2026-11-26T12:00+01:00", "2026-11-27T08:00+01:00"),
        ((), "2026-11-27T07:00+01:00", "2026-11-30T08:00+01:00"),
        (("mon-sat 09:00-12:00",), "2026-11-27T12:00+01:00", "2026-11-28T08:00+01:00"),
    ],
)
def test_a_stricter_step_begins_on_the_next_working_day(hours: tuple[str, ...], now: str, start: str) -> None:
    cover = Coverage(hours=hours, time_zone="Europe/Berlin")
    assert next_working_day(cover, datetime.fromisoformat(now)) == datetime.fromisoformat(start)


def test_only_administrators_set_it_and_only_within_their_scope(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        set_up(session, settings)
        enforcement.set_step(session, "department:legal", RECORD, by=LEO, reason="", now=NOW)
        enforcement.set_step(session, "person:mara.berg", DANGEROUS, by=LEO, reason="", now=NOW)
        for scope, by in (("department:it", LEO), ("person:joe.fern", LEO), (COMPANY, LEO), ("department:legal", BEN)):
            with pytest.raises(NotAllowed):
                enforcement.set_step(session, scope, RECORD, by=by, reason="", now=NOW)
        for scope, why in (("department:zoo", "no department “zoo”"), ("person:x", "no person “x”"), ("zoo", "empty for the company")):
            with pytest.raises(BadInput, match=why):
                enforcement.set_step(session, scope, RECORD, by=IDA, reason="", now=NOW)
        with pytest.raises(BadInput, match="after the start"):
            enforcement.set_step(session, COMPANY, RECORD, by=IDA, reason="", now=NOW, ends_at=NOW)
        seen = enforcement.list_steps(session, settings.company, by=BEN, now=NOW)
        whole = enforcement.list_steps(session, settings.company, by=IDA, now=NOW)
    steps = [(one.scope, one.step, one.by) for one in seen]
    assert steps == [("", UNKNOWN, ""), ("department:legal", RECORD, "Leo Falk"), ("person:mara.berg", DANGEROUS, "Leo Falk")]
    assert [one.scope for one in whole] == ["", "department:it", "department:legal", "person:mara.berg"]
