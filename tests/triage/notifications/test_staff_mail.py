"""Alerts that staff get by email, and their recipients."""

import email
from dataclasses import replace
from datetime import datetime, timedelta
from email.policy import default

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import COMPANY, IDA, NOW, SYNC
from tests.triage.notifications.test_alerts import JOE, MARA, held
from triage.access import staff_members
from triage.addressing.company import ConfidentialEntry, PersonEntry, StaffEntry
from triage.config.settings import Coverage, Notices, Settings
from triage.directory import apply as directory
from triage.notifications import alerts, staff_mail
from triage.policy import emergency
from triage.quarantine import coverage
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STAFFED = replace(
    COMPANY,
    people=(
        *COMPANY.people,
        PersonEntry("ana.roth", "Ana Roth", "it", "ana.roth@company.example", login="ana"),
        PersonEntry("ben", "Ben Okafor", "legal", "ben@company.example"),
        PersonEntry("eva", "Eva Assist", "legal", "eva@company.example"),
        PersonEntry("ida", "Ida Lind", "it", "ida@company.example"),
    ),
    staff=(
        StaffEntry("ana", "Ana Roth", "triage", ("company",)),
        StaffEntry("ben", "Ben Okafor", "triage", ("department:legal",)),
        StaffEntry("eva", "Eva Assist", "triage", ("person:joe.fern",)),
        StaffEntry("ida", "Ida Lind", "admin", ("company",)),
        StaffEntry("otto", "Otto Weiss", "auditor", ("company",)),
        StaffEntry("nobody", "Without a mailbox", "triage", ("company",)),
    ),
)
LATE = NOW + 2 * HOUR


@pytest.fixture
def staffed(known: Engine, settings: Settings) -> Settings:
    """The small company with staff who have mailboxes, and a target of an hour."""
    with db.transaction(known) as session:
        directory.apply_directory(session, STAFFED, settings.company, by=SYNC, now=NOW)
    return replace(settings, notices=Notices(target_minutes=60, outgoing_minutes=0))


def send_alerts(engine: Engine, settings: Settings, now: datetime = LATE) -> dict[str, str]:
    """Send the alerts that are due; return the text by address."""
    with db.transaction(engine) as session:
        before = set(session.scalars(select(col(Delivery.id))))
        alerts.store_alerts(session, alerts.find_alerts(session, settings, now), now=now)
        staff_mail.queue_notices(session, settings, now=now)
        fresh = select(col(Delivery.mailbox), col(Message.content_id)).join(Message, col(Message.id) == col(Delivery.message_id))
        rows = session.execute(fresh.where(col(Delivery.direction) == "report", col(Delivery.id).not_in(before))).all()
        return {mailbox: text_of(bodies.load_body(session, content_id)) for mailbox, content_id in rows}


def text_of(raw: bytes) -> str:
    body = email.message_from_bytes(raw, policy=default).get_body(("plain",))
    assert body
    return str(body.get_content())


def test_everybody_on_duty_is_told_of_the_folders_they_look_after(known: Engine, staffed: Settings) -> None:
    held(known, staffed, JOE)
    held(known, staffed, MARA)
    found = send_alerts(known, staffed)
    assert {address: ("IT: 1 message is held" in text, "Legal: 1 message is held" in text) for address, text in found.items()} == {
        "ana.roth@company.example": (True, True),
        "ben@company.example": (False, True),
        "eva@company.example": (True, False),
        "ida@company.example": (True, True),
    }
    assert not any("supplier" in text for text in found.values())  # no word of a sender
    assert send_alerts(known, staffed, LATE + DAY) == {}
    with db.read_transaction(known) as session:
        acts = select(col(AuditRecord.subject)).where(col(AuditRecord.act) == "notify").order_by(col(AuditRecord.subject))
        assert list(session.scalars(acts)) == ["staff:ana", "staff:ben", "staff:eva", "staff:ida"]


def test_an_assistant_hears_of_the_folders_that_are_theirs(known: Engine, staffed: Settings) -> None:
    held(known, staffed, "info@company.example")
    assert "eva@company.example" not in send_alerts(known, staffed)
    held(known, staffed, JOE)
    found = send_alerts(known, staffed, LATE + MINUTE)
    assert set(found) == {"eva@company.example"}  # the others were told of the department within the hour
    assert set(send_alerts(known, staffed, LATE + HOUR)) == {"ana.roth@company.example", "ida@company.example"}


def test_who_is_away_is_left_in_peace(known: Engine, staffed: Settings) -> None:
    held(known, staffed, JOE)
    with db.transaction(known) as session:
        coverage.set_away(session, "ana", LATE + DAY, by=IDA, now=NOW)
    assert set(send_alerts(known, staffed)) == {"eva@company.example", "ida@company.example"}


def test_what_is_sealed_is_for_those_who_are_named(known: Engine, staffed: Settings) -> None:
    with db.transaction(known) as session:
        sealed = replace(STAFFED, sealed=(ConfidentialEntry("department:legal", ("ben",)),))
        directory.apply_directory(session, sealed, staffed.company, by=SYNC, now=NOW)
    held(known, staffed, MARA)
    assert set(send_alerts(known, staffed)) == {"ben@company.example"}


def test_somebody_else_is_told_where_the_settings_say_so(known: Engine, staffed: Settings) -> None:
    desk = replace(
        staffed, notices=Notices(target_minutes=60, alert_recipients=("legal=desk@company.example", "legal=ana", "legal=eve@evil.example"))
    )
    held(known, desk, MARA)
    assert set(send_alerts(known, desk)) == {"desk@company.example", "ana.roth@company.example"}


