"""Employees' mail leaves by the smarthost, hidden from triage; whose mail does not arrive is told, and nobody else is."""

import email
import email.message
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import policy
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from mta.delivery.delivery_attempt import DeliveryBatch, prepare_message
from tests.triage import arriving
from tests.triage.arriving import ANA, IDA, NOW, OTTO, arrive
from tests.triage.messages import mail
from triage.access import scope as access
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import outbound_notices, queue, queue_admin
from triage.delivery.queue import Claim, Outcome
from triage.delivery.routes import list_destinations, next_hop_of
from triage.ids import new_id
from triage.intake import store_outbound
from triage.message.summary import make_summary
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.messages import Content, Message
from triage.times import utcnow

JOE, ANN, BOB = "joe.fern@company.example", "Ann@supplier.example", "bob@other.example"
RAW = mail(f"From: Joe Fern <{JOE}>\nTo: {ANN}\nSubject: =?utf-8?q?Angebot_f=C3=BCr_Ann?=\nMessage-ID: <1@company.example>", "Hello\n")


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


@pytest.fixture
def ways(settings: Settings) -> Settings:
    relay = replace(settings.relay, next_hop="smtp://inner:25", smarthost="smtp://notices:25", routes=("department:it=smtp://it:25",))
    return replace(settings, relay=relay, outbound=replace(settings.outbound, smarthost="smtp://provider:25"))


def leave(session: Session, settings: Settings, *recipients: str, sender: str = JOE, raw: bytes = RAW) -> Envelope:
    envelope = Envelope(new_id(), NOW, sender, recipients or (ANN,), "192.0.2.25", "inner.company.example")
    assert (
        store_outbound.store_outgoing(session, envelope, bodies.pack_body(raw), make_summary(raw), settings=settings, now=NOW) is not None
    )
    return envelope


def rows(session: Session, direction: str) -> list[Delivery]:
    session.expire_all()
    return list(session.scalars(select(Delivery).where(col(Delivery.direction) == direction).order_by(col(Delivery.id))))


def claimed(session: Session, settings: Settings) -> list[Claim]:
    return queue.claim_deliveries(session, limit=10, settings=settings, now=NOW)


def end(session: Session, settings: Settings, *replies: str) -> None:
    """Attempt the deliveries that are due, with these replies in the order of the recipients; "" delivers."""
    claims = sorted(claimed(session, settings), key=lambda one: one.delivery_id)
    outcomes = [Outcome("bounced" if reply else "delivered", reply or "250 2.0.0 OK", "smtp://provider:25") for reply in replies]
    assert queue.settle_many(session, list(zip(claims, outcomes, strict=True)), settings=settings, now=NOW) == []


def test_it_is_entered_once(session: Session, settings: Settings) -> None:
    envelope = leave(session, settings)
    assert store_outbound.store_outgoing(session, envelope, bodies.pack_body(RAW), make_summary(RAW), settings=settings, now=NOW) is None
    other = replace(envelope, recipients=(BOB,))  # another message whose door has made the same id
    assert store_outbound.store_outgoing(session, other, bodies.pack_body(RAW), make_summary(RAW), settings=settings, now=NOW) is not None
    assert [one.recipient for one in rows(session, "outbound")] == [ANN.lower(), BOB]


def test_what_it_is_about_is_not_kept_beside_its_bytes(session: Session, settings: Settings) -> None:
    leave(session, settings)
    message = session.scalars(select(Message)).one()
    assert (message.text, message.signals, message.summary["subject"], message.summary["to"]) == ("", [], "", [])
    assert message.summary["message_id"] == "1@company.example"


def test_it_goes_to_the_smarthost_with_its_own_sender_and_our_received_only(session: Session, ways: Settings) -> None:
    leave(session, ways, ANN, BOB, "mara.berg@company.example")
    claims = claimed(session, ways)
    assert {(one.reverse_path, one.direction) for one in claims} == {(JOE, "outbound")}
    assert sorted(one.mailbox for one in claims) == [ANN, BOB, "mara.berg@company.example"]
    sent = prepare_message(DeliveryBatch(tuple(claims)).claims[0], ways, None)
    assert sent.endswith(RAW)
    (name, _), *others = email.message_from_bytes(sent, policy=policy.SMTP).items()[: -len(email.message_from_bytes(RAW).items())]
    assert (name, others) == ("Received", [])


@pytest.mark.parametrize(
    ("direction", "department", "hop"),
    [
        ("outbound", "it", "smtp://provider:25"),
        ("notice", "it", "smtp://notices:25"),
        ("report", "it", "smtp://it:25"),
        ("report", "legal", "smtp://inner:25"),
        ("in", "it", "smtp://it:25"),
        ("in", "legal", "smtp://inner:25"),
    ],
)
def test_which_way_it_takes(session: Session, ways: Settings, direction: str, department: str, hop: str) -> None:
    assert next_hop_of(ways, department=department, mailbox=JOE, direction=direction) == hop
    leave(session, ways)
    one = rows(session, "outbound")[0]
    one.direction, one.department = direction, department
    session.flush()
    found = [
        way.next_hop
        for way in list_destinations(ways)
        if way.condition is not None and session.scalar(select(col(Delivery.id)).where(way.condition))
    ]
    assert found == [hop]


