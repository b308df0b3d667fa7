"""The relay with real next hops: what was released arrives, and what the next hop said is in the audit log."""

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, SQLModel, col

from mta.delivery import delivery_workers, relay
from mta.delivery.delivery_attempt import DeliveryBatch, deliver_claims
from tests.peers import circle
from tests.peers.mail.next_hop import DRIP, DROP, HANG, Peer, next_hop
from tests.peers.processes import HANG as PATIENCE, free_port
from tests.peers.receiving import make_certificate, wait_until
from triage.actor import Actor
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Claim, Outcome
from triage.delivery.routes import list_destinations
from triage.errors import BadInput
from triage.ids import format_id, new_id
from triage.intake import receive as intake
from triage.message.authentication import Authentication, Dmarc, Result, Spf
from triage.message.summary import make_summary
from triage.runtime.wakeup import WakeupPipe
from triage.store import bodies, ledger
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.message_record.record_codec import MessageRecord
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.messages import Message
from triage.times import utcnow

ANNA, BOB, CARL = "anna@company.example", "bob@company.example", "carl@company.example"
MAIL = b"From: Ruth <ruth@stranger.example>\r\nSubject: hello\r\n\r\n.body\r\n"
PROVEN = Authentication(
    "ruth@stranger.example", (Spf(Result.PASS, "mailfrom", "stranger.example"),), dmarc=Dmarc(Result.PASS, "stranger.example")
)


def released(
    engine: Engine,
    *mailboxes: str,
    raw: bytes = MAIL,
    reverse_path: str = "ruth@stranger.example",
    authentication: Authentication = PROVEN,
    due: datetime | None = None,
) -> list[int]:
    """Queues a message for these mailboxes; the delivery ids."""
    now = utcnow()
    envelope = Envelope(new_id(), now, reverse_path, mailboxes, "192.0.2.7", "mail.stranger.example")
    with transaction(engine) as session:
        content_id, content = bodies.keep_body(session, raw)
        message = Message(
            spool_id=envelope.spool_id,
            content_id=content_id,
            received_at=now,
            record=MessageRecord(envelope.as_json(), authentication.as_json(), {}, []),
        )
        deliveries = [queued(message, mailbox, due or now) for mailbox in mailboxes]
        ids = [delivery.id for delivery in deliveries]
        ledger.enter_message(session, message, content, deliveries, by=Actor.system("judge"), now=now)
    return ids


def queued(message: Message, mailbox: str, due: datetime) -> Delivery:
    """A delivery that is to leave when it is due."""
    return Delivery(
        message_id=message.id,
        state=State.QUEUED,
        received_at=message.received_at,
        recipient=mailbox,
        department="it",
        person=mailbox.partition("@")[0],
        mailbox=mailbox,
        author="ruth@stranger.example",
        author_domain="stranger.example",
        author_name="Ruth",
        subject="hello",
        search="",
        proof="dmarc",
        weight=0,
        verdict="relay",
        rule="allowed-sender",
        reason="",
        due_at=due,
        queued_at=due,
    )


@contextlib.contextmanager
def relaying(settings: Settings) -> Iterator[threading.Event]:
    """A relay at work. Leaving stops it, and what it was to finish is finished; its failure is the test's."""
    stop, failures = threading.Event(), []

    def work() -> None:
        try:
            relay.run_role(settings, stop)
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        wake(settings)
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert failures == []


def wake(settings: Settings) -> None:
    """Wake the relay."""
    with contextlib.closing(WakeupPipe(settings.spool.directory, "relay")) as pipe:
        pipe.wake()


def rows(engine: Engine, ids: list[int]) -> list[Delivery]:
    """Current rows of these deliveries, in the order of `ids`."""
    with read_transaction(engine) as session:
        found = {one.id: one for one in session.scalars(select(Delivery).where(col(Delivery.id).in_(ids)))}
        session.expunge_all()
    return [found[delivery_id] for delivery_id in ids]


def set_due(engine: Engine, ids: Sequence[int], due: datetime) -> None:
    """As another clock would have it."""
    with transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id).in_(ids)).values(due_at=due))


def states(engine: Engine, ids: list[int]) -> list[str]:
    return [str(row.state) for row in rows(engine, ids)]


