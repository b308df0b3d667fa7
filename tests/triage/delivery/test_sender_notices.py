"""Notices about mail that bounced: who is told what, once, and what calls a notice off."""

import email
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from email.policy import default

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, arrive
from triage.compliance.retention import expire as retention
from triage.config.settings import Settings
from triage.delivery import queue, queue_admin, sender_notices
from triage.delivery.queue import Claim, Outcome
from triage.errors import NotFound
from triage.message.authentication import Dmarc, Result
from triage.message.summary import Summary, make_summary
from triage.quarantine import delivery_history, open_message
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery, Notice
from triage.store.models.messages import Message
from triage.times import utcnow

PROVEN = {"dmarc": Dmarc(Result.PASS, "supplier.example", "supplier.example", "reject", ("spf",)), "spf": Result.PASS}
NO = Outcome("bounced", "550 5.1.1 <joe.fern@company.example> unknown at store.inner.company.example", "smtp://inner:25")
GATHERING = timedelta(seconds=60)
JOE, MARA = "it+joe.fern@company.example", "m.berg@company.example"


class Sender:
    """Proven outside sender, and a next hop that refuses."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.now = engine, NOW
        self.settings = replace(settings, relay=replace(settings.relay, smarthost="smtp://smarthost.example:25"))
        with db.transaction(engine) as session:
            arriving.set_up(session, settings)

    def writes(self, *recipients: str, **different: object) -> tuple[int, ...]:
        with db.transaction(self.engine) as session:
            ids = arrive(session, self.settings, *(recipients or (JOE,)), **(PROVEN | different))  # type: ignore[arg-type]
            for one in ids:
                ledger.record_event(session, one, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        return ids

    def claims(self, later: timedelta = timedelta()) -> list[Claim]:
        with db.transaction(self.engine) as session:
            return queue.claim_deliveries(session, limit=50, settings=self.settings, now=NOW + later)

    def refused(self, *recipients: str, **different: object) -> tuple[int, ...]:
        """A message that the next hop refuses; its deliveries."""
        ids = self.writes(*recipients, **different)
        with db.transaction(self.engine) as session:
            ended = [(one, NO) for one in queue.claim_deliveries(session, limit=50, settings=self.settings, now=NOW)]
            queue.settle_many(session, ended, settings=self.settings, now=NOW)
        return ids

    def list_notices(self) -> list[Delivery]:
        with db.read_transaction(self.engine) as session:
            rows = select(Delivery).where(col(Delivery.direction) == "notice", col(Delivery.state) != State.PURGED)
            return list(session.scalars(rows.order_by(col(Delivery.id))))

    def content(self, notice: Delivery) -> tuple[bytes, Summary]:
        with db.read_transaction(self.engine) as session:
            raw = bodies.load_body(session, session.get_one(Message, notice.message_id).content_id)
        return raw, make_summary(raw)


@pytest.fixture
def sender(sqlite_engine: Engine, settings: Settings) -> Sender:
    return Sender(sqlite_engine, settings)


def test_a_proven_sender_is_told_once_with_what_a_stranger_may_know(sender: Sender) -> None:
    (mail,) = sender.refused("Joe.Fern@company.example")
    (notice,) = sender.list_notices()
    assert (notice.state, notice.mailbox, notice.due_at) == (State.QUEUED, "sales@supplier.example", NOW + GATHERING)
    raw, summary = sender.content(notice)
    assert [(one.recipient, one.status) for one in summary.statuses] == [("Joe.Fern@company.example", "5.1.1")]
    assert "to Joe.Fern@company.example could not be delivered" in summary.text
    assert "This address does not accept messages." in summary.text
    assert b"inner" not in raw
    assert b"it+joe.fern" not in raw
    with db.read_transaction(sender.engine) as session:
        assert "notice" in [past.act for past in delivery_history.get_delivery(session, mail, by=ANA).history]


def test_it_leaves_through_the_queue_with_the_null_reverse_path(sender: Sender) -> None:
    sender.refused()
    assert sender.claims(timedelta(seconds=59)) == []
    (claim,) = sender.claims(GATHERING)
    assert (claim.direction, claim.reverse_path, claim.mailbox) == ("notice", "", "sales@supplier.example")
    assert claim.raw == sender.content(sender.list_notices()[0])[0]


@pytest.mark.parametrize(
    "different",
    [
        {"spf": Result.FAIL},
        {"dmarc": arriving.NO_DMARC},
        {"dmarc": arriving.DMARC_PASS},  # by DKIM alone: the reverse-path may be anybody's
        {"author": "no-reply@supplier.example"},
    ],
)
def test_nobody_else_is_told_and_staff_reads_why(sender: Sender, different: dict[str, object]) -> None:
    (mail,) = sender.refused(**different)
    assert sender.list_notices() == []
    with db.read_transaction(sender.engine) as session:
        (why,) = [one.sentence for one in delivery_history.get_delivery(session, mail, by=ANA).history if one.act == "not_told"]
    assert why.startswith("No notice to the sender: ")


def test_no_notice_comes_of_a_notice(sender: Sender) -> None:
    sender.refused()
    with db.transaction(sender.engine) as session:
        ended = [(one, NO) for one in queue.claim_deliveries(session, limit=50, settings=sender.settings, now=NOW + GATHERING)]
        assert [one.direction for one, _ in ended] == ["notice"]
        queue.settle_many(session, ended, settings=sender.settings, now=NOW)
    assert [one.state for one in sender.list_notices()] == [State.BOUNCED]


def test_without_a_way_out_or_where_it_is_not_wanted_nobody_is_told(sender: Sender) -> None:
    sender.settings = replace(sender.settings, relay=replace(sender.settings.relay, smarthost=""))
    sender.refused()
    sender.settings = replace(sender.settings, relay=replace(sender.settings.relay, next_hop="smtp://inner:25"))
    sender.settings = replace(sender.settings, notices=replace(sender.settings.notices, failures=False))
    sender.refused()
    assert sender.list_notices() == []
    sender.settings = replace(sender.settings, notices=replace(sender.settings.notices, failures=True))
    sender.refused()
    assert len(sender.list_notices()) == 1


def test_many_copies_that_fail_are_told_of_together_and_later_ones_no_more(sender: Sender) -> None:
    first, second, third = sender.writes(JOE, MARA, "info@company.example")
    by_id = {one.delivery_id: one for one in sender.claims()}
    for claim in (by_id[first], by_id[second]):
        with db.transaction(sender.engine) as session:
            queue.settle_claim(session, claim, NO, settings=sender.settings, now=NOW)
    (notice,) = sender.list_notices()
    assert [one.recipient for one in sender.content(notice)[1].statuses] == [JOE, MARA]
    (claim,) = sender.claims(GATHERING)
    with db.transaction(sender.engine) as session:
        queue.settle_claim(session, claim, Outcome("delivered", "250 ok", "smtp://smarthost.example:25"), settings=sender.settings, now=NOW)
        queue.settle_claim(session, by_id[third], NO, settings=sender.settings, now=NOW)
    assert [(one.id, one.state) for one in sender.list_notices()] == [(notice.id, State.DELIVERED)]


def test_the_same_message_in_two_transactions_is_told_of_once(sender: Sender) -> None:
    with db.transaction(sender.engine) as session:
        ids = [arrive(session, sender.settings, one, **PROVEN)[0] for one in (JOE, MARA)]  # type: ignore[arg-type]
        for message in session.scalars(select(Message)):
            message.record = replace(message.record, summary=message.summary | {"message_id": "same@supplier.example"})
        for one in ids:
            ledger.record_event(session, one, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        ended = [(one, NO) for one in queue.claim_deliveries(session, limit=50, settings=sender.settings, now=NOW)]
        assert len(ended) == 2
        queue.settle_many(session, ended, settings=sender.settings, now=NOW)
    assert len(sender.list_notices()) == 1


def test_tried_anew_before_it_left_nobody_is_told(sender: Sender) -> None:
    first, second = sender.refused(JOE, MARA)
    with db.transaction(sender.engine) as session:
        selected = Selection.of(ids=(first,))
        decisions.decide_messages(session, DecisionRequest(selected, Verb.RELEASE), by=ANA, now=NOW, settings=sender.settings)
    (notice,) = sender.list_notices()
    assert [one.recipient for one in sender.content(notice)[1].statuses] == [MARA]
    with db.transaction(sender.engine) as session:
        queue_admin.retry_deliveries(session, [second], settings=sender.settings, by=ANA, now=NOW)
    assert sender.list_notices() == []
    with db.read_transaction(sender.engine) as session:
        assert session.scalars(select(Notice)).all() == []


def test_a_notice_that_may_have_arrived_is_the_one_that_they_get(sender: Sender) -> None:
    first, second = sender.writes(JOE, MARA)
    by_id = {one.delivery_id: one for one in sender.claims()}

    def ended(claim: Claim, outcome: Outcome) -> None:
        with db.transaction(sender.engine) as session:
            queue.settle_claim(session, claim, outcome, settings=sender.settings, now=NOW)

    ended(by_id[first], NO)
    (claim,) = sender.claims(GATHERING)
    ended(claim, Outcome("unanswered", "no answer after the final dot", "smtp://smarthost.example:25"))
    ended(by_id[second], NO)
    assert [(one.id, one.state) for one in sender.list_notices()] == [(claim.delivery_id, State.QUEUED)]
    with db.transaction(sender.engine) as session:
        queue_admin.retry_deliveries(session, [first], settings=sender.settings, by=ANA, now=NOW)
    assert [one.id for one in sender.list_notices()] == [claim.delivery_id]  # the other one has failed all the same
    with db.transaction(sender.engine) as session:
        queue_admin.retry_deliveries(session, [second], settings=sender.settings, by=ANA, now=NOW)
    assert sender.list_notices() == []  # not sent again, since it is no longer so
    for again in sender.claims():
        ended(again, NO)
    assert sender.list_notices() == []


def test_a_failure_that_meets_its_notice_on_the_way_out_is_settled_all_the_same(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another relay takes the notice in the moment in which this one would write it again."""
    sender.writes(JOE, MARA)
    first, second = sender.claims()
    with db.transaction(sender.engine) as session:
        queue.settle_claim(session, first, NO, settings=sender.settings, now=NOW)
    seen, looked = sender_notices.queued_notices, []

    def late(session: Session, message_ids: Iterable[int]) -> Sequence[tuple[Notice, bool]]:
        found = seen(session, message_ids)
        looked.append(found)
        if len(looked) > 1:
            queue.claim_deliveries(session, limit=1, settings=sender.settings, now=NOW + GATHERING)
        return found

    monkeypatch.setattr(sender_notices, "queued_notices", late)
    with db.transaction(sender.engine) as session:
        queue.settle_claim(session, second, NO, settings=sender.settings, now=NOW)
    assert [one.state for one in sender.list_notices()] == [State.RELAYING]


