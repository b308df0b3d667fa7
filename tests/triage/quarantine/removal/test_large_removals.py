"""Large removals: administrators and whom the settings name are told at once, once, with a way to undo it; not of confidential folders."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ANA, IDA, NOW, SYNC, arrive
from tests.triage.notifications.test_staff_mail import STAFFED, send_alerts
from triage.actor import EVERYTHING, Actor, Role, Scope
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Notices, Settings
from triage.directory import apply as directory
from triage.ids import format_id
from triage.notifications import alerts
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.removal import large_removals
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord

CROOK, JOE, MARA = "crook@evil.example", "it+joe.fern@company.example", "legal+mara.berg@company.example"
BEN = Actor.person("ben", Role.TRIAGE, Scope(departments=frozenset({"legal"})), "Ben Okafor")
SOON = NOW + timedelta(seconds=10)
IDAS, LEADS = "ida@company.example", "eva@company.example"


@pytest.fixture
def staffed(known: Engine, settings: Settings) -> Settings:
    """The small company with staff who have mailboxes, where more than two messages are many."""
    with db.transaction(known) as session:
        directory.apply_directory(session, STAFFED, settings.company, by=SYNC, now=NOW)
    return replace(settings, notices=Notices(removal_messages=2, outgoing_minutes=0))


def remove(engine: Engine, settings: Settings, number: int, to: str = JOE, by: Actor = ANA) -> DecisionReport:
    with db.transaction(engine) as session:
        ids = tuple(one for _ in range(number) for one in arrive(session, settings, to, author=CROOK))
        return decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), Verb.PURGE), by=by, now=NOW, settings=settings)


def shown(engine: Engine, settings: Settings, by: Actor) -> list[tuple[int, str, int, bool]]:
    with db.read_transaction(engine) as session:
        return [(one.decision, one.by_shown, one.count, one.is_mine) for one in large_removals.shown_to(session, by=by, settings=settings)]


def test_administrators_are_told_at_once_and_once(known: Engine, staffed: Settings) -> None:
    made = remove(known, staffed, 3)
    found = send_alerts(known, staffed, SOON)
    assert set(found) == {IDAS}
    assert f"Ana Roth removed 3 messages. Undo: mailroom decisions undo {format_id(made.id)}" in found[IDAS]
    assert CROOK not in found[IDAS]
    assert send_alerts(known, staffed, SOON + timedelta(hours=2)) == {}
    second = remove(known, staffed, 4)
    again = send_alerts(known, staffed, SOON + timedelta(seconds=5))[IDAS]  # nothing is quiet about these
    assert (format_id(second.id) in again, format_id(made.id) in again) == (True, False)


def test_the_link_leads_to_the_decision(known: Engine, staffed: Settings) -> None:
    linked = replace(staffed, api=replace(staffed.api, public_url="https://mailroom.example/"))
    made = remove(known, linked, 3)
    assert f"Undo: https://mailroom.example/decisions/{format_id(made.id)}" in send_alerts(known, linked, SOON)[IDAS]


@pytest.mark.parametrize(("number", "notices"), [(2, {}), (3, {"removal_messages": 0}), (3, {"alerts": ("outgoing",)})])
def test_a_small_one_or_where_nobody_wants_it_is_told_to_nobody(
    known: Engine, staffed: Settings, number: int, notices: dict[str, Any]
) -> None:
    wanted = replace(staffed, notices=replace(staffed.notices, **notices))
    remove(known, wanted, number)
    assert send_alerts(known, wanted, SOON) == {}


def test_what_is_undone_is_told_to_nobody(known: Engine, staffed: Settings) -> None:
    made = remove(known, staffed, 3)
    with db.transaction(known) as session:
        undoing.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=staffed)
    assert send_alerts(known, staffed, SOON) == {}
    assert shown(known, staffed, IDA) == []


def test_it_is_told_at_night_and_to_the_lead(known: Engine, staffed: Settings) -> None:
    night = replace(staffed.coverage, hours=("mon-fri 08:00-09:00",))
    lead = replace(staffed, coverage=night, notices=replace(staffed.notices, removal_recipients=("Eva", "nobody.else")))
    remove(known, lead, 3)
    assert set(send_alerts(known, lead, SOON)) == {IDAS, LEADS}


def test_the_console_shows_it_to_those_who_are_told(known: Engine, staffed: Settings) -> None:
    made = remove(known, staffed, 3)
    send_alerts(known, staffed, SOON)
    lead = replace(staffed, notices=replace(staffed.notices, removal_recipients=("ben",)))
    assert shown(known, staffed, IDA) == [(made.id, "Ana Roth", 3, False)]
    assert (shown(known, staffed, ANA), shown(known, staffed, BEN)) == ([], [])
    assert shown(known, lead, BEN) == [(made.id, "Ana Roth", 3, False)]
    assert shown(known, staffed, Actor("token", "1", Role.ADMIN, EVERYTHING)) == []


def test_of_confidential_folders_nobody_is_told(known: Engine, staffed: Settings) -> None:
    with db.transaction(known) as session:
        sealed = replace(STAFFED, sealed=(ConfidentialEntry("department:legal", ("ben",)),))
        directory.apply_directory(session, sealed, staffed.company, by=SYNC, now=NOW)
    remove(known, staffed, 3, MARA, BEN)
    assert send_alerts(known, staffed, SOON) == {}
    remove(known, staffed, 3, JOE)
    assert "Ana Roth removed 3 messages" in send_alerts(known, staffed, SOON)[IDAS]


def test_programs_elsewhere_are_told(known: Engine, staffed: Settings) -> None:
    made = remove(known, staffed, 3)
    with db.transaction(known) as session:
        alerts.store_alerts(session, alerts.find_alerts(session, staffed, SOON), now=SOON)
        assert alerts.record_alerts(session, staffed, now=SOON) == 1
        detail = session.scalars(select(col(AuditRecord.detail)).where(col(AuditRecord.act) == "alert")).one()
        assert (detail["cause"], detail["number"], detail["decisions"]) == ("removal", 3, [format_id(made.id)])
        assert alerts.record_alerts(session, staffed, now=SOON + timedelta(hours=3)) == 0
