"""Telling a proven sender no: what is said, to whom, once, and until when it can be taken back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from tests.triage.delivery.test_sender_notices import JOE, MARA, PROVEN
from triage import ids
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.queue import Claim, Outcome
from triage.errors import BadInput, NotAllowed, NothingDone
from triage.message.authentication import Result
from triage.message.summary import make_summary
from triage.quarantine.decisions import decide as decisions, rejection_preview, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery, Notice
from triage.store.models.messages import Message

UNDO = timedelta(seconds=10)
SENT = Outcome("delivered", "250 ok", "smtp://smarthost.example:25")
UNANSWERED = Outcome("unanswered", "no answer after the final dot, so it may have arrived", "smtp://smarthost.example:25")


class Desk:
    """A company that holds mail of senders who prove who they are."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = replace(settings, relay=replace(settings.relay, smarthost="smtp://smarthost.example:25"))
        with db.transaction(engine) as session:
            arriving.set_up(session, settings)

    def holds(self, *recipients: str, **different: object) -> tuple[int, ...]:
        with db.transaction(self.engine) as session:
            return arrive(session, self.settings, *(recipients or (JOE,)), **(PROVEN | different))  # type: ignore[arg-type]

    def decides(self, verb: Verb, *messages: int, by: Actor = ANA, **more: str) -> DecisionReport:
        said: dict[str, Any] = {"template": "not-wanted"} if verb is Verb.REJECT and not more else more
        with db.transaction(self.engine) as session:
            chosen = Selection.of(ids=messages)
            return decisions.decide_messages(
                session, DecisionRequest(chosen, verb, "an advertisement", **said), by=by, now=NOW, settings=self.settings
            )

    def undoes(self, decision: DecisionReport) -> DecisionReport:
        with db.transaction(self.engine) as session:
            return undoing.undo_decision(session, decision.id, by=ANA, reason="", now=NOW, settings=self.settings)

    def states(self, *messages: int) -> list[str]:
        with db.read_transaction(self.engine) as session:
            return [session.get_one(Delivery, mail).state for mail in messages]

    def list_notices(self) -> list[tuple[str, list[str]]]:
        """The state of each notice that stands, and which recipients it is about."""
        with db.read_transaction(self.engine) as session:
            rows = session.execute(select(Delivery, Message).join(Message).join(Notice, col(Notice.delivery_id) == col(Delivery.id)))
            return [
                (notice.state, [one.recipient for one in make_summary(bodies.load_body(session, message.content_id)).statuses])
                for notice, message in rows
            ]

    def leaves(self) -> list[Claim]:
        """The undo time is over: what sets out now."""
        with db.transaction(self.engine) as session:
            return queue.claim_deliveries(session, limit=50, settings=self.settings, now=NOW + UNDO)

    def arrives_outside(self, outcome: Outcome = SENT) -> None:
        claims = self.leaves()
        assert [one.direction for one in claims] == ["notice"]
        with db.transaction(self.engine) as session:
            queue.settle_many(session, [(one, outcome) for one in claims], settings=self.settings, now=NOW + UNDO)


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    return Desk(engine, settings)


def test_a_proven_sender_is_told_no_after_the_undo_time(desk: Desk) -> None:
    (mail,) = desk.holds("Joe.Fern@company.example")
    done = desk.decides(Verb.REJECT, mail)
    assert (done.sentence, done.done) == ("Rejected “Your order”.", 1)
    assert desk.states(mail) == [State.REJECTED]
    with db.transaction(desk.engine) as session:
        assert queue.claim_deliveries(session, limit=9, settings=desk.settings, now=NOW + UNDO - timedelta(seconds=1)) == []
    (claim,) = desk.leaves()
    assert (claim.direction, claim.mailbox, claim.reverse_path) == ("notice", "sales@supplier.example", "")
    said = make_summary(claim.raw)
    assert said.text.startswith("Thank you for your message “Your order” of 24 Nov 2026 to Joe.Fern@company.example.")
    assert [(one.recipient, one.status) for one in said.statuses] == [("Joe.Fern@company.example", "5.7.1")]
    assert said.subject == "Returned: Your order"
    assert b"an advertisement" not in claim.raw  # the reason is for us
    with db.read_transaction(desk.engine) as session:
        acts = {one.act: one for one in session.scalars(select(AuditRecord))}
    assert acts["reject"].detail == {"reason": "an advertisement"}
    assert acts["notice"].detail["said"].startswith("Thank you for your message")


@pytest.mark.parametrize(
    ("different", "why"),
    [
        ({"spf": Result.FAIL}, "No notice was sent: it is not proven that a reply would reach the author."),
        ({"dmarc": arriving.DMARC_FAIL}, "No notice was sent: the sender is not proven, so a reply could reach somebody else."),
        ({"author": "no-reply@supplier.example"}, "No notice was sent: nobody reads replies to this sender."),
    ],
)
def test_an_unproven_sender_is_never_told(desk: Desk, different: dict[str, object], why: str) -> None:
    (mail,) = desk.holds(**different)
    with pytest.raises(NothingDone, match="No notice was sent") as refusal:
        desk.decides(Verb.REJECT, mail)
    assert [item.why for item in refusal.value.items] == [why]
    assert desk.states(mail) == [State.HELD]
    assert desk.list_notices() == []


def test_each_item_has_its_own_outcome(desk: Desk) -> None:
    (fine,), (forged,) = desk.holds(), desk.holds(dmarc=arriving.DMARC_FAIL)
    done = desk.decides(Verb.REJECT, fine, forged)
    assert {one.delivery_id: one.outcome for one in done.items} == {fine: "done", forged: "refused"}
    assert desk.states(fine, forged) == [State.REJECTED, State.HELD]


