"""Brakes on employees' accounts: what leaves, what waits, who is told, and what staff decides."""

import email
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, IDA, NOW, OTTO
from tests.triage.messages import mail
from triage.actor import Actor, Right
from triage.addressing.envelope import Envelope
from triage.compliance.retention import expire
from triage.config.alert_types import BRAKED
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Outcome
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.ids import new_id
from triage.intake import store_outbound
from triage.intake.store_outbound import Departed
from triage.message.summary import make_summary
from triage.notifications import staff_mail
from triage.notifications.alerts import find_alerts, store_alerts
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.policy.outbound_brakes import announced_runs, brake_outgoing
from triage.policy.outbound_brakes.announced_runs import Announcement
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import outbound_brakes
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.contacts import Contact, SentMail
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import ConfidentialFolder
from triage.store.models.employees import OutboundBrake, OutboundRun
from triage.store.models.messages import Message

JOE, MARA, IT = "joe.fern@company.example", "mara.berg@company.example", "it@company.example"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DUTY = replace(ANA, rights=frozenset({Right.OUTGOING}))


@pytest.fixture
def braking(settings: Settings) -> Settings:
    """The brake holds what goes to more than six new recipients in an hour; the first two get theirs at once."""
    return replace(settings, outbound=replace(settings.outbound, brake_recipients=6, brake_first=2, brake_trial_days=0))


def strangers(number: int, name: str = "a") -> tuple[str, ...]:
    return tuple(f"{name}{one}@elsewhere.example" for one in range(number))


def leave(
    session: Session, settings: Settings, *recipients: str, sender: str = JOE, subject: str = "Invoice", at: datetime = NOW
) -> Departed:
    """A message of somebody here leaves as the outbound role lets it, and teaches what it may."""
    number = new_id()
    raw = mail(f"From: <{sender}>\nTo: {recipients[0]}\nSubject: {subject}\nMessage-ID: <{number}@company.example>", "Hello\n")
    said = make_summary(raw)
    envelope = Envelope(number, at, sender, recipients, "192.0.2.25", "inner.company.example")
    departed = store_outbound.store_outgoing(session, envelope, bodies.pack_body(raw), said, settings=settings, now=at)
    assert departed is not None
    if departed.teaches:
        sent = Sent(sender, recipients, sender, at, said.message_id)
        learn_contacts.learn_many(session, [sent], how="outbound", settings=settings, by=Actor.system("outbound"), now=at)
    return departed


def states(session: Session, now: datetime = NOW) -> dict[str, str]:
    """State of the delivery to each recipient, or `later` when it is not due yet."""
    session.expire_all()
    rows = session.scalars(select(Delivery).where(col(Delivery.direction) == "outbound"))
    return {one.recipient: "later" if one.state == State.QUEUED and one.due_at and one.due_at > now else one.state for one in rows}


def only(session: Session) -> OutboundBrake:
    return session.scalars(select(OutboundBrake)).one()


def letters(session: Session) -> list[str]:
    """Texts of the notices to employees."""
    rows = session.scalars(select(Delivery).where(col(Delivery.direction) == "report").order_by(col(Delivery.id)))
    said = []
    for one in rows:
        raw = bodies.load_body(session, content_of(session, one))
        read = email.message_from_bytes(raw)
        parts = read.walk() if read.is_multipart() else [read]
        said += [part.get_payload(decode=True).decode() for part in parts if part.get_content_type() == "text/plain"]  # type: ignore[union-attr]
    return said


def content_of(session: Session, one: Delivery) -> int:
    return session.get_one(Message, one.message_id).content_id


