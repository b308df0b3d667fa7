"""History of a sender with the company: recipients of earlier messages, and decisions about them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, DMARC_FAIL, DMARC_PASS, NOW, SYNC, arrive
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.intake import receive as intake
from triage.message.signals.priority import Past
from triage.message.signals.signal_context import Met
from triage.message.summary import make_summary
from triage.policy.contacts import sender_history
from triage.policy.contacts.sender_history import Standing
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.new_rows import NewDelivery

AUTHOR, JOE, MARA = "sales@supplier.example", "joe.fern@company.example", "mara.berg@company.example"


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Engine:
    """The small company."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return engine


def decide(session: Session, settings: Settings, verb: Verb, *ids: int) -> None:
    """Ana decides."""
    decisions.decide_messages(session, DecisionRequest(Selection.of(ids=ids), verb), by=ANA, now=NOW, settings=settings)


def of(session: Session, author: str = AUTHOR, *, proven: bool = True) -> Standing:
    """History of a sender; nobody else writes from these domains."""
    return sender_history.of_sender(session, author, proven=proven, freemail=("gmail.com",))


def test_from_stranger_to_known(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        assert of(session) == sender_history.NOBODY
        (one,) = arrive(session, settings, JOE, dmarc=DMARC_PASS)
        assert of(session).met == Met(wrote=True)
        decide(session, settings, Verb.RELEASE, one)
        assert of(session) == Standing(Met(wrote=True, accepted=True), Past(1, 0), Past())
        assert of(session, "info@supplier.example") == Standing(Met(colleagues=True), Past(), Past(1, 0))
        assert of(session, "") == sender_history.NOBODY


def test_what_was_decided_about_a_forgery_says_nothing_about_the_sender(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (forged,) = arrive(session, settings, JOE, dmarc=DMARC_FAIL)
        (real,) = arrive(session, settings, JOE, dmarc=DMARC_PASS)
        decide(session, settings, Verb.PURGE, forged)
        assert (of(session).by_sender, of(session, proven=False).by_sender) == (Past(0, 0), Past(0, 1))
        decide(session, settings, Verb.RELEASE, real)
        assert (of(session).by_sender, of(session, proven=False).by_sender) == (Past(1, 0), Past(0, 1))


def test_a_message_that_only_claims_its_author_is_no_history(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (claim,) = arrive(session, settings, JOE, dmarc=DMARC_PASS)
        (taken,) = arrive(session, settings, JOE, dmarc=DMARC_FAIL)
        decide(session, settings, Verb.RELEASE, claim)
        decide(session, settings, Verb.PURGE, taken)
        for number in (claim, taken):
            session.get_one(Delivery, number).claimed = True
        session.flush()
        assert [of(session, author, proven=proven) for author in (AUTHOR, "info@supplier.example") for proven in (True, False)] == [
            sender_history.NOBODY
        ] * 4
        senders = sender_history.Senders(session, [])
        assert not senders.has_written_to(AUTHOR, "it")
        new = SimpleNamespace(author=AUTHOR, author_domain="supplier.example", state="queued", department="it", person="", claimed=True)
        senders.entered([cast(NewDelivery, new)])
        assert (senders.wrote, senders.accepted, senders.folders) == (set(), set(), set())


def test_colleagues_at_a_free_mail_provider_are_strangers(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (one,) = arrive(session, settings, JOE, author="a@gmail.com", dmarc=DMARC_PASS)
        decide(session, settings, Verb.RELEASE, one)
        assert of(session, "b@gmail.com") == sender_history.NOBODY


def test_what_is_under_a_seal_is_not_told(company: Engine, settings: Settings) -> None:
    closed = replace(COMPANY, sealed=(ConfidentialEntry("department:legal", ("ana",)),))
    with db.transaction(company) as session:
        directory.apply_directory(session, closed, settings.company, by=SYNC, now=NOW)
        (one,) = arrive(session, settings, MARA, dmarc=DMARC_PASS)
        decide(session, settings, Verb.RELEASE, one)
        assert of(session).by_sender == Past(0, 0)


def test_new_to_a_department_and_to_a_person(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (one,) = arrive(session, settings, JOE, dmarc=DMARC_PASS)
        decide(session, settings, Verb.RELEASE, one)
        again = arrive(session, settings, JOE, MARA, "info@company.example", dmarc=DMARC_PASS)
        copies = [session.get_one(Delivery, one) for one in again]
        said = {copy.recipient: [signal["name"] for signal in copy.signals] for copy in copies}
    assert said == {JOE: [], MARA: ["first-contact-department"], "info@company.example": []}


def test_a_decision_moves_what_comes_later(company: Engine, settings: Settings) -> None:
    """A decision changes the order of later rows, never their verdict."""
    urgency, rules = [], set()
    with db.transaction(company) as session:
        for verb in (Verb.RELEASE, Verb.PURGE, Verb.PURGE, None):
            (one,) = arrive(session, settings, JOE, dmarc=DMARC_PASS)
            delivery = session.get_one(Delivery, one)
            urgency.append(delivery.urgency)
            rules.add(delivery.rule)
            if verb:
                decide(session, settings, verb, one)
        names = [reason["name"] for reason in delivery.why_here]
    assert urgency[1] > urgency[0], "one was let in"
    assert urgency[1] > urgency[2] > urgency[3], "two were taken away"
    assert {"sender-let-in", "sender-taken-away"} <= set(names)
    assert rules == {"first-contact"}


def test_signals_of_the_message_and_of_the_copy_are_both_kept(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        (one,) = intake.receive_message(
            session,
            arriving.envelope(JOE, reverse_path="bounce@other.example"),
            b"From: sales@supplier.example\r\n\r\n",
            arriving.authentication(AUTHOR, DMARC_FAIL),
            arriving.summary(AUTHOR),
            settings=settings,
            now=NOW,
        )
        message = session.get_one(Message, session.get_one(Delivery, one).message_id)
        assert {"return-path-elsewhere", "first-contact"} <= {signal["name"] for signal in message.signals}


def test_what_became_of_a_campaign_counts_for_its_other_senders(company: Engine, settings: Settings) -> None:
    with db.transaction(company) as session:
        text = "Dear customer, the invoice for the parts that you have ordered last month is attached to this mail. " * 3
        reasons = []
        for number in range(2):
            author = f"sales@sender{number}.example"
            said = make_summary(f"From: {author}\r\nSubject: Your invoice for the ordered parts\r\n\r\n{text}\r\n".encode())
            (one,) = intake.receive_message(
                session,
                arriving.envelope(JOE, reverse_path=author),
                f"{number}".encode(),
                arriving.authentication(author, arriving.NO_DMARC),
                said,
                settings=settings,
                now=NOW,
            )
            delivery = session.get_one(Delivery, one)
            reasons.append({reason["name"]: reason["sentence"] for reason in delivery.why_here})
            decide(session, settings, Verb.PURGE, one)
    assert "campaign-taken-away" not in reasons[0]
    assert reasons[1]["campaign-taken-away"] == "Staff removed 1 earlier message from its campaign."