def test_of_what_was_purged_on_its_way_nobody_is_told(sender: Sender) -> None:
    (mail,) = sender.writes()
    (claim,) = sender.claims()
    with db.transaction(sender.engine) as session:
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=ANA, now=NOW, settings=sender.settings
        )
        queue.settle_claim(session, claim, NO, settings=sender.settings, now=NOW)
    with db.read_transaction(sender.engine) as session:
        assert session.get_one(Delivery, mail).state == State.PURGED
    assert sender.list_notices() == []


def test_a_reply_in_other_digits_is_told_of_too(sender: Sender) -> None:
    sender.writes()
    (claim,) = sender.claims()
    with db.transaction(sender.engine) as session:
        queue.settle_claim(session, claim, replace(NO, reply="550 5.\u0661.\u0661 no"), settings=sender.settings, now=NOW)
    assert len(sender.list_notices()) == 1


def test_given_up_by_a_person_is_told_too(sender: Sender) -> None:
    ids = sender.writes()
    with db.transaction(sender.engine) as session:
        queue_admin.give_up(session, ids, settings=sender.settings, by=ANA, now=NOW)
    raw, summary = sender.content(sender.list_notices()[0])
    assert summary.statuses[0].status == "5.0.0"
    assert b"Ana" not in raw


def test_members_of_a_group_are_nobodys_business(sender: Sender) -> None:
    (mail,) = sender.writes(JOE)
    with db.transaction(sender.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(recipient="member@company.example"))
        ended = [(one, NO) for one in queue.claim_deliveries(session, limit=50, settings=sender.settings, now=NOW)]
        queue.settle_many(session, ended, settings=sender.settings, now=NOW)
    assert sender.list_notices() == []


