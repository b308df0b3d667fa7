"""Arrivals, counted by day and rule."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, authentication, summary
from triage.actor import Actor
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.intake import receive as intake
from triage.reports.arrivals import Arrivals, list_arrivals
from triage.store import db

JOE, MARA, POSTMASTER = "it+joe.fern@company.example", "legal+mara.berg@company.example", "postmaster@company.example"
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        came(session, settings, NOW, JOE, MARA)
        came(session, settings, NOW, JOE, listed="zen.example lists it")
        came(session, settings, NOW, MARA, listed="zen.example lists it")
        came(session, settings, NOW - timedelta(days=1), POSTMASTER)
        came(session, settings, datetime.combine(TUESDAY, datetime.min.time(), NOW.tzinfo) - timedelta(microseconds=1), JOE)
    return engine


def came(session: Session, settings: Settings, at: datetime, *recipients: str, listed: str = "") -> None:
    envelope = arriving.envelope(*recipients, spool_id=None)
    sender = "sales@supplier.example"
    raw = f"From: {sender}\r\n\r\n{envelope.spool_id}\r\n".encode()
    settings = replace(settings, policy=replace(settings.policy, listed_sample=0))
    envelope = replace(envelope, received_at=at)
    intake.receive_message(session, envelope, raw, authentication(sender), summary(sender), settings=settings, now=at, listed=listed)


@pytest.mark.parametrize(
    ("by", "since", "counted"),
    [
        (
            ANA,
            NOW - timedelta(days=7),
            [
                (TUESDAY, "first-contact", "quarantine", 2),
                (TUESDAY, "listed-client", "purge", 2),
                (MONDAY, "first-contact", "quarantine", 1),
                (MONDAY, "postmaster", "relay", 1),
            ],
        ),
        (BEN, NOW - timedelta(days=7), [(TUESDAY, "first-contact", "quarantine", 1), (TUESDAY, "listed-client", "purge", 1)]),
        (ANA, NOW, [(TUESDAY, "first-contact", "quarantine", 2), (TUESDAY, "listed-client", "purge", 2)]),
        (ANA, NOW + timedelta(seconds=1), []),
    ],
)
def test_counted_by_day_and_rule_within_the_scope(company: Engine, by: Actor, since: datetime, counted: list[tuple[object, ...]]) -> None:
    with db.read_transaction(company) as session:
        found = list_arrivals(session, by=by, since=since, until=NOW + timedelta(days=1))
    assert [(one.day, one.rule, one.disposition, one.count) for one in found] == counted


def test_not_more_than_a_year_at_once(company: Engine) -> None:
    with db.read_transaction(company) as session:
        assert list_arrivals(session, by=ANA, since=NOW, until=NOW + timedelta(days=367)) == ()


@pytest.mark.parametrize("year", [1, 9999])
def test_not_of_years_that_no_mail_has(company: Engine, year: int) -> None:
    with db.read_transaction(company) as session, pytest.raises(BadInput, match="1970"):
        list_arrivals(session, by=ANA, since=NOW, until=datetime(year, 1, 1, tzinfo=UTC))


def test_what_observe_mode_let_pass_says_so(engine: Engine, settings: Settings) -> None:
    observing = replace(settings, company=replace(settings.company, enforcement="record-only"))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        came(session, observing, NOW, JOE)
    with db.read_transaction(engine) as session:
        found = list_arrivals(session, by=ANA, since=NOW, until=NOW + timedelta(days=1))
    assert found == (Arrivals(TUESDAY, "observe", "relay", "first-contact", 1),)
