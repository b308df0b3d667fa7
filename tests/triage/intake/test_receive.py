"""A message comes in: one delivery a mailbox, decided for each, entered once."""

import contextlib
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NOW, arrive, authentication, summary
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.intake import receive as intake
from triage.message.authentication import Dkim, Result
from triage.policy.contacts import store as contacts
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.runtime import metrics
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.models.rules import Rule

RAW = b"From: sales@supplier.example\r\nSubject: Your order\r\n\r\nHello\r\n"


def folders(engine: Engine) -> list[tuple[str, str, str]]:
    with db.read_transaction(engine) as session:
        rows = session.scalars(select(Delivery).order_by(col(Delivery.id)))
        return [(row.department, row.person, row.mailbox) for row in rows]


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        (["it+joe.fern@company.example"], [("it", "joe.fern", "joe.fern@company.example")]),
        (["joe.fern@company.example", "IT+Joe.Fern@company.example"], [("it", "joe.fern", "joe.fern@company.example")]),
        (
            ["m.berg@company.example", "info@company.example"],
            [("legal", "mara.berg", "mara.berg@company.example"), ("it", "", "it@company.example")],
        ),
        (["gone.since@company.example"], [("it", "", "it@company.example")]),
        (["gone.since@company.example", "also.gone@company.example"], [("it", "", "it@company.example")] * 2),
        (["info@company.example", "gone.since@company.example"], [("it", "", "it@company.example")] * 2),
    ],
)
def test_one_delivery_a_mailbox(known: Engine, settings: Settings, recipients: list[str], expected: list[tuple[str, str, str]]) -> None:
    with db.transaction(known) as session:
        arrive(session, settings, *recipients)
    assert folders(known) == expected


@pytest.mark.parametrize(
    ("posts_go", "list_id", "signer", "listed"),
    [
        ("dev@lists.example", "dev.lists.example", "lists.example", True),
        ("dev@lists.example", "dev.lists.example", "evil.example", False),
        ("ann@gmail.com", "ann.gmail.com", "gmail.com", False),
        ("ann@supplier.github.io", "ann.evil.github.io", "evil.github.io", False),
    ],
)
def test_a_list_is_known_by_a_signer_who_signs_no_strangers_mail(
    known: Engine, settings: Settings, posts_go: str, list_id: str, signer: str, listed: bool
) -> None:
    """The members of a list are private: messages to a list teach no contacts."""
    signed = replace(authentication(f"x@{signer}"), dkim=(Dkim(Result.PASS, signer, signs_list=True),))
    post = summary(f"x@{signer}", list_id=list_id, list_post=posts_go)
    with db.transaction(known) as session:
        intake.receive_message(session, arriving.envelope(), RAW, signed, post, settings=settings, now=NOW)
        assert (contacts.lists_among(session, [posts_go]) == {posts_go}) is listed