def test_what_the_sender_wrote_is_never_a_placeholder(sender: Sender) -> None:
    sender.refused(subject="{recipient} {sender.__class__} %s {0}")
    text = sender.content(sender.list_notices()[0])[1].text
    assert text.startswith("Your message “{recipient} {sender.__class__} %s {0}” of 24 Nov 2026 to it+joe.fern@company.example could not")


def test_a_notice_is_no_mail_to_triage_but_staff_may_read_it(sender: Sender) -> None:
    sender.refused(MARA)
    (notice,) = sender.list_notices()
    with db.read_transaction(sender.engine) as session:
        assert open_message.read_raw(session, notice.message_id, by=BEN).startswith(b"Date: ")
        assert notice.id not in {one.id for one in listing.list_deliveries(session, Selection(), by=ANA).items}
    with db.transaction(sender.engine) as session, pytest.raises(NotFound):
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(notice.id,)), Verb.HOLD), by=ANA, now=NOW, settings=sender.settings
        )


def test_its_content_is_kept_for_a_week_and_the_mail_it_is_about_for_longer(sender: Sender) -> None:
    (mail,) = sender.refused()
    settings = replace(sender.settings, retention=replace(sender.settings.retention, purged_days=100_000, released_days=100_000))
    (claim,) = sender.claims(GATHERING)
    late = max(NOW, utcnow()) + timedelta(days=8)
    with db.transaction(sender.engine) as session:
        queue.settle_claim(session, claim, Outcome("delivered", "250 ok", "smtp://smarthost.example:25"), settings=settings, now=late)
        assert arriving.erase(session, settings=settings, now=late + timedelta(days=6)) == 0
        assert arriving.erase(session, settings=settings, now=late + timedelta(days=8)) == 1
    with db.read_transaction(sender.engine) as session:
        assert session.get_one(Delivery, claim.delivery_id).erased_at is not None
        assert session.get_one(Delivery, mail).erased_at is None


