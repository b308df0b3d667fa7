"""The owner of an account is told of sign-ins from where it had not signed in lately."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import COMPANY, NOW, SYNC
from tests.triage.notifications.test_staff_mail import STAFFED, text_of
from triage.access import staff_login
from triage.access.staff_login import How
from triage.compliance.audit import hash_chain
from triage.config.settings import Notices, Settings
from triage.directory import apply as directory
from triage.notifications import new_places
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

HOME, ELSEWHERE = "192.0.2.9", "203.0.113.7"
DAY = timedelta(days=1)


@pytest.fixture
def staffed(engine: Engine, settings: Settings) -> Settings:
    """The small company with staff who have mailboxes, and who have been looked after before."""
    with db.transaction(engine) as session:
        directory.apply_directory(session, STAFFED, settings.company, by=SYNC, now=NOW)
        new_places.notify_owners(session, settings, now=NOW)
    return settings


def sign_in(engine: Engine, login: str, client: str, now: datetime = NOW) -> None:
    with db.transaction(engine) as session:
        assert staff_login.start_session(session, login, client, How(), lasts=DAY, now=now)


def send_notices(engine: Engine, settings: Settings, now: datetime = NOW) -> list[tuple[str, str]]:
    """Send the notices that are due; return address and text of each."""
    with db.transaction(engine) as session:
        while hash_chain.seal_entries(session):
            pass
        before = set(session.scalars(select(col(Delivery.id))))
        number = new_places.notify_owners(session, settings, now=now)
        assert not new_places.is_behind(session) or number
        fresh = select(col(Delivery.mailbox), col(Message.content_id)).join(Message, col(Message.id) == col(Delivery.message_id))
        rows = session.execute(fresh.where(col(Delivery.direction) == "report", col(Delivery.id).not_in(before))).all()
        assert len(rows) == number
        return [(mailbox, text_of(bodies.load_body(session, content_id))) for mailbox, content_id in rows]


def test_a_new_place_is_told_once_and_the_first_sign_in_is_none(engine: Engine, staffed: Settings) -> None:
    sign_in(engine, "ana", HOME)
    sign_in(engine, "ana", HOME)
    assert send_notices(engine, staffed) == []
    sign_in(engine, "ana", ELSEWHERE)
    ((address, text),) = send_notices(engine, staffed)
    assert address == "ana.roth@company.example"
    assert ELSEWHERE in text
    assert "mailroom staff sign-out ana" in text
    sign_in(engine, "ana", ELSEWHERE)
    sign_in(engine, "ana", HOME)
    assert send_notices(engine, staffed) == []
    with db.read_transaction(engine) as session:
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "notify")).all()
    assert [(one.subject, one.detail["causes"]) for one in acts] == [("staff:ana", ["new_place"])]


def test_the_rest_of_an_ipv6_network_is_the_same_place(engine: Engine, staffed: Settings) -> None:
    for client in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        sign_in(engine, "ana", client)
    ((_, text),) = send_notices(engine, staffed)
    assert "2001:db8:0:1::1" in text


@pytest.mark.parametrize("way", ["off", "no mailbox", "long ago"])
def test_nobody_is_told(engine: Engine, staffed: Settings, way: str) -> None:
    login = "otto" if way == "no mailbox" else "ana"
    for client in (HOME, ELSEWHERE):
        sign_in(engine, login, client)
    silent = replace(staffed, notices=Notices(new_sign_in_address=way != "off"))
    assert send_notices(engine, silent, NOW + 2 * DAY if way == "long ago" else NOW) == []
    sign_in(engine, login, "198.51.100.3", NOW + 2 * DAY)
    assert bool(send_notices(engine, staffed, NOW + 2 * DAY)) == (way != "no mailbox")


def test_what_happened_before_the_first_look_is_told_to_nobody(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        directory.apply_directory(session, replace(STAFFED, departments=COMPANY.departments), settings.company, by=SYNC, now=NOW)
    for client in (HOME, ELSEWHERE):
        sign_in(engine, "ana", client)
    assert send_notices(engine, settings) == []