def test_postmaster_beside_the_postmasters_own_address_is_delivered(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (one,) = arrive(session, settings, "joe.fern@company.example", "postmaster@company.example")
        assert (session.get_one(Delivery, one).rule, session.get_one(Delivery, one).state) == ("postmaster", State.QUEUED)


def test_a_message_that_cannot_be_read_has_no_proof_for_whoever_its_envelope_names(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (one,) = intake.receive_message(
            session,
            arriving.envelope(reverse_path="sales@supplier.example"),
            RAW,
            authentication("crook@evil.test", DMARC_PASS),
            replace(summary(""), parsed=False, authors=()),
            settings=settings,
            now=NOW,
        )
        assert (session.get_one(Delivery, one).author, session.get_one(Delivery, one).proof) == ("sales@supplier.example", "")


def test_the_same_spool_id_is_entered_once(known: Engine, settings: Settings) -> None:
    envelope = arriving.envelope()

    def enter() -> tuple[int, ...]:
        with db.transaction(known) as session:
            return intake.receive_message(
                session,
                envelope,
                RAW,
                authentication("sales@supplier.example"),
                summary("sales@supplier.example"),
                settings=settings,
                now=NOW,
            )

    assert enter() == enter()
    assert len(folders(known)) == 1


def test_a_known_sender_with_proof_goes_straight_on_and_the_rule_is_counted(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        rule = rules.add_rule(session, RuleOrder("allow", "domain", "supplier.example", "company"), by=ANA, now=NOW, settings=settings).id
        (proven,) = arrive(session, settings, dmarc=DMARC_PASS)
        (forged,) = arrive(session, settings)
    with db.read_transaction(known) as session:
        assert (session.get_one(Delivery, proven).state, session.get_one(Delivery, proven).due_at) == (State.QUEUED, NOW)
        assert (session.get_one(Delivery, forged).state, session.get_one(Delivery, forged).rule) == (State.HELD, "unproven-known-sender")
        assert session.get_one(Rule, rule).used == 1


def test_each_recipient_has_a_verdict_of_their_own(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        order = RuleOrder("allow", "address", "sales@supplier.example", "person:joe.fern")
        rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        arrive(session, settings, "joe.fern@company.example", "mara.berg@company.example", dmarc=DMARC_PASS)
    with db.read_transaction(known) as session:
        assert dict(session.execute(select(col(Delivery.person), col(Delivery.state))).all()) == {
            "joe.fern": State.QUEUED,
            "mara.berg": State.HELD,
        }


def test_what_was_decided_is_counted_once_it_is_committed(known: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int, dict[str, str]]] = []
    monkeypatch.setattr(metrics, "count_event", lambda name, number=1, **labels: counted.append((name, number, labels)))
    with contextlib.suppress(ZeroDivisionError), db.transaction(known) as session:
        arrive(session, settings, "joe.fern@company.example")
        raise ZeroDivisionError
    assert counted == []
    with db.transaction(known) as session:
        arrive(session, settings, "joe.fern@company.example", "mara.berg@company.example")
        assert counted == []
    assert counted == [("mailroom_verdicts", 2, {"rule": "first-contact", "verdict": "quarantine"})]


def test_equal_bytes_are_kept_once_and_come_back_whole(known: Engine, settings: Settings) -> None:
    for _ in range(2):
        with db.transaction(known) as session:
            one = arriving.envelope()
            intake.receive_message(
                session, one, RAW, authentication("sales@supplier.example"), summary("sales@supplier.example"), settings=settings, now=NOW
            )
    with db.read_transaction(known) as session:
        (content,) = session.scalars(select(col(Content.id)))
        assert len(session.scalars(select(col(Message.id))).all()) == 2
        assert bodies.load_body(session, content) == RAW


def test_the_first_contact_is_signalled_once(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrive(session, settings)
        arrive(session, settings)
    with db.read_transaction(known) as session:
        first, second = session.scalars(select(col(Message.record)).order_by(col(Message.id)))
    assert "first-contact" in {signal["name"] for signal in first.signals}
    assert "first-contact" not in {signal["name"] for signal in second.signals}


def test_several_judges_enter_one_message_once(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    envelope, faults = arriving.envelope(), []

    def enter() -> None:
        try:
            with db.transaction(engine) as session:
                intake.receive_message(
                    session,
                    envelope,
                    RAW,
                    authentication("sales@supplier.example"),
                    summary("sales@supplier.example"),
                    settings=settings,
                    now=NOW,
                )
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders(engine)) == 1
    assert all("nique" in str(fault) for fault in faults), faults  # who loses the race is told so by the database and asks again


def receive(engine: Engine, settings: Settings, envelope: Envelope, author: str = "sales@supplier.example") -> tuple[int, ...]:
    """Receives a message in a transaction of its own; the ids of its deliveries."""
    with db.transaction(engine) as session:
        return intake.receive_message(session, envelope, RAW, authentication(author), summary(author), settings=settings, now=NOW)


def test_two_messages_that_doors_have_given_one_id_are_two_messages(known: Engine, settings: Settings) -> None:
    one = arriving.envelope(spool_id=7 << 22)
    others = [replace(one, client="192.0.2.2"), replace(one, helo="mx2.supplier.example")]
    entered = [receive(known, settings, envelope) for envelope in (one, *others, one, *others)]
    assert len(set(entered)) == 3
    assert entered[:3] == entered[3:]


@pytest.mark.parametrize(
    ("scope", "reverse_path", "state"),
    [
        ("company", "Mallory@Carrier.example", State.PURGED),
        ("company", "other@carrier.example", State.HELD),
        ("company", "", State.HELD),
        ("department:it", "mallory@carrier.example", State.HELD),
    ],
)
def test_a_block_of_the_envelope_sender_holds_for_what_the_door_had_to_take(
    scope: str, reverse_path: str, state: State, known: Engine, settings: Settings
) -> None:
    with db.transaction(known) as session:
        rules.add_rule(session, RuleOrder("block", "address", "mallory@carrier.example", scope), by=ANA, now=NOW, settings=settings)
    (one,) = receive(known, settings, replace(arriving.envelope(), reverse_path=reverse_path, edge="192.0.2.25"))
    with db.read_transaction(known) as session:
        assert session.get_one(Delivery, one).state == state


def test_of_what_comes_from_listed_clients_a_sample_is_held_always_the_same_one(known: Engine, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, listed_sample=5))
    came = {number: enter_listed(known, settings, number) for number in range(1, 101)}
    again = {number: enter_listed(known, settings, number) for number in range(1, 101)}
    assert came == again
    held = [number for number, (state, rule) in came.items() if (state, rule) == (State.HELD, "listed-sample")]
    assert 10 <= len(held) <= 35
    assert {outcome for number, outcome in came.items() if number not in held} == {(State.PURGED, "listed-client")}


@pytest.mark.parametrize(("one_in", "rule"), [(0, "listed-client"), (1, "listed-sample")])
def test_none_or_all_of_them(known: Engine, settings: Settings, one_in: int, rule: str) -> None:
    settings = replace(settings, policy=replace(settings.policy, listed_sample=one_in))
    assert {enter_listed(known, settings, number)[1] for number in range(1, 5)} == {rule}


def enter_listed(engine: Engine, settings: Settings, spool_id: int) -> tuple[str, str]:
    with db.transaction(engine) as session:
        (one,) = intake.receive_message(
            session,
            arriving.envelope(spool_id=spool_id),
            RAW + str(spool_id).encode(),
            authentication("sales@supplier.example"),
            summary("sales@supplier.example"),
            settings=settings,
            now=NOW,
            listed="zen.example lists the machine it came from",
        )
        found = session.get_one(Delivery, one)
        assert "zen.example lists the machine it came from" in found.reason
        assert "listed-client" in {signal["name"] for signal in session.get_one(Message, found.message_id).signals}
        return found.state, found.rule
