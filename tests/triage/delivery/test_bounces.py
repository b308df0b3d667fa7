"""Bounces: the delivery that each is about, its new state, and that forged and repeated ones change nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, arrive, authentication, envelope
from triage.config.settings import Settings
from triage.delivery import bounces, queue
from triage.delivery.queue import Claim, Outcome
from triage.errors import NotFound, NotYet
from triage.intake import receive as intake
from triage.message.mime.delivery_status import Status
from triage.message.summary import Summary
from triage.quarantine import delivery_history, open_message
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

OK = Outcome("delivered", "250 2.0.0 ok", "smtp://inner:25")
DAEMON = "mailer-daemon@inner.company.example"
REFUSED = Status("joe.fern@company.example", "failed", "5.1.1", "550 5.1.1 User doesn't exist")
REPORT = Summary(
    parsed=True,
    author=DAEMON,
    authors=(DAEMON,),
    subject="Undelivered Mail Returned to Sender",
    content_type="multipart/report",
    report_type="delivery-status",
    auto_submitted="auto-replied",
    by_mail_system=True,
    statuses=(REFUSED,),
)
NOTE = replace(REPORT, content_type="text/plain", report_type="", statuses=(), text="I'm afraid I wasn't able to\ndeliver your message.")
HOLIDAY = replace(NOTE, author="joe.fern@company.example", authors=("joe.fern@company.example",), by_mail_system=False, text="I am away")


class Inner:
    """A company whose next hop takes mail, and thinks better of it."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        with db.transaction(engine) as session:
            arriving.set_up(session, settings)

    def sent(self, *recipients: str) -> Claim:
        """An unproven mail that was released and is under way."""
        with db.transaction(self.engine) as session:
            for one in arrive(session, self.settings, *recipients):
                ledger.record_event(session, one, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
            return queue.claim_deliveries(session, limit=10, settings=self.settings, now=NOW)[0]

    def taken(self, claim: Claim) -> Claim:
        with db.transaction(self.engine) as session:
            queue.settle_claim(session, claim, OK, settings=self.settings, now=NOW)
        return claim

    def returns(self, address: str, summary: Summary = REPORT, *, reverse_path: str = "", raw: bytes = b"Subject: back\r\n\r\n") -> int:
        """A message to this address comes in; its delivery."""
        with db.transaction(self.engine) as session:
            came = envelope(address, reverse_path=reverse_path)
            return intake.receive_message(session, came, raw, authentication(summary.author), summary, settings=self.settings, now=NOW)[0]

    def row(self, delivery_id: int) -> Delivery:
        with db.read_transaction(self.engine) as session:
            return session.get_one(Delivery, delivery_id)

    def acts(self) -> list[str]:
        with db.read_transaction(self.engine) as session:
            return list(session.scalars(select(col(AuditRecord.act)).order_by(col(AuditRecord.id))))


@pytest.fixture
def inner(engine: Engine, settings: Settings) -> Inner:
    return Inner(engine, settings)


@pytest.mark.parametrize(
    ("summary", "reply"),
    [
        (REPORT, "550 5.1.1 User doesn't exist"),
        (replace(REPORT, statuses=(replace(REFUSED, diagnostic=""),)), "5.1.1 failed"),
        (replace(REPORT, statuses=()), "it was returned without a reason"),
        (replace(NOTE, automatic="auto-submitted"), "I'm afraid I wasn't able to deliver your message."),
        (replace(HOLIDAY, auto_submitted="", text="550 no such user"), "550 no such user"),
        (Summary(), "it was returned without a reason"),
    ],
)
def test_what_comes_back_makes_a_delivered_mail_bounced(inner: Inner, summary: Summary, reply: str) -> None:
    claim = inner.taken(inner.sent())
    inner.returns(claim.reverse_path, summary)
    row = inner.row(claim.delivery_id)
    assert (row.state, row.last_reply) == (State.BOUNCED, reply)
    with db.read_transaction(inner.engine) as session:
        past = delivery_history.get_delivery(session, claim.delivery_id, by=ANA).history
    assert f"Bounced by a server after the next hop: {reply}" in [one.sentence for one in past]


@pytest.mark.parametrize(
    "summary",
    [
        HOLIDAY,
        replace(HOLIDAY, auto_submitted="", automatic="precedence"),
        replace(REPORT, statuses=(replace(REFUSED, action="delayed", status="4.4.1"),)),
        replace(REPORT, statuses=(replace(REFUSED, action="delivered", status="2.0.0"),)),
        replace(REPORT, report_type="disposition-notification", statuses=()),
    ],
)
def test_what_is_no_failure_is_only_put_on_the_record(inner: Inner, summary: Summary) -> None:
    claim = inner.taken(inner.sent())
    inner.returns(claim.reverse_path, summary)
    assert inner.row(claim.delivery_id).state == State.DELIVERED
    assert inner.acts()[-1] == "report"


def test_the_bounce_is_kept_for_the_staff_and_is_no_mail_to_triage(inner: Inner) -> None:
    claim = inner.taken(inner.sent("m.berg@company.example"))
    bounce = inner.row(inner.returns(claim.reverse_path, raw=b"Subject: back\r\n\r\nno\r\n"))
    assert (bounce.state, bounce.direction, bounce.rule, bounce.department) == (State.PURGED, "bounce", "returned-mail", "legal")
    with db.read_transaction(inner.engine) as session:
        assert open_message.read_raw(session, bounce.message_id, by=BEN).endswith(b"no\r\n")
        assert open_message.open_message(session, bounce.message_id, by=BEN).summary.statuses == (REFUSED,)
        assert [one.id for one in listing.list_deliveries(session, Selection(), by=ANA).items] == [claim.delivery_id]
    with db.transaction(inner.engine) as session, pytest.raises(NotFound):
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(bounce.id,)), Verb.RESTORE), by=ANA, now=NOW, settings=inner.settings
        )


