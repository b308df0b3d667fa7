"""A copy that was moved decides once, as the folder says and as its mover may; which copies there should be, and which message is which."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage.arriving import ALIGNED, ANA, BEN, COMPANY, DMARC_FAIL, NOW, OTTO, SYNC, arrive
from triage import ids
from triage.access import dual_control
from triage.actor import Actor
from triage.addressing.company import SealedEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.quarantine.decisions import approvals, decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.mail_moves import mailbox_moves, mirror_copies
from triage.quarantine.mail_moves.mailbox_moves import ALREADY, DONE, REFUSED, Outcome
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.approvals import PendingAct
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.messages import Message

ACCOUNT = "it@company.example"
SOON, LATE = timedelta(seconds=5), timedelta(days=4)


def copied(engine: Engine, settings: Settings, **mail: Any) -> tuple[int, int]:
    """A held message that lies in the account: the delivery and the copy."""
    with db.transaction(engine) as session:
        (delivery,) = arrive(session, settings, **mail)
        return delivery, put(engine, session, delivery)


def put(engine: Engine, session: object, delivery: int, alike: str = "alike") -> int:
    copy = ids.new_id()
    row = MirrorCopy(id=copy, account=ACCOUNT, delivery_id=delivery, folder="joe.fern", digest=str(copy), alike=alike, placed_at=NOW)
    mirror_copies.begin_copy(session, row)  # type: ignore[arg-type]
    return copy


def moves(
    engine: Engine, settings: Settings, copy: int, folder: str, by: Actor = ANA, *, occasion: str = "7.1", later: timedelta = SOON
) -> Outcome:
    moved = {"occasion": occasion, "account": ACCOUNT}
    with db.transaction(engine) as session:
        return mailbox_moves.act_on_move(session, copy, folder, **moved, by=by, settings=settings, now=NOW + later)


def decides(engine: Engine, settings: Settings, delivery: int, verb: Verb) -> int:
    with db.transaction(engine) as session:
        return decisions.decide_messages(session, DecisionRequest(Selection(ids=(delivery,)), verb), by=ANA, now=NOW, settings=settings).id


def state(engine: Engine, delivery: int) -> str:
    with db.read_transaction(engine) as session:
        return session.get_one(Delivery, delivery).state


def number_of_decisions(engine: Engine) -> int:
    with db.read_transaction(engine) as session:
        return len(session.scalars(select(Decision)).all())


@pytest.mark.parametrize(
    ("folder", "becomes"),
    [("Release", State.QUEUED), ("Approve sender", State.QUEUED), ("Purge", State.PURGED), ("Purge and block", State.PURGED)],
)
def test_it_decides_once_however_often_it_is_moved(known: Engine, settings: Settings, folder: str, becomes: State) -> None:
    delivery, copy = copied(known, settings, dmarc=ALIGNED)
    assert moves(known, settings, copy, folder) == Outcome(DONE)
    assert moves(known, settings, copy, folder) == Outcome(DONE)  # the server had not heard of it
    other = "Purge" if becomes is State.QUEUED else "Release"
    verb = "Released" if becomes is State.QUEUED else "Removed"
    assert moves(known, settings, copy, other) == Outcome(ALREADY, f"{verb} by Ana Roth 0 seconds ago.")
    assert (state(known, delivery), number_of_decisions(known)) == (becomes, 1)


@pytest.mark.parametrize("folder", ["Release", "Approve sender"])
def test_what_needs_a_second_look_is_not_let_out_by_a_move(known: Engine, settings: Settings, folder: str) -> None:
    delivery, copy = copied(known, settings, dmarc=DMARC_FAIL)
    outcome = moves(known, settings, copy, folder)
    assert (outcome.kind, state(known, delivery), number_of_decisions(known)) == (REFUSED, State.HELD, 0)
    assert moves(known, settings, copy, folder, occasion="7.2") == outcome
    if folder == "Release":
        assert outcome.why == (
            "It needs a second look: Not really from supplier.example: DMARC fails, and the domain asks receivers not to deliver "
            "such messages. Release it in the console, or remove it."
        )
    assert moves(known, settings, copy, "Purge", occasion="7.3") == Outcome(DONE)


def test_the_console_was_faster(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    decides(known, settings, delivery, Verb.RELEASE)
    assert moves(known, settings, copy, "Purge") == Outcome(ALREADY, "Released by Ana Roth 5 seconds ago.")
    assert (state(known, delivery), number_of_decisions(known)) == (State.QUEUED, 1)


def test_an_old_copy_of_what_is_held_again_decides_nothing(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    decision = decides(known, settings, delivery, Verb.PURGE)
    with db.transaction(known) as session:
        mirror_copies.end_copies(session, [copy], NOW)
        undoing.undo_decision(session, decision, by=ANA, reason="", now=NOW, settings=settings)
        fresh = put(known, session, delivery)
    assert moves(known, settings, copy, "Release").kind == ALREADY
    assert state(known, delivery) == State.HELD
    assert moves(known, settings, fresh, "Release") == Outcome(DONE)


@pytest.mark.parametrize("by", [BEN, OTTO], ids=["another department's", "an auditor"])
def test_whoever_may_not_decide_does_not(known: Engine, settings: Settings, by: Actor) -> None:
    delivery, copy = copied(known, settings)
    outcome = moves(known, settings, copy, "Release", by)
    assert (outcome.kind, bool(outcome.why)) == (REFUSED, True)
    assert (state(known, delivery), number_of_decisions(known)) == (State.HELD, 0)
    assert moves(known, settings, copy, "Release") == Outcome(DONE)


def test_what_waits_for_a_second_key_is_asked_for_once_and_anew_when_that_is_over(known: Engine, settings: Settings) -> None:
    settings = replace(settings, policy=replace(settings.policy, approvals=("risky-release",)))
    delivery, copy = copied(known, settings)
    with db.transaction(known) as session:
        message = session.get_one(Message, session.get_one(Delivery, delivery).message_id)
        signals = [{"name": "name-of-ours", "sentence": "The name is one of ours.", "weight": 45}]
        message.record = replace(message.record, signals=signals)
    waits = Outcome(REFUSED, "It waits for approval by a second person.")

    def asked() -> list[str]:
        with db.read_transaction(known) as session:
            return list(session.scalars(select(col(PendingAct.state)).order_by(col(PendingAct.id))))

    for occasion in ("7.1", "7.1", "7.2"):  # the same move met again, and another one of a message that was given back
        assert moves(known, settings, copy, "Release", occasion=occasion) == waits
    assert asked() == ["waiting"]
    with db.transaction(known) as session:
        approvals.decline_approval(session, session.scalars(select(col(PendingAct.id))).one(), by=ANA, now=NOW)
    assert moves(known, settings, copy, "Release", occasion="7.1") == Outcome(REFUSED, "A second person had to approve it: withdrawn.")
    assert moves(known, settings, copy, "Release", occasion="7.3") == waits
    assert moves(known, settings, copy, "Release", occasion="7.4", later=LATE) == waits  # nobody came in time
    assert asked() == ["withdrawn", "waiting", "waiting"]
    with db.transaction(known) as session:
        dual_control.lapse_approvals(session, now=NOW + LATE)
    assert (asked(), state(known, delivery)) == (["withdrawn", "lapsed", "waiting"], State.HELD)


def test_a_copy_that_nobody_remembers_decides_nothing(known: Engine, settings: Settings) -> None:
    assert moves(known, settings, 7, "Release").kind == ALREADY


def test_which_copies_there_should_be(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mine,) = arrive(session, settings, "it+joe.fern@company.example")
        (shared,) = arrive(session, settings, "info@company.example")
        (gone,) = arrive(session, settings, "it+joe.fern@company.example")
        arrive(session, settings, "legal+mara.berg@company.example")
    decides(known, settings, gone, Verb.PURGE)
    with db.transaction(known) as session:
        assert mirror_copies.wanted_copies(session, "it", by=ANA) == {mine: "joe.fern", shared: ""}
        assert mirror_copies.wanted_copies(session, "it", by=BEN) == {}
        assert mirror_copies.find_held(session, gone, NOW) is None
        held = mirror_copies.find_held(session, mine, NOW)
        assert held
        assert held.evidence.why.startswith("sales@supplier.example is not a known sender yet.")

        sealed = replace(COMPANY, sealed=(SealedEntry("person:joe.fern", ("ben",)),))
        directory.apply_directory(session, sealed, settings.company, by=SYNC, now=NOW)
        assert mirror_copies.wanted_copies(session, "it", by=ANA) == {shared: ""}


def test_a_rewritten_copy_that_is_over_decides_about_no_other_recipients_mail(known: Engine, settings: Settings) -> None:
    first, copy = copied(known, settings)
    with db.transaction(known) as session:
        (second,) = arrive(session, settings, "info@company.example")
        other = put(known, session, second)
    decides(known, settings, first, Verb.PURGE)
    with db.transaction(known) as session:
        mirror_copies.end_copies(session, [copy], NOW)
        assert mirror_copies.by_likeness(session, "alike") is None  # it may be the one of before
        found = {one: mirror_copies.by_likeness(session, "alike", one) for one in (copy, other, 7)}
        assert [row and row.delivery_id for row in found.values()] == [first, second, None]
        assert mirror_copies.by_likeness(session, "else", other) is None  # it only says so


def test_which_message_is_which(known: Engine, settings: Settings) -> None:
    delivery, copy = copied(known, settings)
    with db.transaction(known) as session:
        found = mirror_copies.by_digest(session, str(copy))
        assert found
        assert (found.id, mirror_copies.by_digest(session, "other")) == (copy, None)
        assert (mirror_copies.by_likeness(session, "alike"), mirror_copies.by_likeness(session, "")) == (found, None)
        put(known, session, delivery)
        assert mirror_copies.by_likeness(session, "alike") is None  # it could be either
        mirror_copies.end_copies(session, [copy], NOW)
        assert mirror_copies.by_likeness(session, "alike") not in (None, found)
        mirror_copies.forget_copies(session, ACCOUNT, NOW + timedelta(days=91))
        assert [one.id == copy for one in session.scalars(select(MirrorCopy))] == [False]
