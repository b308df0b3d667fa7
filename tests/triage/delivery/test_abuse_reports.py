"""Reports of abuse: what is queued, for whom, and what a program reads in them (RFC 5965)."""

import email
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlmodel import Session, col

from tests.peers.processes import HANG
from tests.peers.receiving import wait_until
from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.compliance.privacy.data_subject import find_data_subject
from triage.config.settings import Notices, Settings
from triage.delivery import abuse_reports
from triage.policy.learning import decision_feedback
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

JOE, LATER = "it+joe.fern@company.example", NOW + timedelta(hours=1)


@pytest.fixture
def reporting(engine: Engine, settings: Settings) -> Settings:
    """The small company, which reports abuse."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        decision_feedback.begin_feedback(session, abuse_reports.MARKER)
    return replace(settings, notices=Notices(abuse_reports_to="abuse@provider.example"))


def decide(session: Session, settings: Settings, verb: Verb, author: str) -> None:
    """A message comes, and Ana decides about it."""
    ids = arrive(session, settings, JOE, author=author)
    decisions.decide_messages(session, DecisionRequest(Selection(ids=ids), verb), by=ANA, now=NOW, settings=settings)


def queued(session: Session, settings: Settings) -> list[tuple[Delivery, Any]]:
    """The reports that are queued an hour later."""
    while abuse_reports.report_next(session, settings=settings, now=LATER) is not None:
        pass
    rows = session.execute(
        select(Delivery, col(Message.content_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(col(Delivery.rule) == abuse_reports.RULE)
    ).all()
    return [(one, email.message_from_bytes(bodies.load_body(session, content_id))) for one, content_id in rows]


def test_a_removal_is_reported_once_and_a_release_never(engine: Engine, reporting: Settings) -> None:
    with db.transaction(engine) as session:
        decide(session, reporting, Verb.RELEASE, "a@one.example")
        decide(session, reporting, Verb.PURGE, "eve@two.example")
        assert abuse_reports.report_next(session, settings=reporting, now=NOW) is None
        ((delivery, report),) = queued(session, reporting)
        assert len(queued(session, reporting)) == 1
        assert (delivery.mailbox, delivery.direction, delivery.state) == ("abuse@provider.example", "notice", "queued")
        assert (delivery.department, delivery.person) == ("it", "joe.fern"), "whoever may not see the message, sees no report"
        theirs = select(col(Delivery.rule)).where(find_data_subject(session, "joe.fern").messages)
        assert abuse_reports.RULE in session.scalars(theirs).all(), "it is erased with their messages"
        acts = session.execute(select(col(AuditRecord.detail), col(AuditRecord.items)).where(col(AuditRecord.act) == abuse_reports.RULE))
        assert [tuple(one) for one in acts] == [({"to": "abuse@provider.example"}, 1)]
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "feedback-report")
    words, fields, original = report.get_payload()
    assert [one.get_content_type() for one in (words, fields, original)] == ["text/plain", "message/feedback-report", "message/rfc822"]
    (said,) = fields.get_payload()
    assert (said["Feedback-Type"], said["Version"], said["Original-Mail-From"]) == ("abuse", "1", "<eve@two.example>")
    assert JOE not in fields.as_string()
    (message,) = original.get_payload()
    assert (message["From"], message.get_payload().strip()) == ("eve@two.example", "Hello")


def test_two_judges_report_a_removal_once(engine: Engine, reporting: Settings) -> None:
    found: list[int | None] = []

    def report_too() -> None:
        with db.transaction(engine) as session:
            found.append(abuse_reports.report_next(session, settings=reporting, now=LATER))

    def is_waited_for() -> bool:
        with db.read_transaction(engine) as session:
            return bool(found) or bool(session.scalar(text("select count(*) from pg_locks where not granted")))

    other = threading.Thread(target=report_too)
    with db.transaction(engine) as session:
        decide(session, reporting, Verb.PURGE, "eve@two.example")
    with db.transaction(engine) as session:
        assert abuse_reports.report_next(session, settings=reporting, now=LATER) == 1
        other.start()
        if db.is_postgresql(session):
            wait_until(is_waited_for)
    other.join(HANG)
    assert found == [None]


def test_a_team_of_ours_gets_them_as_mail_that_stays_here(engine: Engine, reporting: Settings) -> None:
    inside = replace(reporting, notices=Notices(abuse_reports_to="abuse@company.example"))
    with db.transaction(engine) as session:
        decide(session, inside, Verb.PURGE, "eve@two.example")
        assert [one.direction for one, _ in queued(session, inside)] == ["report"]