def test_every_notice_is_on_the_record(sender: Sender) -> None:
    sender.refused()
    with db.read_transaction(sender.engine) as session:
        (record,) = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "notice"))
    assert record.detail["to"] == "sales@supplier.example"
    assert "could not be delivered" in record.detail["said"]


def test_the_queue_counts_it_and_it_can_be_tried_at_once_or_given_up(sender: Sender) -> None:
    sender.refused()
    (notice,) = sender.list_notices()
    with db.transaction(sender.engine) as session:
        counted = {one.next_hop: one.waiting for one in queue_admin.list_standings(session, by=ANA, settings=sender.settings)}
        assert counted["smtp://smarthost.example:25"] == 1
        assert queue_admin.retry_deliveries(session, [notice.id], settings=sender.settings, by=ANA, now=NOW) == 1
    assert [one.direction for one in sender.claims()] == ["notice"]
    sender.refused(MARA)
    (_, second) = sender.list_notices()
    with db.transaction(sender.engine) as session:
        assert queue_admin.give_up(session, [second.id], settings=sender.settings, by=ANA, now=NOW) == 1
    assert len(sender.list_notices()) == 2  # and nobody is told of that


# held messages that expires


def expire(sender: Sender, *, wanted: bool = True, **different: object) -> int:
    """A message that nobody decides about; its delivery."""
    sender.settings = arriving.expire_unseen(replace(sender.settings, notices=replace(sender.settings.notices, expiry=wanted)))
    with db.transaction(sender.engine) as session:
        (mail,) = arrive(session, sender.settings, JOE, **(PROVEN | different))  # type: ignore[arg-type]
        assert retention.expire_messages(session, settings=sender.settings, now=NOW + timedelta(days=31)) == 1
    return mail


def test_a_proven_sender_is_told_that_nobody_decided_where_that_is_wanted(sender: Sender) -> None:
    expire(sender)
    (notice,) = sender.list_notices()
    raw, said = sender.content(notice)
    assert (said.subject, said.statuses[0].status) == ("Not delivered: Your order", "5.4.7")
    assert b"nobody at company.example reviewed it in time" in raw.replace(b"=\r\n", b"").replace(b"\r\n", b" ")


@pytest.mark.parametrize("different", [{"wanted": False}, {"dmarc": Dmarc(Result.FAIL, "supplier.example", "supplier.example", "none")}])
def test_otherwise_nobody_is_told_that_it_expired(sender: Sender, different: dict[str, object]) -> None:
    expire(sender, **different)  # type: ignore[arg-type]
    assert sender.list_notices() == []


def test_what_is_restored_before_the_notice_has_left_calls_it_off(sender: Sender) -> None:
    mail = expire(sender)
    with db.transaction(sender.engine) as session:
        request = DecisionRequest(Selection.of(ids=(mail,)), Verb.RESTORE)
        decisions.decide_messages(session, request, by=ANA, now=NOW, settings=sender.settings)
    assert sender.list_notices() == []


def test_in_the_companys_language_with_english_below(sender: Sender) -> None:
    sender.settings = replace(sender.settings, company=replace(sender.settings.company, language="de"))
    sender.refused("Joe.Fern@company.example")
    (notice,) = sender.list_notices()
    raw, summary = sender.content(notice)
    assert email.message_from_bytes(raw, policy=default)["subject"].startswith("Nicht zugestellt: ")
    there, below = summary.text.split("– In English:")
    assert "vom 24. Nov. 2026 an Joe.Fern@company.example konnte nicht zugestellt werden." in there
    assert "Diese Adresse nimmt keine Nachrichten an." in there
    assert "of 24 Nov 2026 to Joe.Fern@company.example could not be delivered." in below
    assert "This address does not accept messages." in below


def test_what_the_company_wrote_itself_is_all_that_is_said(sender: Sender) -> None:
    own = replace(sender.settings.notices, failure_text="Leider nicht: {reason} ({date})")
    sender.settings = replace(sender.settings, notices=own, company=replace(sender.settings.company, language="de"))
    sender.refused()
    (notice,) = sender.list_notices()
    assert sender.content(notice)[1].text.strip() == "Leider nicht: Diese Adresse nimmt keine Nachrichten an. (24. Nov. 2026)"