def attempts(engine: Engine, delivery_id: int) -> list[tuple[int, str, str]]:
    """Number, outcome and next hop of every attempt."""
    with read_transaction(engine) as session:
        found = session.scalars(select(Attempt).where(col(Attempt.delivery_id) == delivery_id).order_by(col(Attempt.number)))
        return [(one.number, one.outcome, one.next_hop) for one in found]


@pytest.fixture
def peer() -> Iterator[Peer]:
    with next_hop(lmtp=True) as running:
        yield running


def towards(settings: Settings, url: str, concurrency: int = 4) -> Settings:
    """The same settings with this next hop."""
    return replace(settings, relay=replace(settings.relay, next_hop=url, concurrency=concurrency))


@pytest.fixture
def both(settings: Settings, peer: Peer, database_url: str) -> Settings:
    """Towards the peer, on each kind of database."""
    return towards(replace(settings, database=replace(settings.database, url=database_url)), peer.url)


@pytest.fixture
def lite(settings: Settings, peer: Peer, sqlite_url: str) -> Settings:
    """Towards the peer, on SQLite."""
    return towards(replace(settings, database=replace(settings.database, url=sqlite_url)), peer.url)


def test_what_is_due_arrives_with_our_trace_and_is_on_the_record(both: Settings, peer: Peer, engine: Engine) -> None:
    ids = released(engine, ANNA, BOB)
    with relaying(both):
        wait_until(lambda: states(engine, ids) == ["delivered", "delivered"])
    assert sorted(taken.mailbox for taken in peer.taken) == [ANNA, BOB]
    for row, taken in zip(rows(engine, ids), sorted(peer.taken, key=lambda one: one.mailbox), strict=True):
        assert taken.raw.startswith(b"Received: from mail.stranger.example ([192.0.2.7])\r\n\tby mx.company.example with ESMTP id ")
        assert taken.raw.endswith(
            f"X-Mailroom-Message: {format_id(row.message_id)}\r\nX-Mailroom-Verdict: allowed-sender\r\n".encode() + MAIL
        )
        assert row.last_reply == "250 2.0.0 taken"
        assert attempts(engine, row.id) == [(1, "delivered", peer.url)]
    with read_transaction(engine) as session:
        record = {(one.act, one.by) for one in session.scalars(select(AuditRecord))}
    assert record == {("receive", "system:judge"), ("claim", "system:relay"), ("deliver", "system:relay")}


def test_the_attempt_is_written_before_dialling(both: Settings, peer: Peer, engine: Engine) -> None:
    (delivery_id,) = released(engine, ANNA)
    peer.answer("MAIL", HANG)
    with relaying(both):
        assert peer.arrived.wait(PATIENCE)
        assert states(engine, [delivery_id]) == ["relaying"]
        assert attempts(engine, delivery_id) == [(1, "", "")]
        peer.go_on.set()
        wait_until(lambda: states(engine, [delivery_id]) == ["delivered"])


def test_the_archive_gets_its_copy_in_the_end(both: Settings, peer: Peer, engine: Engine) -> None:
    with next_hop() as archive:
        archive.answer("DATA", "550 5.7.1 full")
        archiving = replace(both, journal=replace(both.journal, address="archive@archive.example", next_hop=archive.url))
        envelope = Envelope(new_id(), utcnow(), "ruth@stranger.example", (ANNA,), "192.0.2.7", "mail.stranger.example")
        with transaction(engine) as session:
            intake.receive_message(session, envelope, MAIL, PROVEN, make_summary(MAIL), settings=archiving, now=utcnow())
            journaled = list(session.scalars(select(col(Delivery.id)).where(col(Delivery.direction) == "journal")))
        with relaying(archiving):
            wait_until(lambda: attempts(engine, journaled[0]) == [(1, "deferred", archive.url)])
            with transaction(engine) as session:
                session.execute(update(Delivery).where(col(Delivery.id) == journaled[0]).values(due_at=utcnow()))
            wait_until(lambda: states(engine, journaled) == ["delivered"])
    (taken,) = archive.taken
    assert taken.reverse_path.startswith("bounce+")
    assert MAIL in taken.raw
    assert b"\r\nRecipient: anna@company.example\r\n" in taken.raw
    assert peer.taken == []  # the message itself waits for a person


