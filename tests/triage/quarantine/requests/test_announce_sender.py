""" "I expect mail from …": what the row says when it comes, and that it proves nothing, lets nothing in and lapses."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import DMARC_PASS, NOW, arrive, envelope as envelope_to, summary
from triage import ids
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.errors import BadInput, NotFound
from triage.intake.receive import receive_message
from triage.message.authentication import Authentication
from triage.message.summary import Summary, make_summary
from triage.quarantine.requests import announce_sender
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import Expectation

JOE, MARA = Actor.employee("joe.fern", "Joe Fern"), Actor.employee("mara.berg", "Mara Berg")
TO_JOE, TO_MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
ANN = "ann@supplier.example"


def expect(engine: Engine, settings: Settings, sender: str = ANN, by: Actor = JOE, words: str = "", **more: timedelta) -> int:
    with db.transaction(engine) as session:
        return announce_sender.expect_sender(
            session, sender, by=by, words=words, settings=settings, now=NOW + more.get("later", timedelta())
        )


def came(engine: Engine, settings: Settings, to: str = TO_JOE, **mail: object) -> Delivery:
    with db.transaction(engine) as session:
        (made,) = arrive(session, settings, to, **({"author": ANN} | mail))  # type: ignore[arg-type]
    with db.read_transaction(engine) as session:
        found = session.get_one(Delivery, made)
        session.expunge_all()
        return found


def expected_sentences(delivery: Delivery) -> list[str]:
    return [one["sentence"] for one in delivery.why_here if one["name"] == "expected"]


@pytest.mark.parametrize("sender", [ANN, "supplier.example", "Ann@Supplier.Example"])
def test_the_row_says_who_expects_it_and_it_is_held_all_the_same(known: Engine, settings: Settings, sender: str) -> None:
    expect(known, settings, sender, words="the offer")
    proven, forged = came(known, settings, dmarc=DMARC_PASS), came(known, settings)
    assert expected_sentences(proven) == [f"Joe Fern expects messages from {sender.casefold()} (“the offer”)."]
    assert expected_sentences(forged)[0].endswith("Nothing proves that this message is from there.")
    assert proven.urgency > forged.urgency
    assert (proven.state, forged.state) == (State.HELD, State.HELD)


def test_it_is_about_this_sender_this_person_and_these_days(known: Engine, settings: Settings) -> None:
    expect(known, settings)
    others = (
        came(known, settings, TO_MARA),
        came(known, settings, author="eve@other.example"),
        came(known, settings, author="x@notsupplier.example"),
        came(known, settings, at=NOW + timedelta(days=15)),
    )
    assert [expected_sentences(one) for one in others] == [[], [], [], []]


def test_a_claimed_author_is_expected_by_nobody(known: Engine, settings: Settings) -> None:
    raw = f"From: Supplier, Ann <{ANN}>\r\nSubject: The offer\r\n\r\nHello\r\n".encode()
    claims: list[int] = []
    for _ in range(2):  # the first one is held when Joe says what he expects, the second one comes later
        with db.transaction(known) as session:
            envelope = envelope_to(TO_JOE, reverse_path="bulk@carrier.example")
            claims += receive_message(session, envelope, raw, Authentication(""), make_summary(raw), settings=settings, now=NOW)
        expect(known, settings, words="the offer")
    with db.read_transaction(known) as session:
        found = [session.get_one(Delivery, number) for number in claims]
        assert [(one.author, one.claimed, expected_sentences(one)) for one in found] == [(ANN, True, [])] * 2


def test_what_is_held_already_says_so_too(known: Engine, settings: Settings) -> None:
    held = came(known, settings)
    expect(known, settings, words="first")
    expect(known, settings, words="second")
    with db.read_transaction(known) as session:
        after = session.get_one(Delivery, held.id)
        assert (len(expected_sentences(after)), "second" in expected_sentences(after)[0]) == (1, True)
        assert after.urgency > held.urgency


@pytest.mark.parametrize("sender", ["", "joe.fern@company.example", "mail.company.example", "gmail.com", "not an address", "x"])
def test_nobody_outside_is_meant(known: Engine, settings: Settings, sender: str) -> None:
    with pytest.raises(BadInput, match="sender: write an address"):
        expect(known, settings, sender)


def test_said_again_it_lasts_longer_and_it_can_be_taken_back(known: Engine, settings: Settings) -> None:
    first = expect(known, settings)
    assert expect(known, settings, later=timedelta(days=3)) == first
    with db.transaction(known) as session:
        (one,) = announce_sender.of_person(session, "joe.fern", now=NOW)
        assert one.until == NOW + timedelta(days=17)
        with pytest.raises(NotFound):
            announce_sender.forget_expectation(session, first, by=MARA, now=NOW)
        announce_sender.forget_expectation(session, first, by=JOE, now=NOW)
    assert expected_sentences(came(known, settings)) == []


def test_thirty_are_enough(known: Engine, settings: Settings) -> None:
    for number in range(announce_sender.MOST_OPEN):
        expect(known, settings, f"a@x{number}.example")
    with pytest.raises(BadInput, match="expect messages from 30 senders"):
        expect(known, settings)
    assert expect(known, settings, later=timedelta(days=20))  # the others have lapsed


def by_mail(
    engine: Engine, settings: Settings, mail: Summary, sender: str = "joe.fern@company.example", spool_id: int | None = None
) -> str:
    envelope = Envelope(spool_id or ids.new_id(), NOW, sender, ("expect@company.example",), "192.0.2.25", "inner.company.example")
    with db.transaction(engine) as session:
        return announce_sender.by_mail(session, envelope, mail, settings=settings, now=NOW)


def letters(engine: Engine) -> int:
    with db.read_transaction(engine) as session:
        return len(session.scalars(select(Delivery).where(col(Delivery.rule) == announce_sender.RULE)).all())


def test_a_mail_says_so_as_well(known: Engine, settings: Settings) -> None:
    assert by_mail(known, settings, summary("joe.fern@company.example", f"please, {ANN} and other.example")) == ""
    with db.read_transaction(known) as session:
        assert set(session.scalars(select(col(Expectation.sender)))) == {ANN, "other.example"}
    assert by_mail(known, settings, summary("joe.fern@company.example", "hello")) == ""  # they hear how to write it
    assert letters(known) == 2
    for _ in range(30):
        by_mail(known, settings, summary("joe.fern@company.example", "hello"))
    assert letters(known) == announce_sender.MOST_ANSWERS


def test_a_mail_that_comes_out_of_the_spool_again_after_a_crash_is_answered_once(known: Engine, settings: Settings) -> None:
    number = ids.new_id()
    for _ in range(2):
        assert by_mail(known, settings, summary("joe.fern@company.example", ANN), spool_id=number) == ""
    assert letters(known) == 1
    with db.read_transaction(known) as session:
        assert len(session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "expect")).all()) == 1


@pytest.mark.parametrize(
    ("author", "sender", "more"),
    [
        ("eve@evil.example", "eve@evil.example", {}),
        ("joe.fern@company.example", "", {}),
        ("joe.fern@company.example", "eve@evil.example", {}),
        ("joe.fern@company.example", "joe.fern@company.example", {"automatic": "auto-submitted"}),
    ],
)
def test_nobody_else_is_heard(known: Engine, settings: Settings, author: str, sender: str, more: dict[str, str]) -> None:
    assert by_mail(known, settings, summary(author, ANN, **more), sender) != ""
    assert letters(known) == 0
