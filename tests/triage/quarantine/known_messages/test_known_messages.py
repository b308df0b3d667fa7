"""Known messages: what comes into the queue looks like a held message, and a decision about it is an answer and nothing else."""

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, DMARC_PASS, IDA, NO_DMARC, NOW, OTTO
from triage.actor import Actor
from triage.config.settings import Reports, Settings, Training
from triage.errors import NotAllowedNow
from triage.intake.receive import receive_message
from triage.message.summary import Link
from triage.notifications.webhooks import webhook_events
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import delivery_history
from triage.quarantine.decisions import decide, undo
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.known_messages import figures, put_in
from triage.quarantine.known_messages.figures import PersonTally, Tally
from triage.quarantine.search.listing import Listed, list_some
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import folder_counts
from triage.reports import gauges, queue_load
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.store.models.staff import KnownMessage

LATER = NOW + timedelta(days=20)
SALES, PRIZE, JOE = "sales@supplier.example", "prize@lottery.example", "it+joe.fern@company.example"
LINK = "https://shop.example/order/4711?token=abc"
ALLOW = RuleOrder("allow", "address", "", "company")


class Office:
    """A company whose staff decided about messages long ago."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, replace(settings, training=Training(known_messages=5))

    def arrives(self, author: str, at: datetime) -> int:
        head = f"From: {author}\r\nDate: Tue, 24 Nov 2026 10:29:58 +0100\r\nMessage-ID: <abc@mx.example>\r\nSubject: Your order"
        text = f"See {LINK} soon."
        said = arriving.summary(author, text=text, links=(Link(LINK, LINK),), message_id="abc@mx.example")
        said = replace(said, date="Tue, 24 Nov 2026 10:29:58 +0100")
        envelope, found = (
            arriving.envelope(JOE, reverse_path=author, at=at),
            arriving.authentication(author, DMARC_PASS if author == SALES else NO_DMARC),
        )
        with db.transaction(self.engine) as session:
            raw = f"{head}\r\n\r\n{text}\r\n".encode()
            return receive_message(session, envelope, raw, found, said, settings=self.settings, now=at)[0]

    def decides(self, verb: Verb, *ids: int, by: Actor = ANA, now: datetime = LATER, **more: Any) -> DecisionReport:
        selected = more.pop("selected", None) or Selection.of(ids=ids)
        with db.transaction(self.engine) as session:
            return decide.decide_messages(session, DecisionRequest(selected, verb, "", **more), by=by, now=now, settings=self.settings)

    def decided(self, author: str, verb: Verb) -> int:
        """A message came and was decided, and has left if it was released."""
        one = self.arrives(author, NOW)
        self.decides(verb, one, now=NOW)
        with db.transaction(self.engine) as session:
            if verb is Verb.RELEASE:
                session.execute(update(Delivery).where(col(Delivery.id) == one).values(state=State.DELIVERED, due_at=None))
        return one

    def puts_in(self, now: datetime = LATER) -> int:
        """Puts a known message in while a colleague works."""
        self.decides(Verb.PURGE, self.arrives("busy@work.example", now), by=IDA, now=now)
        for seed in range(200):
            with db.transaction(self.engine) as session:
                if one := put_in.put_in(session, settings=self.settings, now=now, chance=random.Random(seed)):
                    return one
        raise AssertionError("no message was put in")

    def row(self, one: int) -> Delivery:
        with db.read_transaction(self.engine) as session:
            return session.get_one(Delivery, one)

    def listed(self, one: int) -> Listed:
        with db.read_transaction(self.engine) as session:
            return list_some(session, [one], by=ANA)[0]

    def acts(self, report: DecisionReport) -> list[str]:
        with db.read_transaction(self.engine) as session:
            return list(session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.subject).startswith("decision:"))))[-1:]

    def figures(self, by: Actor, **reports: Any) -> figures.Figures:
        settings = replace(self.settings, reports=Reports(**reports))
        with db.read_transaction(self.engine) as session:
            return figures.read_figures(session, by=by, settings=settings, now=LATER)


@pytest.fixture
def office(known: Engine, settings: Settings) -> Office:
    return Office(known, settings)


def test_it_looks_like_a_message_that_has_just_come(office: Office) -> None:
    source = office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    real = office.arrives("fresh@stranger.example", LATER)
    mine, theirs = asdict(office.listed(known)), asdict(office.listed(real))
    assert {name for name in mine if type(mine[name]) is not type(theirs[name])} == set()
    assert (mine["received_at"], mine["state"], mine["mailbox"]) == (LATER, State.HELD, office.row(source).mailbox)
    own = {"id", "message_id", "author", "author_domain", "subject", "size", "decided", "proof", "proven_as"}
    for one in (mine, theirs):
        one["verdict"].pop("reason")  # it names the sender
    differ = {name for name in mine if mine[name] != theirs[name]} - own
    assert differ <= {"urgency", "why_here", "expires_at", "signals", "weight", "severity"}
    with db.read_transaction(office.engine) as session:
        past = [delivery_history.get_delivery(session, one, by=ANA).history for one in (known, real)]
        assert [[(one.by, one.act) for one in some] for some in past] == [[("system:judge", "receive")]] * 2


def test_its_links_lead_nowhere_and_its_dates_are_of_today(office: Office) -> None:
    source = office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    with db.read_transaction(office.engine) as session:
        message = session.get_one(Message, office.row(known).message_id)
        raw, summary = bodies.load_body(session, message.content_id).decode(), message.summary
        before = session.get_one(Message, office.row(source).message_id)
        (target,) = [one["target"] for one in summary["links"]]
        assert LINK not in raw
        assert target in raw
        assert target in message.text
        assert target.startswith("https://shop.example/")
        assert len(target) == len(LINK)
        assert "Date: Mon, 14 Dec 2026 10:29:58 +0100" in raw
        assert summary["date"] == "Mon, 14 Dec 2026 10:29:58 +0100"
        assert summary["message_id"] != before.summary["message_id"]
        assert f"<{summary['message_id']}>" in raw


@pytest.mark.parametrize(
    ("was", "verb", "right", "says"),
    [
        (Verb.RELEASE, Verb.RELEASE, True, "you were right: it is harmless."),
        (Verb.RELEASE, Verb.PURGE, False, "it is harmless: release was right."),
        (Verb.PURGE, Verb.PURGE, True, "you were right: it is harmful."),
        (Verb.PURGE, Verb.RELEASE, False, "it is harmful: removal was right."),
    ],
)
def test_a_decision_is_an_answer(office: Office, was: Verb, verb: Verb, right: bool, says: str) -> None:
    source = office.decided(SALES, was)
    state, known = office.row(source).state, office.puts_in()
    report = office.decides(verb, known)
    assert says in report.sentence
    assert (report.done, report.undoable, [one.outcome for one in report.items]) == (0, False, ["answered"])
    assert (office.row(known).state, office.row(source).state) == (State.EXPIRED, state)
    assert office.figures(ANA).own.right == right
    assert office.acts(report) == ["answer"]
    with pytest.raises(NotAllowedNow), db.transaction(office.engine) as session:
        undo.undo_decision(session, report.id, by=ANA, reason="", now=LATER, settings=office.settings)


@pytest.mark.parametrize(
    ("verb", "more"), [(Verb.PURGE, {}), (Verb.RELEASE, {"rule": ALLOW}), (Verb.PURGE, {"rule": replace(ALLOW, effect="block")})]
)
def test_nothing_else_is_touched(office: Office, verb: Verb, more: dict[str, Any]) -> None:
    """Though the row of its sender reaches for copies in mailboxes, and a rule was asked for."""
    source = office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    report = office.decides(verb, selected=Selection.of(sender=SALES), **more)
    assert {one.delivery_id: one.outcome for one in report.items}[known] == "answered"
    assert office.row(source).state == State.DELIVERED
    with db.read_transaction(office.engine) as session:
        assert session.scalar(select(func.count()).select_from(Rule).where(col(Rule.value) == SALES)) == 0


def test_beside_a_real_one_it_is_answered_and_the_real_one_decided(office: Office) -> None:
    office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    real = office.arrives(SALES, LATER)
    report = office.decides(Verb.RELEASE, known, real)
    assert {one.delivery_id: one.outcome for one in report.items} == {known: "answered", real: "done"}
    assert (office.row(known).state, office.row(real).state) == (State.EXPIRED, State.QUEUED)
    assert "Released" in report.sentence
    assert "This was a known message" in report.sentence


@pytest.mark.parametrize("change", [{"state": "queued"}, {"state": "delivered"}, {"mailbox": JOE}, {"due_at": LATER}])
def test_the_database_keeps_it_from_leaving(office: Office, change: dict[str, Any]) -> None:
    office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    with pytest.raises(DBAPIError), db.transaction(office.engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == known).values(**change))


def test_it_counts_for_staff_in_the_queue_and_nowhere_else(office: Office) -> None:
    office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    with db.read_transaction(office.engine) as session:
        assert sum(folder_counts.count_held(session).values()) == 1
        assert gauges.read_gauges(session, LATER).by_state[State.HELD] == 0
        assert gauges.read_gauges(session, LATER).oldest_held is None
        assert queue_load.count_waiting(session, by=ANA) == {}
    report = office.decides(Verb.PURGE, known)
    with db.transaction(office.engine) as session:
        records: Sequence[AuditRecord] = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "answer")).all()
        assert [list(webhook_events.convert_entry(session, one, office.settings)) for one in records] == [[]]
    assert report.count == 1


def test_one_that_nobody_answers_is_withdrawn(office: Office) -> None:
    office.decided(SALES, Verb.RELEASE)
    known = office.puts_in()
    for hours, state in ((23, State.HELD), (25, State.EXPIRED)):
        with db.transaction(office.engine) as session:
            put_in.withdraw(session, settings=office.settings, now=LATER + timedelta(hours=hours))
        assert office.row(known).state == state
    assert office.figures(ANA).own == Tally()


def test_none_comes_unless_the_company_wants_some(office: Office, settings: Settings) -> None:
    office.decided(SALES, Verb.RELEASE)
    office.settings = settings
    with pytest.raises(AssertionError):
        office.puts_in()


@pytest.mark.parametrize(
    ("by", "reports", "team", "people"),
    [
        (ANA, {"staff": "people"}, None, ()),
        (IDA, {"staff": "totals", "least_people": 2}, None, ()),
        (IDA, {"staff": "totals", "least_people": 1}, Tally(1, 0, 0, 1), ()),
        (IDA, {"staff": "none", "least_people": 1}, None, ()),
        (OTTO, {"staff": "people"}, Tally(1, 0, 0, 1), (PersonTally("ana", Tally(1, 0, 0, 1)),)),
        (BEN, {"staff": "people"}, None, ()),
    ],
)
def test_who_sees_whose_figures(office: Office, by: Actor, reports: dict[str, Any], team: Tally | None, people: tuple[Any, ...]) -> None:
    office.decided(SALES, Verb.RELEASE)
    office.decides(Verb.PURGE, office.puts_in())
    found = office.figures(by, **reports)
    assert (found.team, found.people) == (team, people)
    assert found.own == (Tally(1, 0, 0, 1) if by is ANA else Tally())


def test_no_message_comes_twice(office: Office) -> None:
    office.decided(SALES, Verb.RELEASE)
    office.decided(PRIZE, Verb.PURGE)
    both = [office.puts_in() for _ in range(2)]
    with db.read_transaction(office.engine) as session:
        assert len(set(session.scalars(select(col(KnownMessage.source_id))))) == len(set(both)) == 2
    with pytest.raises(AssertionError):
        office.puts_in()