@pytest.mark.parametrize(
    ("reverse_path", "spf", "at_the_next_hop"),
    [
        ("ruth@stranger.example", Result.PASS, "ruth@stranger.example"),
        ("ruth@stranger.example", Result.SOFTFAIL, "bounce+{id}-1-"),
        ("", Result.NONE, ""),
    ],
)
def test_the_queue_names_the_envelope_sender(
    lite: Settings, peer: Peer, sqlite_engine: Engine, reverse_path: str, spf: Result, at_the_next_hop: str
) -> None:
    authentication = Authentication("", (Spf(spf, "mailfrom", "stranger.example"),))
    (delivery_id,) = released(sqlite_engine, ANNA, reverse_path=reverse_path, authentication=authentication)
    with relaying(lite):
        wait_until(lambda: bool(peer.taken))
    sent = peer.taken[0].reverse_path.strip("<>").casefold()
    expected = at_the_next_hop.format(id=format_id(delivery_id)).casefold()
    assert sent == expected or (expected.endswith("-1-") and sent.startswith(expected) and sent.endswith("@company.example"))


def test_a_4xx_reply_is_deferred_and_a_5xx_reply_is_shown(both: Settings, peer: Peer, engine: Engine) -> None:
    peer.answer(f"RCPT {ANNA}", "450 4.2.0 greylisted")
    peer.answer(f"RCPT {BOB}", "550 5.1.1 no such user")
    ids = released(engine, ANNA, BOB, CARL)
    with relaying(both):
        wait_until(lambda: states(engine, ids) == ["queued", "bounced", "delivered"])
    anna, bob, _ = rows(engine, ids)
    assert (anna.last_reply, bob.last_reply) == ("450 4.2.0 greylisted", "550 5.1.1 no such user")
    assert anna.due_at is not None
    assert anna.due_at > utcnow() + timedelta(minutes=3)
    assert [attempts(engine, delivery_id)[0][1] for delivery_id in ids] == ["deferred", "bounced", "delivered"]
    assert [taken.mailbox for taken in peer.taken] == [CARL]


