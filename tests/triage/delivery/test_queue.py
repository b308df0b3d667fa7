"""The queue: claimed once, settled once, tried again in time, given up in the end."""

import logging
import random
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, OTTO, arrive
from triage.actor import Actor
from triage.addressing.verp import Tag
from triage.config.settings import Relay, Settings
from triage.delivery import bounces, queue, queue_admin
from triage.delivery.queue import Claim, Outcome
from triage.errors import NotAllowed, NotAllowedNow, NotFound
from triage.ids import format_id, new_id
from triage.message.authentication import Result
from triage.quarantine.decisions import decide as decisions, outcomes
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.message_record.record_codec import DAMAGED
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.directory import KnownRecipient
from triage.store.models.messages import Content, Message

OK = Outcome("delivered", "250 2.0.0 ok", "next.example")
LATER = Outcome("deferred", "451 4.3.0 later", "next.example")
NO = Outcome("bounced", "550 5.1.1 no such user", "next.example")


@pytest.fixture
def released(engine: Engine, settings: Settings) -> tuple[Engine, int]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
        ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
    return engine, mail


def claim(session: Session, settings: Settings, later: timedelta = timedelta()) -> list[Claim]:
    return queue.claim_deliveries(session, limit=10, settings=settings, now=NOW + later)


def test_what_is_due_is_claimed_once(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        assert (one.delivery_id, one.number, one.mailbox) == (mail, 1, "joe.fern@company.example")
        assert one.raw.endswith(b"\r\n\r\nHello\r\n")
        assert claim(session, settings) == []
    with db.read_transaction(engine) as session:
        assert session.scalars(select(col(Attempt.number))).all() == [1]
        assert queue.next_due(session) == queue.next_due(session, col(Delivery.id) == mail) == NOW + queue.LEASE
        assert queue.next_due(session, col(Delivery.id) != mail) is None


def test_nothing_is_claimed_before_it_is_due(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
        ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW + timedelta(seconds=10))
        assert claim(session, settings, timedelta(seconds=9)) == []
        assert len(claim(session, settings, timedelta(seconds=10))) == 1


@pytest.mark.parametrize(("outcome", "state"), [(OK, State.DELIVERED), (LATER, State.QUEUED), (NO, State.BOUNCED)])
def test_how_an_attempt_ends(released: tuple[Engine, int], settings: Settings, outcome: Outcome, state: State) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        queue.settle_claim(session, one, outcome, settings=settings, now=NOW)
    with db.read_transaction(engine) as session:
        row = session.get_one(Delivery, mail)
        assert (row.state, row.last_reply) == (state, outcome.reply)
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.outcome, attempt.reply, attempt.next_hop) == (outcome.kind, outcome.reply, "next.example")