def test_where_that_is_nobody_here_any_more_staff_on_duty_is_told(known: Engine, staffed: Settings) -> None:
    gone = replace(staffed, notices=Notices(target_minutes=60, alert_recipients=("legal=anna.before",)))
    held(known, gone, MARA)
    assert set(send_alerts(known, gone)) == {"ana.roth@company.example", "ben@company.example", "ida@company.example"}


@pytest.mark.parametrize(
    ("seal", "desk", "named"),
    [
        ((), {"IT: 2 messages for 2 people are held"}, set()),
        ((ConfidentialEntry("person:joe.fern", ("ana",)),), {"IT: 1 message is held"}, {"IT: 1 message is held"}),
        ((ConfidentialEntry("department:it", ("ana",)),), set(), {"IT: 2 messages for 2 people are held"}),
    ],
)
def test_how_much_is_sealed_is_told_to_nobody_instead(
    known: Engine, staffed: Settings, seal: tuple[ConfidentialEntry, ...], desk: set[str], named: set[str]
) -> None:
    instead = replace(staffed, notices=Notices(target_minutes=60, alert_recipients=("it=desk@company.example", "it=ida")))
    with db.transaction(known) as session:
        directory.apply_directory(session, replace(STAFFED, sealed=seal), staffed.company, by=SYNC, now=NOW)
    held(known, instead, JOE)
    held(known, instead, "it+ida@company.example")
    found = {address: said_of("IT", text) for address, text in send_alerts(known, instead).items()}
    assert found.pop("ana.roth@company.example", set()) == named
    assert set(map(frozenset, found.values())) == ({frozenset(desk)} if desk else set())
    assert set(found) == ({"desk@company.example", "ida@company.example"} if desk else set())


def said_of(department: str, text: str) -> set[str]:
    """Lines of an alert about a department, up to the first comma."""
    lines = (line.removeprefix("- ").partition(",")[0] for line in text.splitlines())
    return {line for line in lines if line.startswith(f"{department}:")}


def test_not_at_night_unless_it_is_wanted(known: Engine, staffed: Settings) -> None:
    held(known, staffed, JOE)
    held(known, staffed, MARA)
    night = NOW + 12 * HOUR
    office = replace(staffed, coverage=Coverage(hours=("mon-fri 08:00-18:00",), departments=("legal=substitute:ana",)))
    found = send_alerts(known, office, night)
    assert set(found) == {"ana.roth@company.example"}  # looks after that folder at night
    assert "IT" not in found["ana.roth@company.example"]
    wanted = replace(office, notices=replace(office.notices, alerts_at_night=("waiting",)))
    assert set(send_alerts(known, wanted, night)) == {"ben@company.example", "eva@company.example", "ida@company.example"}
    assert "IT" in send_alerts(known, office, NOW + 23 * HOUR + 59 * MINUTE)["ana.roth@company.example"]  # in the morning


def test_the_company_is_the_business_of_its_administrators(known: Engine, staffed: Settings) -> None:
    held(known, staffed, MARA)
    with db.transaction(known) as session:
        emergency.open_emergency(session, LATE + DAY, by=IDA, reason="the office is flooded", now=NOW)
        alerts.raise_brake(session, "The directory would remove 60 of 100 people", now=NOW)
        coverage.set_away(session, "ida", LATE + DAY, by=IDA, now=NOW)  # but somebody has to know
    found = send_alerts(known, staffed)
    assert set(found) == {"ana.roth@company.example", "ben@company.example", "ida@company.example", "joe.fern@company.example"}
    assert "60 of 100 people" in found["joe.fern@company.example"], "of the postmaster's mailbox, since who administers may have left"
    assert "flooded" not in found["joe.fern@company.example"]
    assert "Legal" not in found["ida@company.example"]  # that is for who is there
    assert "the office is flooded" in found["ida@company.example"]
    assert "60 of 100 people" in found["ida@company.example"]


def test_what_nobody_wants_to_be_told_is_told_to_nobody(known: Engine, staffed: Settings) -> None:
    held(known, staffed, JOE)
    assert send_alerts(known, replace(staffed, notices=Notices(target_minutes=60, alerts=()))) == {}


@pytest.mark.parametrize(("login", "uid"), [("ana", "ana.roth"), ("ANA ", "ana.roth"), ("ana.roth", ""), ("ben", "ben"), ("", "")])
def test_who_signs_in_so(known: Engine, staffed: Settings, login: str, uid: str) -> None:
    with db.read_transaction(known) as session:
        found = staff_members.person_of(session, login)
    assert (found.uid if found else "") == uid


def test_two_people_with_one_login_are_nobody(known: Engine, staffed: Settings) -> None:
    twins = replace(STAFFED, people=(*STAFFED.people, PersonEntry("ana", "Ana Two", "it", "ana.two@company.example")))
    with db.transaction(known) as session:
        directory.apply_directory(session, twins, staffed.company, by=SYNC, now=NOW)
        assert staff_members.person_of(session, "ana") is None


def test_in_the_companys_language(known: Engine, staffed: Settings) -> None:
    held(known, staffed, JOE)
    found = send_alerts(known, replace(staffed, company=replace(staffed.company, language="de")))
    assert found["eva@company.example"].splitlines() == [
        "Nachrichten werden länger als geplant zurückgehalten",
        "- IT: 1 Nachricht wird zurückgehalten, die älteste seit 24. Nov., 09:30.",
        "",
        "Sie bekommen diese Meldung, weil Sie zuständig sind. Tragen Sie für Ihre Abwesenheit in der Konsole eine Vertretung ein.",
    ]