def test_many_copies_are_one_notice(desk: Desk) -> None:
    messages = desk.holds(JOE, MARA, "info@company.example")
    desk.decides(Verb.REJECT, *messages[:2])
    assert desk.list_notices() == [(State.QUEUED, [JOE, MARA])]
    desk.decides(Verb.REJECT, messages[2], template="wrong-address")  # joins what has not left
    assert desk.list_notices() == [(State.QUEUED, [JOE, MARA, "info@company.example"])]


@pytest.mark.parametrize("outcome", [SENT, UNANSWERED])
def test_once_told_a_further_copy_is_refused(desk: Desk, outcome: Outcome) -> None:
    first, second = desk.holds(JOE, MARA)
    desk.decides(Verb.REJECT, first)
    desk.arrives_outside(outcome)
    with pytest.raises(NothingDone, match="the sender already got a notice"):
        desk.decides(Verb.REJECT, second)
    assert desk.states(second) == [State.HELD]


@pytest.mark.parametrize("way", ["restore", "undo"])
def test_taken_back_before_it_left_nobody_is_told(desk: Desk, way: str) -> None:
    joe, mara = desk.holds(JOE, MARA)
    decision = desk.decides(Verb.REJECT, joe, mara)
    if way == "restore":
        desk.decides(Verb.RESTORE, joe)
        assert desk.list_notices() == [(State.QUEUED, [MARA])]
        desk.decides(Verb.RESTORE, mara)
    else:
        desk.undoes(decision)
    assert desk.states(joe, mara) == [State.HELD, State.HELD]
    assert desk.list_notices() == []
    assert desk.leaves() == []
    desk.decides(Verb.REJECT, joe)  # and again
    assert desk.list_notices() == [(State.QUEUED, [JOE])]


@pytest.mark.parametrize("outcome", [None, SENT, UNANSWERED])
@pytest.mark.parametrize("way", ["restore", "undo"])
def test_once_it_has_left_it_cannot_be_taken_back(desk: Desk, way: str, outcome: Outcome | None) -> None:
    (mail,) = desk.holds()
    decision = desk.decides(Verb.REJECT, mail)
    if outcome is None:
        desk.leaves()
    else:
        desk.arrives_outside(outcome)
    with pytest.raises(NothingDone, match="The sender already got the rejection"):
        desk.decides(Verb.RESTORE, mail) if way == "restore" else desk.undoes(decision)
    assert desk.states(mail) == [State.REJECTED]


def test_a_notice_that_nobody_took_can_be_taken_back(desk: Desk) -> None:
    (mail,) = desk.holds()
    desk.decides(Verb.REJECT, mail)
    with db.transaction(desk.engine) as session:
        ended = [
            (one, Outcome("bounced", "550 no", "x"))
            for one in queue.claim_deliveries(session, limit=9, settings=desk.settings, now=NOW + UNDO)
        ]
        queue.settle_many(session, ended, settings=desk.settings, now=NOW + UNDO)
    assert desk.decides(Verb.RESTORE, mail).done == 1


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"template": "x", "text": "y"}, "either a template or a text"),
        ({"template": "", "text": " "}, "either a template or a text"),
        ({"template": "unknown"}, "there is no template “unknown”; there are not-wanted, wrong-address"),
        ({"text": "x" * 4001}, "longer than 4,000"),
    ],
)
def test_what_is_said_is_checked(desk: Desk, said: dict[str, Any], complaint: str) -> None:
    (mail,) = desk.holds()
    with pytest.raises(BadInput, match=complaint):
        desk.decides(Verb.REJECT, mail, **said)


def test_own_words_may_name_the_subject_and_the_subject_names_nothing(desk: Desk) -> None:
    (mail,) = desk.holds(subject="{recipient} & {company}")
    desk.decides(Verb.REJECT, mail, text="No to {subject}, {unknown}.")
    (claim,) = desk.leaves()
    assert make_summary(claim.raw).text == "No to {recipient} & {company}, {unknown}."


def test_a_hundred_messages_at_once_at_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.delivery.rejections.MOST_MESSAGES", 1)
    messages = desk.holds()[0], desk.holds()[0]
    with pytest.raises(BadInput, match="would send 2 notices; reject at most 1 messages at once, or purge them"):
        desk.decides(Verb.REJECT, *messages)


def test_who_may_not_reject(desk: Desk) -> None:
    (mail,) = desk.holds()
    with pytest.raises(NotAllowed):
        desk.decides(Verb.REJECT, mail, by=OTTO)


def test_a_preview_says_who_would_be_told_what(desk: Desk) -> None:
    desk.holds(JOE, MARA)
    desk.holds(dmarc=arriving.DMARC_FAIL)

    def preview(by: Actor) -> rejection_preview.Preview:
        with db.read_transaction(desk.engine) as session:
            chosen = Selection.of(sender="sales@supplier.example")
            return rejection_preview.preview_rejection(
                session, chosen, template="", text="No to {recipient}", by=by, settings=desk.settings
            )

    seen = preview(ANA)
    assert [(one.to, one.text) for one in seen.notices] == [("sales@supplier.example", f"No to {JOE}, {MARA}\n")]
    assert (seen.messages, seen.deliveries) == (1, 2)
    assert [count for _, count in seen.refused] == [1]
    assert [one.text for one in preview(BEN).notices] == [f"No to {MARA}\n"]  # nobody is told of foreign folders
    assert desk.list_notices() == []
    assert ids.format_id(seen.notices[0].message)