def test_it_is_tried_again_later_and_later(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    pauses, at = [], timedelta()
    for _ in range(7):
        with db.transaction(engine) as session:
            (one,) = claim(session, settings, at)
            queue.settle_claim(session, one, LATER, settings=settings, now=NOW + at)
            due = session.get_one(Delivery, mail, populate_existing=True).due_at
            assert due is not None
            pauses.append((due - NOW - at) / timedelta(minutes=1))
            at = due - NOW
    for pause, minutes in zip(pauses, (5, 10, 20, 40, 64, 64, 64), strict=True):
        assert 0.79 * minutes < pause < 1.21 * minutes


@pytest.mark.parametrize("chance", [-0.2, 0.0, 0.2])
def test_the_pauses_to_the_minute(monkeypatch: pytest.MonkeyPatch, chance: float) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 1 + chance

    monkeypatch.setattr(random, "uniform", uniform)
    pauses = [(queue.again_at(attempts, NOW) - NOW) / timedelta(minutes=1) for attempts in range(1, 8)]
    assert pauses == pytest.approx([minutes * (1 + chance) for minutes in (5, 10, 20, 40, 64, 64, 64)])
    assert (queue.again_at(1, NOW, sooner=queue.SOONER) - NOW) / timedelta(seconds=1) == pytest.approx(15 * (1 + chance))
    assert {*asked} == {(0.8, 1.2)}


DAYS = timedelta(days=5)  # relay.give_up_after


@pytest.mark.parametrize(
    ("outcome", "direction", "waited", "kind"),
    [
        (LATER, "in", DAYS - timedelta(seconds=1), "deferred"),
        (LATER, "in", DAYS, "bounced"),
        (replace(LATER, unreachable=True), "in", DAYS, "deferred"),
        (Outcome("unanswered", "", "x"), "outbound", DAYS, "bounced"),
        (Outcome("untried", "", "x"), "in", DAYS, "untried"),
        (OK, "in", DAYS, "delivered"),
        (NO, "in", timedelta(), "bounced"),
        (LATER, "in", None, "deferred"),
        (LATER, "journal", DAYS, "deferred"),
        (NO, "journal", DAYS, "deferred"),
        (OK, "journal", DAYS, "delivered"),
        (Outcome("unanswered", "", "x"), "journal", DAYS, "unanswered"),
    ],
)
def test_who_gives_up_what(settings: Settings, outcome: Outcome, direction: str, waited: timedelta | None, kind: str) -> None:
    queued_at = NOW - waited if waited is not None else None
    assert queue.given_up(outcome, direction, queued_at, settings, NOW) == kind


@pytest.mark.parametrize(
    ("outcome", "kind", "minutes", "waits_for", "kept"),
    [
        (OK, "delivered", None, "", "delivered"),
        (LATER, "deferred", 5, "", "deferred"),
        (replace(LATER, unreachable=True), "deferred", 5, "next.example", "deferred"),
        (replace(LATER, too_fast=True), "deferred", 0.25, "", "deferred"),
        (replace(NO, unreachable=True), "bounced", None, "", "bounced"),
        (LATER, "bounced", None, "", "bounced"),
        (Outcome("unanswered", "lost", "next.example"), "unanswered", 5, "", "unanswered"),
        (Outcome("unanswered", "lost", "next.example"), "bounced", None, "", "unanswered"),
        (Outcome("untried", "busy", "next.example"), "untried", 0, "", "untried"),
        (replace(OK, at=NOW - timedelta(seconds=9)), "delivered", None, "", "delivered"),
    ],
)
def test_what_the_rows_say_afterwards(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome, kind: str, minutes: float | None, waits_for: str, kept: str
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 1)
    envelope, authentication = arriving.envelope(), arriving.authentication("a@b.example")
    one = Claim(4, 1, 3, "joe.fern@company.example", "", "rule", envelope, authentication, b"")
    assert queue.values_of(one, outcome, kind, NOW) == {
        "delivery": 4,
        "attempt_number": 1,
        "due_at": None if minutes is None else NOW + timedelta(minutes=minutes),
        "waits_for": waits_for,
        "last_reply": outcome.reply,
        "reply_form": None,
        "outcome": kept,
        "reply": outcome.reply,
        "next_hop": "next.example",
        "ended_at": outcome.at or NOW,
    }


def test_the_record_says_all_of_one_attempt_and_of_many_what_they_share() -> None:
    settled = {"next_hop": "hop", "reply": "250 ok", "attempt_number": 2, "delivery": 4}
    assert queue.detail_of("delivered", settled, 1) == {"outcome": "delivered", "next_hop": "hop", "reply": "250 ok", "attempt": 2}
    assert queue.detail_of("delivered", settled, 2) == {"outcome": "delivered", "next_hop": "hop"}


@pytest.mark.parametrize(
    ("found", "siblings", "claimed"),
    [
        ({1: 7}, [(1, 7), (2, 7)], [1, 2]),
        ({1: 7, 2: 8}, [(3, 8), (4, 7)], [1, 4, 2, 3]),
        ({1: 7}, [(one, 7) for one in range(1, 103)], [*range(1, 101)]),  # full
        (dict.fromkeys(range(1, 131), 7), [], [*range(1, 101)]),  # cut down to full ones
        (dict.fromkeys(range(1, 201), 7), [(300, 7)], [*range(1, 201)]),
        (dict.fromkeys(range(1, 131), 7) | {500: 8}, [], [*range(1, 101), 500]),
    ],
)
def test_transactions_are_full(found: dict[int, int], siblings: list[tuple[int, int]], claimed: list[int]) -> None:
    assert queue.with_siblings(found, siblings) == claimed


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (LATER, State.BOUNCED),
        (Outcome("unanswered", "the connection was lost", "x"), State.BOUNCED),
        (Outcome("untried", "the next hop is busy with other mail", "x"), State.QUEUED),
        (Outcome("deferred", "it cannot be reached", "x", unreachable=True), State.QUEUED),  # nobody was asked about this message
    ],
)
def test_after_days_it_is_given_up(released: tuple[Engine, int], settings: Settings, outcome: Outcome, state: State) -> None:
    engine, mail = released
    days = timedelta(days=5)
    with db.transaction(engine) as session:
        (one,) = claim(session, settings, days)
        queue.settle_claim(session, one, outcome, settings=settings, now=NOW + days)
        assert session.get_one(Delivery, mail, populate_existing=True).state == state