def test_it_goes_by_the_one_smarthost_where_there_is_one(settings: Settings) -> None:
    one = replace(settings, relay=replace(settings.relay, smarthost="smtp://provider:25"))
    assert next_hop_of(one, department="it", mailbox=ANN, direction="outbound") == "smtp://provider:25"


def test_triage_sees_nothing_of_it(session: Session, settings: Settings) -> None:
    leave(session, settings)
    arrive(session, settings, JOE)
    end(session, settings, "550 5.1.1 no such user")

    def seen(where: object) -> list[str]:
        return sorted(session.scalars(select(col(Delivery.direction)).where(where)))  # type: ignore[arg-type]

    for by in (ANA, IDA, OTTO):
        assert seen(access.visible_deliveries(by)) == seen(access.readable_deliveries(by)) == ["in"]
    assert (seen(access.sent_by(ANA)), seen(access.sent_by(IDA))) == (["in"], ["in", "outbound", "report"])


# what employees are told


def sent_notices(session: Session, settings: Settings) -> list[email.message.EmailMessage]:
    reports = rows(session, "report")
    raws = [bodies.load_body(session, session.get_one(Message, one.message_id).content_id) for one in reports]
    return [email.message_from_bytes(raw, policy=policy.SMTP) for raw in raws]


def test_who_sent_it_is_told_once_what_did_not_arrive(session: Session, settings: Settings) -> None:
    leave(session, settings, ANN, BOB, "eve@third.example")
    end(session, settings, "550 5.1.1 no such user", "", "552 5.2.2 full")
    (report,) = rows(session, "report")
    assert (report.mailbox, report.recipient, report.state, report.department, report.person) == (JOE, JOE, "queued", "it", "joe.fern")
    (letter,) = sent_notices(session, settings)
    assert letter["Subject"] == "Not delivered: Angebot für Ann"
    assert letter["To"] == JOE
    assert letter["In-Reply-To"] == "<1@company.example>"
    words, status, head = letter.iter_parts()
    text = words.get_content().replace("\r\n", "\n")
    assert "  Ann@supplier.example\n    550 5.1.1 no such user\n  eve@third.example\n    552 5.2.2 full\n" in text
    assert "bob@other.example" not in text
    assert [line for line in status.as_string().splitlines() if line.startswith("Final-Recipient")] == [
        "Final-Recipient: rfc822; Ann@supplier.example",
        "Final-Recipient: rfc822; eve@third.example",
    ]
    assert "Message-ID: <1@company.example>" in head.as_string()
    claims = claimed(session, settings)
    assert [(one.reverse_path, one.mailbox) for one in claims] == [("", JOE)]
    assert queue.settle_many(session, [(claims[0], Outcome("bounced", "550 no", "x"))], settings=settings, now=NOW) == []
    assert len(rows(session, "report")) == 1  # nobody is told that they could not be told


@pytest.mark.parametrize("sender", ["", "ann@supplier.example", "root@build.company.example", "joe@company.example.", "not an address"])
def test_nobody_outside_is_told(session: Session, settings: Settings, sender: str) -> None:
    leave(session, settings, sender=sender)
    end(session, settings, "550 5.1.1 no such user")
    assert rows(session, "report") == []
    assert [one.act for one in session.scalars(select(AuditRecord)) if one.act == "not_told"] == ["not_told"]


def test_who_sent_it_is_told_when_staff_gives_it_up(session: Session, settings: Settings) -> None:
    leave(session, settings)
    one = rows(session, "outbound")[0]
    assert queue_admin.give_up(session, [one.id], settings=settings, by=IDA, now=NOW) == 1
    (letter,) = sent_notices(session, settings)
    assert "Ida Lind" in next(letter.iter_parts()).get_content()


def test_time_runs_out_for_mail_that_cannot_leave(session: Session, settings: Settings) -> None:
    leave(session, settings)
    (claim,) = claimed(session, settings)
    late = NOW + timedelta(hours=settings.relay.give_up_after + 1)
    queue.settle_many(session, [(claim, Outcome("deferred", "451 later", "x"))], settings=settings, now=late)
    assert (rows(session, "outbound")[0].state, len(rows(session, "report"))) == (State.BOUNCED, 1)


LATE = NOW + timedelta(hours=4)


def look(session: Session, settings: Settings, now: datetime = LATE) -> int:
    """The relay looks for what is late; how many deliveries that concerned."""
    expected = outbound_notices.any_late(session, settings=settings, now=now)
    found = outbound_notices.note_delayed(session, settings=settings, now=now)
    assert expected == bool(found)
    return found