def test_a_bounce_of_foreign_mail_cannot_be_read(inner: Inner) -> None:
    claim = inner.taken(inner.sent("joe.fern@company.example"))
    bounce = inner.row(inner.returns(claim.reverse_path))
    with db.read_transaction(inner.engine) as session, pytest.raises(NotFound):
        open_message.read_raw(session, bounce.message_id, by=BEN)


def test_a_bounce_that_is_faster_than_our_own_record_waits(inner: Inner) -> None:
    claim = inner.sent()
    with pytest.raises(NotYet, match="being delivered right now"):
        inner.returns(claim.reverse_path)
    inner.taken(claim)
    inner.returns(claim.reverse_path)
    assert inner.row(claim.delivery_id).state == State.BOUNCED


def test_a_bounce_that_is_repeated_changes_nothing(inner: Inner) -> None:
    first = inner.taken(inner.sent())
    inner.returns(first.reverse_path)
    inner.returns(first.reverse_path)
    assert inner.acts()[-2:] == ["receive", "late_bounce"]
    with db.transaction(inner.engine) as session:
        selected = Selection.of(ids=(first.delivery_id,))
        settings = replace(inner.settings, policy=replace(inner.settings.policy, undo_seconds=0))
        decisions.decide_messages(
            session, DecisionRequest(selected, Verb.RELEASE, "the mailbox is there now"), by=ANA, now=NOW, settings=settings
        )
        (second,) = queue.claim_deliveries(session, limit=10, settings=settings, now=NOW)
    inner.taken(second)
    assert second.reverse_path != first.reverse_path
    inner.returns(first.reverse_path)  # said about the first attempt, and proves nothing about the second
    assert inner.row(first.delivery_id).state == State.DELIVERED
    inner.returns(second.reverse_path)
    assert inner.row(first.delivery_id).state == State.BOUNCED


def test_a_bounce_of_what_was_purged_meanwhile_changes_nothing(inner: Inner) -> None:
    claim = inner.taken(inner.sent())
    with db.transaction(inner.engine) as session:
        for event in (Event.PURGE, Event.RECALL):
            ledger.record_event(session, claim.delivery_id, event, by=ANA, now=NOW)
    inner.returns(claim.reverse_path)
    assert inner.row(claim.delivery_id).state == State.PURGED
    with db.read_transaction(inner.engine) as session:
        past = delivery_history.get_delivery(session, claim.delivery_id, by=ANA).history
    assert "A bounce arrived too late to change anything: 550 5.1.1 User doesn't exist" in [one.sentence for one in past]


def other(address: str) -> str:
    """The address with another check."""
    local, _, domain = address.partition("@")
    return f"{local[:-1]}{'0' if local[-1] != '0' else '1'}@{domain}"


@pytest.mark.parametrize("observe", [False, True])
def test_a_forged_bounce_is_purged_on_arrival_and_can_be_looked_at(inner: Inner, observe: bool) -> None:
    claim = inner.taken(inner.sent())
    if observe:
        inner.settings = replace(inner.settings, company=replace(inner.settings.company, enforcement="record-only"))
    forged = inner.row(inner.returns(other(claim.reverse_path)))
    assert (forged.state, forged.direction, forged.rule) == (State.PURGED, "in", "forged-bounce")
    assert inner.row(claim.delivery_id).state == State.DELIVERED
    with db.read_transaction(inner.engine) as session:
        assert forged.id in {one.id for one in listing.list_deliveries(session, Selection(), by=ANA).items}
        assert forged.id not in {one.id for one in listing.list_deliveries(session, Selection(), by=BEN).items}


def test_only_a_null_reverse_path_makes_a_bounce(inner: Inner) -> None:
    claim = inner.taken(inner.sent())
    row = inner.row(inner.returns(claim.reverse_path, reverse_path="ruth@stranger.example"))
    assert (row.state, row.rule) == (State.PURGED, "forged-bounce")
    assert inner.row(claim.delivery_id).state == State.DELIVERED


def test_the_key_is_made_once(engine: Engine) -> None:
    def key(session: Session) -> bytes:
        return bounces.bounce_key(session)

    with db.transaction(engine) as session:
        first = key(session)
    with db.transaction(engine) as session:
        assert key(session) == first
    assert len(first) == 32