def test_greylisted_mail_goes_when_it_is_due_again(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    peer.answer("RCPT", "450 4.2.0 greylisted")
    peer.answer("DATA", DROP)
    (delivery_id,) = released(sqlite_engine, ANNA)
    with relaying(lite):
        for so_far in (["deferred"], ["deferred", "unanswered"]):
            wait_until(lambda so_far=so_far: [one[1] for one in attempts(sqlite_engine, delivery_id)] == so_far)  # type: ignore[misc]
            with transaction(sqlite_engine) as session:
                session.execute(update(Delivery).values(due_at=utcnow()))
            wake(lite)
        wait_until(lambda: states(sqlite_engine, [delivery_id]) == ["delivered"])
    assert [outcome for _, outcome, _ in attempts(sqlite_engine, delivery_id)] == ["deferred", "unanswered", "delivered"]
    assert len(peer.taken) == 2  # twice, because the answer after the final dot was lost: the record says so


def test_nothing_leaves_before_it_is_due(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    later, soon = (
        released(sqlite_engine, ANNA, due=utcnow() + timedelta(hours=1)),
        released(sqlite_engine, BOB, due=utcnow() + timedelta(seconds=0.3)),
    )
    with relaying(lite):
        wait_until(lambda: states(sqlite_engine, soon) == ["delivered"])
    assert states(sqlite_engine, later) == ["queued"]
    assert [taken.mailbox for taken in peer.taken] == [BOB]


def test_a_release_rings_the_relay_awake_and_the_relay_rings_the_console(lite: Settings, sqlite_engine: Engine) -> None:
    change = WakeupPipe(lite.spool.directory, "change")
    with relaying(lite):
        ids = released(sqlite_engine, ANNA)
        wake(lite)
        wait_until(lambda: states(sqlite_engine, ids) == ["delivered"])
    assert change.wait(PATIENCE)
    change.close()


def test_a_slow_mailbox_holds_nobody_else_up(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    peer.answer(f"RCPT {ANNA}", HANG)
    slow = released(sqlite_engine, ANNA)
    others = [one for _ in range(20) for one in released(sqlite_engine, BOB, CARL)]
    with relaying(lite):
        wait_until(lambda: set(states(sqlite_engine, others)) == {"delivered"})
        assert states(sqlite_engine, slow) == ["relaying"]
        peer.go_on.set()
    assert states(sqlite_engine, slow) == ["delivered"]
    assert peer.connections <= lite.relay.concurrency


def test_a_clock_that_jumps_lets_nobody_claim_twice_what_is_in_hand(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    peer.answer(f"RCPT {ANNA}", HANG)
    slow = released(sqlite_engine, ANNA)
    with relaying(lite):
        assert peer.arrived.wait(PATIENCE)
        set_due(sqlite_engine, slow, utcnow() - timedelta(days=40))  # its lease, as the clock has it now
        later = released(sqlite_engine, BOB)
        wait_until(lambda: states(sqlite_engine, later) == ["delivered"])
        peer.go_on.set()
    assert [one[:2] for one in attempts(sqlite_engine, slow[0])] == [(1, "delivered")]


def test_messages_deferred_for_weeks_by_a_fast_clock_go_now(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    ids = released(sqlite_engine, ANNA, due=utcnow() + timedelta(days=40))
    with relaying(lite):
        wait_until(lambda: states(sqlite_engine, ids) == ["delivered"])


@pytest.mark.postgresql
def test_a_relay_whose_clock_is_behind_hastens_nothing(
    settings: Settings, peer: Peer, postgresql_url: str, postgresql_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = released(postgresql_engine, ANNA, due=utcnow() + timedelta(minutes=20))
    there = towards(replace(settings, database=replace(settings.database, url=postgresql_url)), peer.url)
    monkeypatch.setattr(relay, "utcnow", lambda: utcnow() - timedelta(hours=3))
    at_once = released(postgresql_engine, BOB, due=utcnow() - timedelta(hours=4))
    with relaying(there):
        wait_until(lambda: states(postgresql_engine, at_once) == ["delivered"])
    assert states(postgresql_engine, ids) == ["queued"]


def test_stopping_finishes_what_is_under_way_and_begins_nothing(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    one_at_a_time = towards(lite, peer.url, concurrency=1)
    peer.answer(f"RCPT {ANNA}", HANG)
    first = released(sqlite_engine, ANNA)
    with relaying(one_at_a_time) as stop:
        assert peer.arrived.wait(PATIENCE)
        second = released(sqlite_engine, BOB)
        stop.set()
        peer.go_on.set()
    assert states(sqlite_engine, first) == ["delivered"]
    assert states(sqlite_engine, second) == ["queued"]
    assert attempts(sqlite_engine, second[0]) == []


def test_many_messages_over_few_connections(both: Settings, peer: Peer, engine: Engine) -> None:
    ids = [one for number in range(25) for one in released(engine, ANNA, BOB, raw=MAIL + b"%d\r\n" % number)]
    with relaying(both):
        wait_until(lambda: set(states(engine, ids)) == {"delivered"})
    assert len(peer.taken) == len({(taken.mailbox, taken.raw) for taken in peer.taken}) == len(ids)
    assert peer.connections <= both.relay.concurrency


@pytest.mark.parametrize(("long", "state"), [(0.0, "bounced"), (delivery_workers.LONG, "queued")])
def test_what_waited_too_long_is_given_up_when_its_next_hop_was_away_for_long(
    lite: Settings, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, long: float, state: str
) -> None:
    monkeypatch.setattr(delivery_workers, "LONG", long)
    nobody = towards(lite, f"lmtp://127.0.0.1:{free_port()}")
    (asks,) = released(sqlite_engine, ANNA, due=utcnow() - timedelta(days=6))
    with relaying(nobody):
        wait_until(lambda: rows(sqlite_engine, [asks])[0].last_reply and states(sqlite_engine, [asks]) == [state])
    assert [outcome for _, outcome, _ in attempts(sqlite_engine, asks)] == ["deferred"]


def test_a_next_hop_that_is_down_is_tried_later(lite: Settings, sqlite_engine: Engine) -> None:
    nobody = towards(lite, f"lmtp://127.0.0.1:{free_port()}")
    ids = released(sqlite_engine, ANNA, BOB)
    with relaying(nobody):
        wait_until(
            lambda: [row.attempts for row in rows(sqlite_engine, ids)] == [1, 1] and states(sqlite_engine, ids) == ["queued", "queued"]
        )
    due = [row.due_at for row in rows(sqlite_engine, ids)]
    assert all(one is not None and timedelta(minutes=3) < one - utcnow() < timedelta(minutes=6, seconds=1) for one in due)
    assert {row.last_reply for row in rows(sqlite_engine, ids)} == {"it cannot be reached: Connection refused"}


def test_one_message_to_many_takes_one_transaction_per_hundred(both: Settings, peer: Peer, engine: Engine) -> None:
    people = [f"person{number}@company.example" for number in range(230)]
    ids = released(engine, *people)
    with relaying(both):
        wait_until(lambda: set(states(engine, ids)) == {"delivered"})
    assert sorted(taken.mailbox for taken in peer.taken) == sorted(people)
    assert peer.transactions == 3


def test_a_department_has_a_server_of_its_own_and_a_slow_one_delays_nobody_else(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    with next_hop(lmtp=True) as other:
        apart = replace(lite, relay=replace(lite.relay, concurrency=1, routes=(f"domain:other.example={other.url}",)))
        other.answer("MAIL", HANG)
        slow = released(sqlite_engine, "otto@other.example", raw=MAIL + b"1")
        with relaying(apart):
            assert other.arrived.wait(PATIENCE)
            quick = [one for number in range(20) for one in released(sqlite_engine, ANNA, raw=MAIL + b"%d" % number)]
            slow += released(sqlite_engine, "ute@other.example", raw=MAIL + b"2")
            wake(apart)
            wait_until(lambda: set(states(sqlite_engine, quick)) == {"delivered"})
            assert states(sqlite_engine, slow) == ["relaying", "queued"]  # nothing is claimed for whom nobody has a hand free
            other.go_on.set()
            wait_until(lambda: set(states(sqlite_engine, slow)) == {"delivered"})
    assert {taken.mailbox for taken in peer.taken} == {ANNA}
    assert [taken.mailbox for taken in other.taken] == ["otto@other.example", "ute@other.example"]


def test_while_the_next_hop_is_away_mail_waits_without_attempts_and_goes_when_it_is_back(
    lite: Settings, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_workers, "FIRST_PAUSE", 0.2)
    port = free_port()
    nobody = towards(lite, f"lmtp://127.0.0.1:{port}", concurrency=1)
    ids = [one for number in range(30) for one in released(sqlite_engine, ANNA, raw=MAIL + b"%d" % number)]
    with relaying(nobody):
        wait_until(lambda: all(row.waits_for for row in rows(sqlite_engine, ids)))
        assert {row.last_reply for row in rows(sqlite_engine, ids)} == {"it cannot be reached: Connection refused"}
        assert sum(row.attempts for row in rows(sqlite_engine, ids)) < 15  # a few asked for all
        with next_hop(lmtp=True, port=port) as peer:
            wait_until(lambda: set(states(sqlite_engine, ids)) == {"delivered"})
    assert len(peer.taken) == 30


def test_a_connection_too_many_puts_nothing_off(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    peer.most = 2
    ids = [one for number in range(40) for one in released(sqlite_engine, ANNA, raw=MAIL + b"%d" % number)]
    with relaying(towards(lite, peer.url, concurrency=4)):
        wait_until(lambda: set(states(sqlite_engine, ids)) == {"delivered"})
    assert len(peer.taken) == 40


@dataclass
class Metered(Peer):
    """A next hop that takes five messages in a third of a second, and says so of others, as Amazon does."""

    taken_at: list[float] = field(default_factory=list)

    async def choose_reply(self, command: str, server: Any, usual: str) -> str:
        if command != "DATA":
            return usual
        lately = [one for one in self.taken_at if time.monotonic() - one < 0.3]
        if len(lately) >= 5:
            return "454 Throttling failure: Maximum sending rate exceeded."
        self.taken_at.append(time.monotonic())
        return usual


def test_a_limit_of_speed_slows_down_and_puts_nothing_off_for_long(
    lite: Settings, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_workers, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(delivery_workers, "RESTS", 0.2)
    monkeypatch.setattr(queue, "SCHEDULE", (timedelta(seconds=2),))  # a twentieth of which is a tenth of a second
    ids = [one for number in range(40) for one in released(sqlite_engine, ANNA, raw=MAIL + b"%d" % number)]
    with next_hop(kind=Metered) as slow, relaying(towards(lite, slow.url, concurrency=4)):
        wait_until(lambda: set(states(sqlite_engine, ids)) == {"delivered"})
    assert len(slow.taken) == 40
    assert slow.transactions > 40  # it did say so


def test_a_next_hop_that_does_not_let_us_in_is_told_of_and_keeps_its_mail_waiting(
    lite: Settings, sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery_workers, "LONGEST_AWAY", 0.2)
    certificate, key = make_certificate(tmp_path, "out.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    logins = tmp_path / "logins"
    with next_hop(tls=context, accounts={"us": "right"}) as provider:
        logins.write_text(f"{provider.url} us:wrong")
        way = towards(lite, provider.url)
        way = replace(way, relay=replace(way.relay, logins_file=str(logins), tls_ca=str(certificate), tls_name="out.example"))
        ids = [one for number in range(12) for one in released(sqlite_engine, ANNA, raw=MAIL + b"%d" % number)]
        with relaying(way):
            wait_until(lambda: all(row.waits_for for row in rows(sqlite_engine, ids)))
            assert {row.last_reply for row in rows(sqlite_engine, ids)} == {
                "it refuses our sign-in: 535 5.7.8 Authentication credentials invalid"
            }
            logins.write_text(f"{provider.url} us:right")
            wait_until(lambda: set(states(sqlite_engine, ids)) == {"delivered"})
    (said, *_) = [
        one.getMessage() for one in caplog.records if one.name == "mta.delivery.delivery_workers" and one.levelno == logging.ERROR
    ]
    assert said == (
        f"next hop {provider.url}: it refuses our sign-in: 535 5.7.8 Authentication credentials invalid. "
        "Put it right, `mailroom doctor` tries it; mail waits meanwhile"
    )


@pytest.mark.parametrize(("was_away", "kind"), [(False, "untried"), (True, "deferred")])
def test_what_was_delivered_before_a_connection_was_refused_is_delivered(lite: Settings, *, was_away: bool, kind: str) -> None:
    crew = delivery_workers.Carriers(list_destinations(lite)[0], lite, lambda: None)
    hop, other = crew.idle[:2]
    crew.busy, crew.was_away = {hop: 0.0, other: 0.0}, was_away
    claims = [Claim(number, 1, 1, mailbox, "", "", None, PROVEN, MAIL) for number, mailbox in enumerate((ANNA, BOB))]  # type: ignore[arg-type]
    said = [Outcome("delivered", "250 OK", "x"), Outcome("deferred", "421 too many connections", "x", unreachable=True)]
    crew.note(DeliveryBatch(tuple(claims)), said, hop, 0.1)
    assert [(claim.mailbox, outcome.kind) for claim, outcome in crew.collect(stopping=False)] == [(ANNA, "delivered"), (BOB, kind)]
    assert crew.away_reply in ("", "421 too many connections")


def test_nobody_sets_out_with_what_waited_so_long_that_another_relay_may_have_it(lite: Settings) -> None:
    crew = delivery_workers.Carriers(list_destinations(lite)[0], lite, lambda: None)
    claim = Claim(1, 1, 1, ANNA, "", "", None, PROVEN, MAIL)  # type: ignore[arg-type]
    crew.backlog.append(DeliveryBatch((claim,), since=time.monotonic() - delivery_workers.GIVE_BACK - 1))
    crew.set_out()
    assert (crew.busy, crew.next_batch(crew.idle.pop())) == ({}, None)
    assert crew.settling_is_due(0.1, stopping=False)
    assert [outcome.kind for _, outcome in crew.collect(stopping=False)] == ["untried"]


@pytest.mark.parametrize(
    ("under_way", "passed", "stopping", "due"),
    [
        (False, 0.0, False, False),  # the next message may be due now, and would wait for this commit
        (False, 30.0, False, True),
        (False, 0.0, True, True),
        (True, 30.0, False, False),
        (True, 0.0, True, False),
        (True, 101.0, False, True),
    ],
)
def test_outcomes_wait_for_others_and_less_long_while_nothing_is_under_way(
    lite: Settings, *, under_way: bool, passed: float, stopping: bool, due: bool
) -> None:
    crew = delivery_workers.Carriers(list_destinations(lite)[0], lite, lambda: None)
    claim = Claim(1, 1, 1, ANNA, "", "", None, PROVEN, MAIL)  # type: ignore[arg-type]
    crew.ended, crew.first_ended = [(claim, Outcome("delivered", "250 OK", "x"))], time.monotonic() - passed
    if under_way:
        crew.busy = {crew.idle.pop(): time.monotonic()}
    assert crew.settling_is_due(100.0, stopping=stopping) == due


def test_a_next_hop_that_dribbles_is_dropped_before_the_lease_ends(
    lite: Settings, peer: Peer, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_workers, "LONGEST_SEND", 0.1)
    peer.answer("MAIL", DRIP)
    ids = released(sqlite_engine, ANNA)
    with relaying(lite):
        wait_until(lambda: attempts(sqlite_engine, ids[0])[:1] == [(1, "deferred", peer.url)])
    assert "connection was lost" in rows(sqlite_engine, ids)[0].last_reply


def test_a_late_outcome_does_not_overrule_the_worker_that_took_over(
    lite: Settings, peer: Peer, sqlite_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answer("RCPT", HANG)
    ids = released(sqlite_engine, ANNA)
    with relaying(towards(lite, peer.url, concurrency=1)):
        assert peer.arrived.wait(PATIENCE)
        with transaction(sqlite_engine) as session:
            reclaimed = queue.claim_deliveries(session, limit=1, settings=lite, now=utcnow() + queue.LEASE)
        peer.go_on.set()
        wait_until(lambda: "came too late" in caplog.text)
    assert [claim.number for claim in reclaimed] == [2]
    assert states(sqlite_engine, ids) == ["relaying"]
    assert [one[:2] for one in attempts(sqlite_engine, ids[0])] == [(1, ""), (2, "")]


def test_an_abandoned_claim_is_sent_again_when_its_lease_ends(lite: Settings, peer: Peer, sqlite_engine: Engine) -> None:
    ids = released(sqlite_engine, ANNA, due=utcnow() - queue.LEASE - timedelta(minutes=1))
    with transaction(sqlite_engine) as session:
        assert len(queue.claim_deliveries(session, limit=1, settings=lite, now=utcnow() - queue.LEASE)) == 1  # and then it died
    with relaying(lite):
        wait_until(lambda: states(sqlite_engine, ids) == ["delivered"])
    assert [one[:2] for one in attempts(sqlite_engine, ids[0])] == [(1, ""), (2, "delivered")]


def test_a_database_that_is_not_there_yet_is_waited_for(settings: Settings, peer: Peer, tmp_path: Path) -> None:
    waiting = towards(settings, peer.url)
    engine = open_engine(waiting.database.url)
    with relaying(waiting):
        wait_until((tmp_path / "mailroom.db").exists)
        SQLModel.metadata.create_all(engine)
        ids = released(engine, ANNA)
        wait_until(lambda: states(engine, ids) == ["delivered"])
    engine.dispose()


@pytest.mark.postgresql
def test_an_outcome_survives_a_database_that_went_away_meanwhile(
    settings: Settings, peer: Peer, postgresql_url: str, postgresql_engine: Engine, postgresql_server: object
) -> None:
    there = towards(replace(settings, database=replace(settings.database, url=postgresql_url)), peer.url)
    peer.answer("RCPT", HANG)
    ids = released(postgresql_engine, ANNA)
    with relaying(there):
        assert peer.arrived.wait(PATIENCE)
        postgresql_engine.dispose()
        postgresql_server.disconnect_others("tests")  # type: ignore[attr-defined]
        peer.go_on.set()
        wait_until(lambda: states(postgresql_engine, ids) == ["delivered"])
    assert [one[:2] for one in attempts(postgresql_engine, ids[0])] == [(1, "delivered")]


@pytest.mark.postgresql
def test_a_claim_that_gave_way_to_somebody_is_made_again_at_once(
    settings: Settings,
    peer: Peer,
    postgresql_url: str,
    postgresql_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = towards(replace(settings, database=replace(settings.database, url=postgresql_url)), peer.url)
    claim, tried = queue.claim_deliveries, list[int]()
    ids = released(postgresql_engine, ANNA)
    monkeypatch.setattr(relay, "LONGEST_PAUSE", 10 * PATIENCE)  # which nobody waits for
    with circle.closed_by(postgresql_engine) as enter:

        def claiming(session: Session, **how: Any) -> list[Claim]:
            tried.append(1)
            if len(tried) == 1:
                enter(session)
            return claim(session, **how)

        monkeypatch.setattr(queue, "claim_deliveries", claiming)
        with relaying(there):
            wait_until(lambda: states(postgresql_engine, ids) == ["delivered"])
    assert "a transaction gave way to another one and is carried out again: deadlock detected" in caplog.text
    assert "does not answer" not in caplog.text


def test_stopping_does_not_wait_for_a_database_for_ever(
    lite: Settings, peer: Peer, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "LAST_PATIENCE", 0.1)
    peer.answer("RCPT", HANG)
    ids = released(sqlite_engine, ANNA)
    with relaying(lite) as stop:
        assert peer.arrived.wait(PATIENCE)
        with sqlite_engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE attempt RENAME TO elsewhere")
        stop.set()
        peer.go_on.set()
    assert "its outcome is not recorded" in caplog.text
    assert f"delivery {format_id(ids[0])} of message " in caplog.text
    assert states(sqlite_engine, ids) == ["relaying"]


def test_each_outcome_is_one_line_in_the_log(lite: Settings, peer: Peer, sqlite_engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mta.delivery.delivery_attempt")
    peer.answer(f"RCPT {BOB}", "550-5.1.1 \x1b[2J\r\n550 5.1.1 no such user")
    anna, bob = released(sqlite_engine, ANNA, BOB)
    with relaying(lite):
        wait_until(lambda: states(sqlite_engine, [anna, bob]) == ["delivered", "bounced"])
    lines = sorted(record.getMessage() for record in caplog.records if record.name == "mta.delivery.delivery_attempt")
    assert len(lines) == 2
    assert all("\x1b" not in line and "\n" not in line for line in lines)
    assert any(format_id(anna) in line and f"to {ANNA}: delivered in attempt 1 by {peer.url}: 250 2.0.0 taken" in line for line in lines)


def test_into_maildirs(settings: Settings, sqlite_url: str, sqlite_engine: Engine, tmp_path: Path) -> None:
    here = replace(settings, database=replace(settings.database, url=sqlite_url))
    ids = released(sqlite_engine, ANNA)
    with relaying(here):
        wait_until(lambda: states(sqlite_engine, ids) == ["delivered"])
    (stored,) = (tmp_path / "mailboxes" / ANNA / "new").iterdir()
    assert stored.read_bytes().endswith(MAIL)


class Broken:
    """A next hop with a fault of ours in it."""

    def __init__(self) -> None:
        self.closed = False

    def send(self, reverse_path: str, mailboxes: Sequence[str], raw: bytes) -> list[queue.Outcome]:
        raise RuntimeError("a fault of ours")

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        """Do nothing; this test never hangs."""


def test_a_fault_of_ours_loses_no_mail(lite: Settings, sqlite_engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    released(sqlite_engine, ANNA)
    with transaction(sqlite_engine) as session:
        (claim,) = queue.claim_deliveries(session, limit=1, settings=lite, now=utcnow())
    broken = Broken()
    (outcome,) = deliver_claims(DeliveryBatch((claim,)), broken, lite, "broken:")
    assert outcome.kind == "unanswered"
    assert broken.closed
    assert "a fault of ours" in caplog.text


def test_a_mistake_of_ours_loses_no_outcome(lite: Settings, peer: Peer, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next relay would send it again."""
    ids = released(sqlite_engine, ANNA)
    turn = relay.Relay.turn

    def mistaken(self: relay.Relay, *, claiming: bool = True) -> None:
        turn(self, claiming=claiming)
        if claiming and any(one.in_hand or one.ended for one in self.carriers):
            raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(relay.Relay, "turn", mistaken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        relay.run_role(lite, threading.Event())
    assert (len(peer.taken), states(sqlite_engine, ids)) == (1, ["delivered"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda settings: towards(settings, "pigeon://coop"), "pigeon://coop.*smtp://HOST:PORT"),
        (
            lambda settings: replace(settings, spool=replace(settings.spool, directory=Path("/nonexistent/spool"))),
            "/nonexistent/spool cannot be used",
        ),
        (lambda settings: replace(settings, database=replace(settings.database, url="mysql://x")), "database.url"),
    ],
)
def test_settings_of_no_use_are_said_at_once(settings: Settings, change: Callable[[Settings], Settings], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        relay.run_role(change(settings), threading.Event())