def test_who_sent_it_is_told_once_that_it_is_late(session: Session, settings: Settings) -> None:
    leave(session, settings, ANN, BOB, "eve@third.example")
    claims = sorted(claimed(session, settings), key=lambda one: one.delivery_id)
    outcomes = [Outcome("deferred", "451 4.7.1 come back later", "x"), Outcome("delivered", "250 OK", "x"), Outcome("untried", "", "x")]
    queue.settle_many(session, list(zip(claims, outcomes, strict=True)), settings=settings, now=NOW)
    assert look(session, settings, LATE - timedelta(minutes=1)) == 0
    assert look(session, settings) == 3
    (letter,) = sent_notices(session, settings)
    assert (letter["Subject"], letter["X-Mailroom-Notice"], letter["To"]) == ("Delayed: Angebot für Ann", "delay", JOE)
    words, status, _ = letter.iter_parts()
    text = words.get_content().replace("\r\n", "\n")
    assert "has not been delivered yet to:\n\n  Ann@supplier.example\n    451 4.7.1 come back later\n  eve@third.example\n" in text
    assert "Do not send it again: Mailroom retries until 29 Nov 2026, 09:30 UTC" in text
    assert "bob@other.example" not in text
    parts: list[Any] = list(status.get_payload())
    groups = [dict(group.items()) for group in parts][1:]
    assert [(one["Final-Recipient"], one["Action"], one["Status"], one["Will-Retry-Until"]) for one in groups] == [
        ("rfc822; Ann@supplier.example", "delayed", "4.7.1", "Sun, 29 Nov 2026 09:30:00 +0000"),
        ("rfc822; eve@third.example", "delayed", "4.0.0", "Sun, 29 Nov 2026 09:30:00 +0000"),
    ]
    assert look(session, settings, LATE + timedelta(days=1)) == 0
    assert len(sent_notices(session, settings)) == 1


def test_it_is_said_in_the_companys_language(session: Session, settings: Settings) -> None:
    settings = replace(settings, company=replace(settings.company, language="de"))
    leave(session, settings, ANN)
    claims = claimed(session, settings)
    queue.settle_many(session, [(one, Outcome("untried", "", "x")) for one in claims], settings=settings, now=NOW)
    assert look(session, settings) == 1
    (letter,) = sent_notices(session, settings)
    assert letter["Subject"] == "Verspätet: Angebot für Ann"
    assert next(letter.iter_parts()).get_content().replace("\r\n", "\n").splitlines() == [
        "Ihre Nachricht „Angebot für Ann“ vom 24. Nov. 2026, 09:30 UTC ist noch nicht zugestellt an:",
        "",
        "  Ann@supplier.example",
        "    keine Antwort",
        "",
        "Bitte nicht noch einmal schicken: "
        "Mailroom versucht es bis 29. Nov. 2026, 09:30 UTC weiter und meldet sich, wenn es nicht gelingt.",
        "",
        "Diese Nachricht wurde automatisch vom Mailsystem von company.example erstellt.",
    ]


def test_who_heard_that_it_is_late_hears_when_it_fails(session: Session, settings: Settings) -> None:
    leave(session, settings)
    assert look(session, settings) == 1
    claims = queue.claim_deliveries(session, limit=10, settings=settings, now=LATE)
    replies = {"outbound": Outcome("bounced", "550 5.1.1 no such user", "x"), "report": Outcome("delivered", "250 OK", "x")}
    queue.settle_many(session, [(one, replies[one.direction]) for one in claims], settings=settings, now=LATE)
    assert [letter["X-Mailroom-Notice"] for letter in sent_notices(session, settings)] == ["delay", "failure"]


@pytest.mark.parametrize(
    ("sender", "more", "hours", "now"),
    [
        ("", "", 4, LATE),
        ("ann@supplier.example", "", 4, LATE),
        ("root@build.company.example", "", 4, LATE),
        (JOE, "Auto-Submitted: auto-replied", 4, LATE),
        (JOE, "Precedence: bulk", 4, LATE),
        (JOE, "", 0, LATE),
        (JOE, "", 5, LATE),
        (JOE, "", 4, NOW + timedelta(hours=121)),  # it is given up next
    ],
)
def test_nobody_else_hears_of_delays(session: Session, settings: Settings, sender: str, more: str, hours: int, now: datetime) -> None:
    settings = replace(settings, outbound=replace(settings.outbound, delay_warning_hours=hours))
    leave(session, settings, sender=sender, raw=more.encode() + b"\r\n" + RAW if more else RAW)
    look(session, settings, now)
    assert rows(session, "report") == []


def test_mail_that_came_in_is_told_of_to_nobody(session: Session, settings: Settings) -> None:
    arrive(session, settings, "postmaster@company.example")
    assert look(session, settings) == 0


def test_its_bytes_are_kept_shortly(session: Session, settings: Settings) -> None:
    leave(session, settings)
    end(session, settings, "")
    assert session.scalars(select(Attempt)).one() is not None
    made = utcnow()  # the content's id says when
    for days, kept in ((2, True), (4, False)):
        while arriving.erase(session, settings=settings, now=(NOW if kept else made) + timedelta(days=days)):
            pass
        session.expire_all()
        assert (session.scalars(select(Content)).one().zstd is not None) == kept, days