def test_a_run_to_strangers_in_one_message_leaves_to_the_first_and_waits_for_the_rest(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        assert not leave(session, braking, *strangers(7), MARA).teaches
        found = states(session)
        assert [found[one] for one in strangers(7)] == ["queued", "queued", *["held"] * 5]
        assert found[MARA] == "queued"
        (brake,) = outbound_brakes.list_brakes(session, by=IDA, now=NOW)
        assert (brake.name, brake.state, brake.recipients, brake.waiting) == ("Joe Fern", "open", 7, 5)
        assert [(one.subject, one.recipients) for one in brake.messages] == [("Invoice", 5)]
        (told,) = letters(session)
        assert "wrote to 7 new recipients within an hour" in told
        assert "Invoice" in told
        assert session.scalars(select(Contact)).all() == []


def test_what_waits_briefly_is_held_when_more_follow_and_what_was_learned_is_not_trusted(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        for number, one in enumerate(strangers(6)):
            leave(session, braking, one, at=NOW + number * MINUTE / 10)
        assert list(states(session, NOW + MINUTE).values()) == ["queued", "queued", *["later"] * 4]
        assert {one.state for one in session.scalars(select(Contact))} == {"known"}
        leave(session, braking, "last@elsewhere.example", at=NOW + MINUTE)
        assert list(states(session, NOW + MINUTE).values()) == ["queued", "queued", *["held"] * 5]
        session.expire_all()
        assert {one.state for one in session.scalars(select(Contact))} == {"parked"}
        assert {one.automatic for one in session.scalars(select(SentMail))} == {True}
        later = NOW + timedelta(hours=5)
        leave(session, braking, "more@elsewhere.example", at=later)
        leave(session, braking, MARA, at=later)
        found = states(session, later)
        assert (found["more@elsewhere.example"], found[MARA]) == ("held", "queued")
        assert len(letters(session)) == 1


def test_what_waits_briefly_leaves_when_nothing_follows(known: Engine, braking: Settings) -> None:
    braking = replace(braking, outbound=replace(braking.outbound, smarthost="smtp://provider:25"))
    with db.transaction(known) as session:
        leave(session, braking, *strangers(6))
        assert len(queue.claim_deliveries(session, limit=10, settings=braking, now=NOW)) == 2
        late = queue.claim_deliveries(session, limit=10, settings=braking, now=NOW + brake_outgoing.BRIEFLY)
        outcomes = [(one, Outcome("delivered", "250 OK", "smtp://provider:25")) for one in late]
        queue.settle_many(session, outcomes, settings=braking, now=NOW + brake_outgoing.BRIEFLY)
        assert sorted(states(session).values()) == [*["delivered"] * 4, *["relaying"] * 2]


def test_known_customers_service_accounts_and_role_addresses_are_not_braked(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        rules.add_rule(session, RuleOrder("allow", "domain", "customer.example", "company"), by=IDA, now=NOW, settings=braking, second=ANA)
        old = [Sent(MARA, strangers(9), MARA, NOW - DAY)]
        learn_contacts.learn_many(session, old, how="seed", settings=braking, by=IDA, now=NOW)
        leave(session, braking, *strangers(9), *(f"{one}@customer.example" for one in range(9)))
        leave(session, braking, *strangers(9, "b"), sender=IT)
        leave(session, braking, *strangers(9, "c"), sender="root@build.company.example")
        exempt = replace(braking, outbound=replace(braking.outbound, brake_exempt=("mara.*",)))
        leave(session, exempt, *strangers(9, "d"), sender=MARA)
        off = replace(braking, outbound=replace(braking.outbound, brake_recipients=0))
        leave(session, off, *strangers(9, "e"))
        assert set(states(session).values()) == {"queued"}
        assert session.scalars(select(OutboundBrake)).all() == []


def test_a_thief_who_leaves_the_envelope_sender_empty_is_braked_too(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        raw = mail(f"From: <{JOE}>\nSubject: Invoice", "Hello\n")
        envelope = Envelope(new_id(), NOW, "", strangers(9), "192.0.2.25", "inner.company.example")
        store_outbound.store_outgoing(session, envelope, bodies.pack_body(raw), make_summary(raw), settings=braking, now=NOW)
        assert list(states(session).values()).count("held") == 7


def test_for_the_first_days_it_only_reports(known: Engine, braking: Settings) -> None:
    trial = replace(braking, outbound=replace(braking.outbound, brake_trial_days=30))
    with db.transaction(known) as session:
        leave(session, trial, *strangers(9))  # upkeep never ran
        brake_outgoing.begin_trial(session, NOW)
        brake_outgoing.begin_trial(session, NOW + 9 * DAY)  # another start changes nothing
        leave(session, trial, *strangers(9, "b"), at=NOW + MINUTE)
        assert set(states(session, NOW + MINUTE).values()) == {"queued"}
        assert (only(session).state, only(session).recipients) == ("reported", 18)
        assert letters(session) == []
        (told,) = (one for one in find_alerts(session, trial, NOW + MINUTE) if one.cause == BRAKED)
        assert told.words == (
            "An employee's account wrote to 18 new recipients within an hour. They were sent: the brake only reports so far "
            "(`mailroom brakes`)."
        )
        assert session.scalars(select(Contact)).all() == []
        leave(session, trial, *strangers(9, "c"), at=NOW + 30 * DAY)
        assert list(states(session).values()).count("held") == 7


def test_staff_is_told_whose_account_sent_what(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        leave(session, braking, *strangers(9), subject="Your invoice 4711")
        (told,) = (one for one in find_alerts(session, braking, NOW) if one.cause == BRAKED)
        assert told.words.startswith("An employee's account wrote to 9 new recipients within an hour. Its messages are held")
        lines = [(one.words, one.more) for one in outbound_brakes.name_brakes(session, NOW)]
        assert lines == [
            ("Joe Fern", ("9 new recipients", "7 deliveries are held")),
            ("Your invoice 4711", ("7 new recipients", "24 Nov 2026, 09:30 UTC")),
        ]
        store_alerts(session, find_alerts(session, braking, NOW), now=NOW)
        concerned = staff_mail.list_concerned(session, braking, NOW)
        assert all(row.cause != BRAKED for rows in concerned.values() for row in rows)  # nobody has the duty
        session.add(ConfidentialFolder(kind="person", name="joe.fern", login=""))
        session.flush()
        assert outbound_brakes.name_brakes(session, NOW) == ()
        assert outbound_brakes.list_brakes(session, by=IDA, now=NOW) == []


def test_released_messages_leave_and_the_account_is_free_for_a_day(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        leave(session, braking, *strangers(9))
        number = only(session).id
        found = outbound_brakes.release_brake(session, number, by=DUTY, reason="an invitation", now=NOW + MINUTE)
        assert (found.state, found.waiting, found.by_shown, found.reason) == ("released", 0, "Ana Roth", "an invitation")
        assert set(states(session, NOW + MINUTE).values()) == {"queued"}
        leave(session, braking, *strangers(9, "b"), at=NOW + 2 * MINUTE)
        assert set(states(session, NOW + 2 * MINUTE).values()) == {"queued"}
        with pytest.raises(NotAllowedNow, match="Released by Ana Roth 4 seconds ago"):
            outbound_brakes.release_brake(session, number, by=IDA, reason="", now=NOW + MINUTE + timedelta(seconds=4))
        leave(session, braking, *strangers(9, "c"), at=NOW + 2 * DAY)
        assert list(states(session, NOW + 2 * DAY).values()).count("held") == 7


def test_removed_messages_never_leave_their_author_is_told_and_it_is_undone_as_a_whole(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        leave(session, braking, *strangers(9))
        number = only(session).id
        with pytest.raises(NotAllowedNow, match="nothing was removed"):
            outbound_brakes.restore_brake(session, number, by=IDA, reason="", now=NOW)
        outbound_brakes.remove_brake(session, number, by=IDA, reason="stolen", settings=braking, now=NOW + MINUTE)
        assert list(states(session).values()).count("purged") == 7
        assert "Ida Lind removed some of your messages." in letters(session)[-1]
        found = outbound_brakes.restore_brake(session, number, by=IDA, reason="", now=NOW + 2 * MINUTE)
        assert (found.state, found.waiting) == ("open", 7)
        outbound_brakes.remove_brake(session, number, by=IDA, reason="", settings=braking, now=NOW + 3 * MINUTE)
        session.execute(update(Delivery).values(erased_at=NOW + DAY))
        with pytest.raises(NotAllowedNow, match="the content is erased"):
            outbound_brakes.restore_brake(session, number, by=IDA, reason="", now=NOW + DAY)
        assert outbound_brakes.forget_brakes(session, now=NOW + 89 * DAY) == 0
        assert outbound_brakes.forget_brakes(session, now=NOW + 91 * DAY) == 1


def test_what_waits_never_expires_and_is_never_erased(known: Engine, braking: Settings) -> None:
    at_once = replace(braking, retention=replace(braking.retention, held_days=1, expire_unseen=True))
    with db.transaction(known) as session:
        leave(session, braking, *strangers(9), at=NOW - 400 * DAY)
        assert expire.expire_messages(session, settings=at_once, now=NOW) == 0
        assert outbound_brakes.forget_brakes(session, now=NOW) == 0
        assert list(states(session).values()).count("held") == 7


@pytest.mark.parametrize("by", [ANA, BEN, OTTO, replace(IDA, scope=BEN.scope)])
def test_only_the_duty_that_the_company_names_sees_and_decides(known: Engine, braking: Settings, by: Actor) -> None:
    with db.transaction(known) as session:
        leave(session, braking, *strangers(9))
        for act in (
            lambda: outbound_brakes.list_brakes(session, by=by, now=NOW),
            lambda: outbound_brakes.release_brake(session, only(session).id, by=by, reason="", now=NOW),
            lambda: outbound_brakes.remove_brake(session, only(session).id, by=by, reason="", settings=braking, now=NOW),
            lambda: announced_runs.list_runs(session, by=by, now=NOW),
            lambda: announced_runs.announce_run(session, Announcement("joe.fern", 9, NOW + DAY), settings=braking, by=by, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                act()
        elsewhere = replace(BEN, rights=frozenset({Right.OUTGOING}))  # with the right, for another department
        assert outbound_brakes.list_brakes(session, by=elsewhere, now=NOW) == []
        with pytest.raises(NotFound):
            outbound_brakes.release_brake(session, only(session).id, by=elsewhere, reason="", now=NOW)


def test_an_announced_run_is_not_held(known: Engine, braking: Settings) -> None:
    with db.transaction(known) as session:
        order = Announcement(JOE, 9, NOW + DAY, "season's greetings")
        run = announced_runs.announce_run(session, order, settings=braking, by=DUTY, now=NOW)
        leave(session, braking, *strangers(9))
        assert set(states(session).values()) == {"queued"}
        assert [(one.person, one.used) for one in announced_runs.list_runs(session, by=IDA, now=NOW)] == [("joe.fern", 9)]
        leave(session, braking, *strangers(7, "b"))  # more than announced
        assert list(states(session).values()).count("held") == 5
        announced_runs.end_run(session, run.id, by=IDA, now=NOW + MINUTE)
        assert announced_runs.list_runs(session, by=IDA, now=NOW + MINUTE) == []
        with pytest.raises(NotFound):
            announced_runs.end_run(session, run.id, by=IDA, now=NOW + MINUTE)
        for wrong in (
            replace(order, employee="nobody"),
            replace(order, employee=IT),
            replace(order, recipients=0),
            replace(order, until=NOW),
            replace(order, until=NOW + 8 * DAY),
        ):
            with pytest.raises(BadInput):
                announced_runs.announce_run(session, wrong, settings=braking, by=IDA, now=NOW)
        assert len(session.scalars(select(OutboundRun)).all()) == 1