def test_a_dead_workers_delivery_is_taken_over_and_its_late_answer_refused(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (dead,) = claim(session, settings)
    with db.transaction(engine) as session:
        (alive,) = claim(session, settings, queue.LEASE)
        assert (alive.delivery_id, alive.number) == (mail, 2)
    with pytest.raises(NotAllowedNow), db.transaction(engine) as session:
        queue.settle_claim(session, dead, OK, settings=settings, now=NOW)
    with db.transaction(engine) as session:
        queue.settle_claim(session, alive, OK, settings=settings, now=NOW)


@pytest.mark.parametrize(("kept", "why"), [(None, "was erased"), (b"no zstd", "is damaged")])
def test_what_has_no_content_any_more_blocks_nobody(released: tuple[Engine, int], settings: Settings, kept: bytes | None, why: str) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (other,) = arrive(session, settings)
        ledger.record_event(session, other, Event.RELEASE, by=ANA, now=NOW, due_at=NOW)
        content = session.get_one(Message, session.get_one(Delivery, mail).message_id).content_id
        session.execute(update(Content).where(col(Content.id) == content).values(zstd=kept))
        assert [one.delivery_id for one in claim(session, settings)] == [other]
        row = session.get_one(Delivery, mail, populate_existing=True)
        assert (row.state, why in row.last_reply) == (State.BOUNCED, True)


@pytest.mark.parametrize(
    ("next_hop", "state", "outcome"), [("maildir:/var/mail", "recalling", "recalling"), ("smtp://inner:25", "purged", "done")]
)
def test_a_purge_that_met_a_worker_who_died_is_carried_out(
    released: tuple[Engine, int], settings: Settings, next_hop: str, state: str, outcome: str
) -> None:
    """If it is unknown whether the message was delivered, the recall searches the mailboxes, where they can be reached."""
    engine, mail = released
    settings = replace(settings, relay=Relay(next_hop=next_hop))
    with db.transaction(engine) as session:
        claim(session, settings)
        done = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert done.in_flight == 1
    with db.transaction(engine) as session:
        assert claim(session, settings, queue.LEASE) == []
    with db.transaction(engine) as session:
        assert session.get_one(Delivery, mail).state == state
        (item,) = outcomes.get_decision(session, done.id, by=ANA).items
        assert (item.outcome, item.why) == (outcome, "The delivery was interrupted: it may have been delivered.")


def test_two_workers_share_the_work(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        bounces.bounce_key(session)  # made once; who comes second waits for the first to commit
        for _ in range(6):
            (mail,) = arrive(session, settings)
            ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW)
    with db.transaction(engine) as session:
        mine = queue.claim_deliveries(session, limit=3, settings=settings, now=NOW)
        if db.is_postgresql(session):  # another transaction passes over the locked rows; SQLite has one writer
            with db.transaction(engine) as other:
                theirs = queue.claim_deliveries(other, limit=6, settings=settings, now=NOW)
            assert len(theirs) == 3
            assert not {one.delivery_id for one in mine} & {one.delivery_id for one in theirs}
        assert len(mine) == 3


@pytest.mark.parametrize(
    ("reverse_path", "spf", "original", "sent"),
    [
        ("", Result.NONE, False, ""),
        ("sales@supplier.example", Result.PASS, False, "sales@supplier.example"),
        ("sales@supplier.example", Result.FAIL, False, None),
        ("sales@supplier.example", Result.NONE, True, "sales@supplier.example"),
    ],
)
def test_the_reverse_path_at_the_next_hop(
    engine: Engine, settings: Settings, reverse_path: str, spf: Result, original: bool, sent: str | None
) -> None:
    settings = replace(settings, relay=replace(settings.relay, original_reverse_path=original))
    envelope, found = arriving.envelope(reverse_path=reverse_path), arriving.authentication("sales@supplier.example", spf=spf)
    with db.transaction(engine) as session:
        made = queue.reverse_path(session, envelope, found, Tag(7, 1), settings)
        expected = bounces.address_for(session, Tag(7, 1), "company.example") if sent is None else sent
    assert made == expected


@pytest.mark.parametrize(
    ("reverse_path", "direction", "sent"),
    [
        ("sales@supplier.example", "in", None),
        ("ann@company.example", "outbound", "ann@company.example"),
        ("", "notice", ""),
        ("", "journal", None),
        ("ann@company.example", "journal", None),
    ],
)
def test_whose_the_reverse_path_is(sqlite_engine: Engine, settings: Settings, reverse_path: str, direction: str, sent: str | None) -> None:
    envelope, found = arriving.envelope(reverse_path=reverse_path), arriving.authentication("sales@supplier.example")
    with db.transaction(sqlite_engine) as session:
        made = queue.reverse_path(session, envelope, found, Tag(7, 1), settings, direction)
        assert made == (bounces.address_for(session, Tag(7, 1), "company.example") if sent is None else sent)


@pytest.mark.parametrize(
    ("detail", "changed", "settings_changed", "address"),
    [
        ("orders", {}, {"keep_detail": True}, "joe.fern+orders@company.example"),
        ("", {}, {"keep_detail": True}, "joe.fern@company.example"),
        ("orders", {}, {"keep_detail": False}, "joe.fern@company.example"),
        ("orders", {"redirected": True}, {"keep_detail": True}, "joe.fern@company.example"),
        ("orders", {}, {"keep_detail": True, "next_hop": "maildir:/srv/mail"}, "joe.fern@company.example"),
        ("old", {}, {"keep_detail": True}, "joe.fern@company.example"),  # that is somebody's own address
        (
            "orders",
            {"department": "legal"},
            {"keep_detail": True, "routes": ("department:legal=maildir:/srv/legal",)},
            "joe.fern@company.example",
        ),
    ],
)
def test_the_detail_of_a_sub_address_goes_along_where_it_is_understood(
    sqlite_engine: Engine, settings: Settings, detail: str, changed: dict[str, object], settings_changed: dict[str, Any], address: str
) -> None:
    relay = {"next_hop": "smtp://inner.company.example"} | settings_changed
    settings = replace(settings, relay=replace(settings.relay, **relay))
    row: Any = SimpleNamespace(
        **{"detail": detail, "redirected": False, "mailbox": "joe.fern@company.example", "department": "it", "direction": "in"} | changed
    )
    with db.transaction(sqlite_engine) as session:
        session.add(KnownRecipient(address="joe.fern+old@company.example", kind="legacy", department="it", person="ines.old", mailbox=""))
        session.flush()
        assert queue.address_at_next_hop(session, row, settings) == address


def test_retry_at_once(released: tuple[Engine, int], settings: Settings) -> None:
    engine, mail = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        queue.settle_claim(session, one, LATER, settings=settings, now=NOW)
        assert claim(session, settings) == []
        queue_admin.retry_deliveries(session, [mail], settings=settings, by=ANA, now=NOW)
        (again,) = claim(session, settings)
        queue.settle_claim(session, again, NO, settings=settings, now=NOW)
        queue_admin.retry_deliveries(session, [mail], settings=settings, by=ANA, now=NOW)
        assert len(claim(session, settings)) == 1


@pytest.mark.parametrize(("by", "refusal"), [(OTTO, NotAllowed), (arriving.BEN, NotFound)])
def test_who_may_not_retry(released: tuple[Engine, int], settings: Settings, by: Actor, refusal: type[Exception]) -> None:
    engine, mail = released
    with pytest.raises(refusal), db.transaction(engine) as session:
        queue_admin.retry_deliveries(session, [mail], settings=settings, by=by, now=NOW)


def test_there_is_nothing_to_retry(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        (mail,) = arrive(session, settings)
    with pytest.raises(NotAllowedNow, match="is held: there is nothing"), db.transaction(engine) as session:
        queue_admin.retry_deliveries(session, [mail], settings=settings, by=ANA, now=NOW)


def queued_for(session: Session, settings: Settings, count: int) -> tuple[int, ...]:
    """Queues a message to this many people, due now."""
    (mail,) = arrive(session, settings)
    first = session.get_one(Delivery, mail)
    others = [
        Delivery(
            **first.model_dump()
            | {"id": new_id(), "recipient": f"person{number}@company.example", "mailbox": f"person{number}@company.example"}
        )
        for number in range(count - 1)
    ]
    session.add_all(others)
    session.flush()
    numbers = (mail, *(one.id for one in others))
    ledger.record_many(session, col(Delivery.id).in_(numbers), Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
    return numbers


def test_siblings_are_claimed_with_the_first_as_many_as_a_transaction_takes(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        numbers = queued_for(session, settings, 230)
        taken = []
        while claims := queue.claim_deliveries(session, limit=1, settings=settings, now=NOW):
            taken.append([one.delivery_id for one in claims])
        assert [len(one) for one in taken] == [100, 100, 30]
        siblings = taken[0][1:]  # after the one that was found, which may be any: all are due at once
        assert {*siblings} - {*sorted(numbers)[:100]} == set()
        attempts = session.scalars(select(col(Attempt.delivery_id))).all()
        assert sorted(attempts) == sorted(numbers)


def test_what_is_due_longest_goes_first(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        messages = [arrive(session, settings)[0] for _ in range(3)]
        for mail, minutes in zip(messages, (1, 9, 5), strict=True):
            ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW - timedelta(minutes=minutes), queued_at=NOW)
        claims = [queue.claim_deliveries(session, limit=1, settings=settings, now=NOW)[0].delivery_id for _ in messages]
        assert claims == [messages[1], messages[2], messages[0]]


def test_of_a_dead_worker_s_deliveries_no_more_are_taken_over_than_asked_for(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        queued_for(session, settings, 3)
        assert len(queue.claim_deliveries(session, limit=1, settings=settings, now=NOW)) == 3
        assert len(queue.claim_deliveries(session, limit=1, settings=settings, now=NOW + queue.LEASE)) == 1


@pytest.mark.parametrize(("most", "claimed"), [(1, 1), (2.5, 2), (10, 3)])
def test_no_more_is_claimed_than_memory_has_room_for(engine: Engine, settings: Settings, most: float, claimed: int) -> None:
    """Counted by message, however many recipients it has; one is always claimed, or the largest would never leave."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for number in range(3):
            messages = arrive(
                session, settings, "it+joe.fern@company.example", "legal+mara.berg@company.example", subject=f"Offer {number}"
            )
            ledger.record_many(session, col(Delivery.id).in_(messages), Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        size = session.scalar(select(func.min(col(Content.size)))) or 0
    with db.transaction(engine) as session:
        taken = queue.claim_deliveries(session, limit=50, settings=settings, now=NOW, most_bytes=int(most * size * 1.05))
    assert len({one.message_id for one in taken}) == claimed
    assert len(taken) == 2 * claimed


@pytest.mark.parametrize(("beyond", "claimed"), [(-1, 2), (0, 4)])
def test_what_fits_to_the_byte_is_claimed(engine: Engine, settings: Settings, beyond: int, claimed: int) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        two = ("it+joe.fern@company.example", "legal+mara.berg@company.example")
        messages = [mail for number in range(2) for mail in arrive(session, settings, *two, subject=f"Offer {number}")]
        ledger.record_many(session, col(Delivery.id).in_(messages), Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        size = session.scalar(select(func.sum(col(Content.size)))) or 0
        assert len(queue.claim_deliveries(session, limit=50, settings=settings, now=NOW, most_bytes=size + beyond)) == claimed


def test_a_large_message_waits_for_room_and_small_ones_go(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        messages = [arrive(session, settings, text="x" * size)[0] for size in (10, 5_000, 20)]
        for minutes, mail in zip((3, 2, 1), messages, strict=True):
            ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW - timedelta(minutes=minutes), queued_at=NOW)
        rounds = []
        while claims := queue.claim_deliveries(session, limit=50, settings=settings, now=NOW, most_bytes=2_000):
            rounds.append([one.delivery_id for one in claims])
        assert rounds == [[messages[0]], [messages[1]], [messages[2]]]


def test_claims_that_may_share_a_transaction(engine: Engine, settings: Settings) -> None:
    original = replace(settings, relay=replace(settings.relay, original_reverse_path=True))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        ids = queued_for(session, settings, 3)
        session.execute(update(Delivery).where(col(Delivery.id) == ids[2]).values(mailbox="jürgen@company.example"))
        claims = {one.delivery_id: one for one in queue.claim_deliveries(session, limit=9, settings=original, now=NOW)}
        first, second, international = (claims[one].together for one in ids)
        assert first == second != international  # who needs SMTPUTF8 must not take the others down
        assert claims[ids[0]].raw is claims[ids[1]].raw


def test_what_colleagues_noted_reaches_no_recipient_and_parts_no_transaction(engine: Engine, settings: Settings) -> None:
    original = replace(settings, relay=replace(settings.relay, original_reverse_path=True))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for number, mail in enumerate(queued_for(session, settings, 3)):
            private = {"reason": f"Ana noted: HR case {number}", "signals": [{"name": "own", "sentence": f"Ben said {number}"}]}
            session.execute(update(Delivery).where(col(Delivery.id) == mail).values(**private))
        claims = queue.claim_deliveries(session, limit=9, settings=original, now=NOW)
        assert len({one.together for one in claims}) == 1
        assert claims[0].evidence.why.split()[0] == claims[0].rule
        assert {"Ana", "Ben", "HR"}.isdisjoint(claims[0].evidence.why.split())


def test_a_damaged_record_defers_its_own_message_and_no_other(
    released: tuple[Engine, int], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    engine, bad = released
    with db.transaction(engine) as session:
        (good,) = arrive(session, settings)
        ledger.record_event(session, good, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        damage_record(session, bad)
    with db.transaction(engine) as session, caplog.at_level(logging.ERROR):
        assert [one.delivery_id for one in claim(session, settings)] == [good]
    assert f"delivery {format_id(bad)} of message" in caplog.text
    with db.read_transaction(engine) as session:
        delivery = session.get_one(Delivery, bad)
        assert (delivery.state, delivery.attempts, delivery.last_reply) == (State.QUEUED, 1, DAMAGED)
        assert delivery.due_at
        assert delivery.due_at > NOW
        repaired = {one.id: one.record for one in session.scalars(select(Message)) if not one.record.fault}
    with db.transaction(engine) as session:
        session.execute(update(Message).where(col(Message.id) == delivery.message_id).values(record=next(iter(repaired.values()))))
    with db.transaction(engine) as session:
        assert [one.delivery_id for one in claim(session, settings, timedelta(hours=1))] == [bad, good], "it goes when it is repaired"


def damage_record(session: Session, delivery_id: int) -> None:
    """Changes one bit of the record of a delivery's message."""
    number = session.scalar(select(col(Delivery.message_id)).where(col(Delivery.id) == delivery_id))
    stored = session.execute(text("SELECT record FROM message WHERE id = :id"), {"id": number}).scalar_one()
    damaged = stored[:-6] + bytes([stored[-6] ^ 1]) + stored[-5:]
    session.execute(text("UPDATE message SET record = :record WHERE id = :id"), {"record": damaged, "id": number})


def test_an_unproven_sender_keeps_a_bounce_address_for_each_delivery(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        queued_for(session, settings, 3)
        claims = queue.claim_deliveries(session, limit=9, settings=settings, now=NOW)
        assert len({one.together for one in claims}) == 3


def test_many_are_settled_at_once_each_with_its_own_reply(engine: Engine, settings: Settings) -> None:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        queued_for(session, settings, 4)
        claims = queue.claim_deliveries(session, limit=9, settings=settings, now=NOW)
        dead = replace(claims[3], number=0)
        said = [Outcome("delivered", "250 a", "hop"), Outcome("deferred", "451 b", "hop"), Outcome("bounced", "550 c", "hop"), OK]
        late = queue.settle_many(session, list(zip([*claims[:3], dead], said, strict=True)), settings=settings, now=NOW)
        assert late == [dead]
        rows = [session.get_one(Delivery, one.delivery_id, populate_existing=True) for one in claims]
        assert [(one.state, one.last_reply) for one in rows] == [
            ("delivered", "250 a"),
            ("queued", "451 b"),
            ("bounced", "550 c"),
            ("relaying", ""),
        ]
        attempts = session.execute(select(col(Attempt.delivery_id), col(Attempt.outcome), col(Attempt.reply))).all()
        assert {(one.delivery_id, one.outcome, one.reply) for one in attempts} == {
            *((claim.delivery_id, outcome.kind, outcome.reply) for claim, outcome in zip(claims[:3], said[:3], strict=True)),
            (claims[3].delivery_id, "", ""),
        }
        assert [rows[0].settled_at, rows[1].settled_at] == [NOW, None]


def test_what_was_not_tried_goes_at_once(released: tuple[Engine, int], settings: Settings) -> None:
    engine, _ = released
    with db.transaction(engine) as session:
        (one,) = claim(session, settings)
        queue.settle_claim(session, one, Outcome("untried", "busy", "hop"), settings=settings, now=NOW)
        (again,) = claim(session, settings)
        assert again.number == 2
