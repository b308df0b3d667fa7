"""Old records: what is left of a message goes when `retention.record_days` are over, and nothing that is about it stays behind."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, Engine, Table, func, insert, select, update
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel, col

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, IDA, NOW, arrive
from tests.triage.delivery.test_rejections import Desk
from triage.compliance.retention import delete_records, legal_holds
from triage.config.settings import Relay, Retention, Settings
from triage.delivery import queue
from triage.errors import NothingDone
from triage.ids import first_id_at, new_id
from triage.intake import receive as intake
from triage.message.authentication import Result
from triage.quarantine.campaigns import assign as campaigns
from triage.quarantine.decisions import decide as decisions, outcomes, regroup, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.audit import AuditRecord
from triage.store.models.campaigns import Campaign, Representative
from triage.store.models.columns import Instant
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport, OutsideReport

DAYS = timedelta(days=1)
KEPT = 100  # days
NOT_ROWS_OF_A_MAIL = {
    "message_file": "forgotten by its message",
    "message_link": "forgotten by its message",
    "message_trait": "forgotten by its message",
    "message_words": "forgotten by its message",
    "presence": "a lease of minutes",
    "viewing": "on the record within minutes",
    "correspondent": "a Message-ID",
    "sent_mail": "a Message-ID",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Records are kept for a hundred days."""
    return replace(settings, retention=Retention(record_days=KEPT))


def forget(engine: Engine, settings: Settings, now: datetime) -> int:
    """As upkeep does it."""
    with db.transaction(engine) as session:
        arriving.erase(session, settings=settings, now=now)
        return arriving.forget(session, settings=settings, now=now)


def forget_decisions(session: Session, settings: Settings, now: datetime) -> int:
    """As upkeep does it."""
    found, _ = delete_records.decisions_due(session, settings=settings, now=now)
    return delete_records.forget_decisions(session, found, settings=settings, now=now)


def left(engine: Engine, tables: Iterable[str]) -> dict[str, int]:
    """Number of rows of these tables, without empty ones."""
    with db.read_transaction(engine) as session:
        counted = {name: session.scalar(select(func.count()).select_from(SQLModel.metadata.tables[name])) or 0 for name in tables}
    return {name: count for name, count in counted.items() if count}


@pytest.mark.parametrize(
    ("events", "days", "forgotten"),
    [
        ((), 999, 0),
        ((Event.RELEASE,), 999, 0),
        ((Event.PURGE,), KEPT - 1, 0),
        ((Event.PURGE,), KEPT + 1, 1),
        ((Event.EXPIRE,), KEPT + 1, 1),
        ((Event.RELEASE, Event.CLAIM, Event.DELIVER), KEPT + 1, 1),
        ((Event.RELEASE, Event.CLAIM, Event.BOUNCE), KEPT + 1, 1),
    ],
)
def test_a_mail_is_forgotten_when_it_has_ended_long_enough_ago(
    known: Engine, settings: Settings, events: tuple[Event, ...], days: int, forgotten: int
) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        for event in events:
            ledger.record_event(session, mail, event, by=ANA, now=NOW)
    assert forget(known, settings, NOW + days * DAYS) == forgotten
    rows = dict.fromkeys(("content", "message", "delivery"), 1 - forgotten)
    assert left(known, rows) == {name: count for name, count in rows.items() if count}


def test_the_time_runs_from_the_end_and_not_from_the_beginning(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW + 20 * DAYS)
    assert [forget(known, settings, NOW + days * DAYS) for days in (KEPT + 19, KEPT + 21)] == [0, 1]


def test_no_record_goes_before_the_content_does(known: Engine, settings: Settings) -> None:
    short = replace(settings, retention=replace(settings.retention, record_days=1))
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings)
        ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    assert [forget(known, short, NOW + days * DAYS) for days in (29, 31)] == [0, 1]


@pytest.mark.parametrize("last", [Event.PURGE, None])
def test_all_copies_go_together(known: Engine, settings: Settings, last: Event | None) -> None:
    with db.transaction(known) as session:
        first, second = arrive(session, settings, "joe.fern@company.example", "mara.berg@company.example")
        ledger.record_event(session, first, Event.PURGE, by=ANA, now=NOW)
        if last:
            ledger.record_event(session, second, last, by=ANA, now=NOW)
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == bool(last)
    assert left(known, ["delivery"]) == ({} if last else {"delivery": 2})


def test_a_legal_hold_keeps_the_record_too(known: Engine, settings: Settings) -> None:
    later = NOW + (KEPT + 1) * DAYS
    with db.transaction(known) as session:
        arrived = [arrive(session, settings, f"{name}@company.example")[0] for name in ("mara.berg", "joe.fern")]
        for mail in arrived:
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
        hold = legal_holds.add_hold(session, by=IDA, reason="a dispute", now=NOW, person="mara.berg")
    assert forget(known, settings, later) == 1
    assert left(known, ["delivery"]) == {"delivery": 1}
    with db.transaction(known) as session:
        legal_holds.cover_deliveries(session, hold.id, now=later)
        legal_holds.end_hold(session, hold.id, by=IDA, reason="settled", now=later)
    assert forget(known, settings, later) == 1
    assert left(known, ["delivery", "legally_held"]) == {}


def about_a_mail(table: Table) -> bool:
    """Whether a row of it names a delivery or a message."""
    return not {"delivery_id", "message_id"}.isdisjoint(table.c.keys())


def test_every_table_whose_rows_are_about_a_mail_is_known() -> None:
    known = {*delete_records.OF_A_DELIVERY, *NOT_ROWS_OF_A_MAIL, "delivery"}
    assert {table.name for table in SQLModel.metadata.sorted_tables if about_a_mail(table)} == known


def something(kind: TypeEngine[Any]) -> object:
    """A value of a column of this kind."""
    special: dict[type, object] = {Instant: NOW, JSON: []}
    return special.get(type(kind), "" if kind.python_type is object else kind.python_type())


def row_about(table: Table, delivery: int, message: int, decision: int) -> dict[str, object]:
    """A row of this table about a message, with something in every column."""
    named = {"delivery_id": delivery, "message_id": message, "decision_id": decision, "id": new_id()}
    given = {column.name for column in table.columns if not column.nullable} | named.keys() & table.c.keys()
    return {name: named.get(name, something(table.c[name].type)) for name in given}


@pytest.mark.parametrize("name", sorted(delete_records.OF_A_DELIVERY))
def test_nothing_that_is_about_it_stays(known: Engine, settings: Settings, name: str) -> None:
    table = SQLModel.metadata.tables[name]
    with db.transaction(known) as session:
        mail, other = arrive(session, settings)[0], arrive(session, settings)[0]
        ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
        for number, one in enumerate((mail, other)):
            row = row_about(table, one, session.get_one(Delivery, one).message_id, new_id())
            alone = {"digest": f"{number}", "hold_id": number, "about": f"{number}", "key": f"{number}"}
            session.connection().execute(insert(table), row | {key: value for key, value in alone.items() if key in row})
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1
    with db.read_transaction(known) as session:
        assert list(session.scalars(select(table.c.delivery_id))) == [other]
        assert list(session.scalars(select(col(Delivery.id)))) == [other]


def test_a_notice_goes_with_the_mail_that_it_is_about(known: Engine, settings: Settings) -> None:
    sending = replace(settings, relay=Relay(smarthost="smtp://smarthost.example:25"))
    with db.transaction(known) as session:
        (mail,) = arrive(session, sending, dmarc=replace(DMARC_PASS, aligned=("spf",)), spf=Result.PASS)
        ledger.record_event(session, mail, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
        claimed = queue.claim_deliveries(session, limit=1, settings=sending, now=NOW)
        refused = queue.Outcome("bounced", "550 5.1.1 nobody of that name", "smtp://inner:25")
        queue.settle_many(session, [(one, refused) for one in claimed], settings=sending, now=NOW)
    assert left(known, ["notice"]) == {"notice": 1}
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1
    assert left(known, ["notice"]) == {}


def test_what_a_sender_was_told_outlives_the_mail_that_it_was_about(engine: Engine, settings: Settings) -> None:
    desk, later = Desk(engine, settings), NOW + (KEPT + 1) * DAYS
    (mail,) = desk.holds()
    with db.transaction(engine) as session:
        hold = legal_holds.add_hold(session, by=IDA, reason="a dispute", now=NOW, selected=Selection.of(sender="sales@supplier.example"))
    rejected = desk.decides(Verb.REJECT, mail)
    desk.arrives_outside()
    assert forget(engine, desk.settings, later) == 0
    with pytest.raises(NothingDone, match="The sender already got the rejection"):
        desk.undoes(rejected)
    with db.transaction(engine) as session:
        legal_holds.end_hold(session, hold.id, by=IDA, reason="settled", now=later)
    assert [forget(engine, desk.settings, later) for _ in range(3)] == [1, 1, 0], "the mail, and then what its sender was told"
    assert left(engine, ["notice", "delivery", "message", "content"]) == {}


def test_bytes_that_another_mail_has_too_stay_known(known: Engine, settings: Settings) -> None:
    raw = b"From: sales@supplier.example\r\n\r\nHello\r\n"
    said = (raw, arriving.authentication("sales@supplier.example"), arriving.summary("sales@supplier.example"))
    with db.transaction(known) as session:
        for at in (NOW, NOW + DAYS):
            (mail,) = intake.receive_message(session, arriving.envelope(), *said, settings=settings, now=NOW)
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=at)
    assert forget(known, settings, NOW + KEPT * DAYS + DAYS / 2) == 1
    assert left(known, ["content", "message"]) == {"content": 1, "message": 1}
    assert forget(known, settings, NOW + (KEPT + 2) * DAYS) == 1
    assert left(known, ["content", "message"]) == {}


def test_what_was_forgotten_is_new_when_it_comes_again(known: Engine, settings: Settings) -> None:
    raw = b"From: sales@supplier.example\r\n\r\nHello\r\n"
    said = (raw, arriving.authentication("sales@supplier.example"), arriving.summary("sales@supplier.example"))
    for _ in range(2):
        with db.transaction(known) as session:
            (mail,) = intake.receive_message(session, arriving.envelope(), *said, settings=settings, now=NOW)
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
        assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1


def test_a_campaign_goes_with_its_last_mail(known: Engine, settings: Settings) -> None:
    text = " ".join(f"Our offer number {number} ends soon" for number in range(40))
    with db.transaction(known) as session:
        arrived = [arrive(session, settings, author=f"{name}@offers.example", text=text)[0] for name in ("ann", "bob")]
        assert len({session.get_one(Delivery, mail).campaign_id for mail in arrived}) == 1
        ledger.record_event(session, arrived[0], Event.PURGE, by=ANA, now=NOW)
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1
    assert left(known, ["campaign"]) == {"campaign": 1}
    with db.transaction(known) as session:
        ledger.record_event(session, arrived[1], Event.PURGE, by=ANA, now=NOW)
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1
    assert left(known, ["campaign", "representative", "representative_band"]) == {}


def test_campaigns_without_mail_go_with_the_decision_that_emptied_them(known: Engine, settings: Settings) -> None:
    later = NOW + (KEPT + 1) * DAYS
    with db.transaction(known) as session:
        texts = (" ".join(f"{what} number {number} is here" for number in range(40)) for what in ("Our offer", "Your parcel"))
        arrived = [arrive(session, settings, text=text)[0] for text in texts]
        one, other = (session.get_one(Delivery, mail).campaign_id or 0 for mail in arrived)
        regroup.join_campaigns(session, one, other, by=ANA, reason="", now=NOW)
        for mail in arrived:
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    assert forget(known, settings, later) == 2
    assert left(known, ["campaign"]) == {"campaign": 1}
    with db.transaction(known) as session:
        assert forget_decisions(session, settings, later) == 1
    assert left(known, ["campaign"]) == {}


def test_a_campaign_that_new_mail_can_be_compared_with_stays(known: Engine) -> None:
    with db.transaction(known) as session:
        kept, empty = Campaign(begun_at=NOW), Campaign(begun_at=NOW)
        session.add_all([kept, empty])
        session.flush()
        session.add(Representative(campaign_id=kept.id, features=b""))
        session.flush()
        campaigns.drop_empty(session, [kept.id, empty.id])
        assert list(session.scalars(select(col(Campaign.id)))) == [kept.id]


def test_a_decision_and_its_undo_go_when_their_mail_has_gone(known: Engine, settings: Settings) -> None:
    later = NOW + (KEPT + 1) * DAYS
    with db.transaction(known) as session:
        arrive(session, settings)
        purged = decisions.decide_messages(
            session, DecisionRequest(Selection.of(sender="sales@supplier.example"), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        undoing.undo_decision(session, purged.id, by=ANA, reason="", now=NOW, settings=settings)
        decisions.decide_messages(
            session, DecisionRequest(Selection.of(sender="sales@supplier.example"), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
        assert forget_decisions(session, settings, later) == 0
    assert forget(known, settings, later) == 1
    with db.transaction(known) as session:
        assert [forget_decisions(session, settings, later) for _ in range(3)] == [2, 1, 0], "the undo follows what it undid"
    assert left(known, ["decision", "decision_item"]) == {}


def test_a_decision_outlives_an_undo_that_is_young(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        old = Decision(
            at=NOW,
            by="person:ana",
            by_shown="Ana",
            verb="purge",
            reason="",
            count=0,
            done=0,
            undone_by=first_id_at(NOW + 90 * DAYS),
        )
        session.add(old)
        session.flush()
        assert forget_decisions(session, settings, NOW + (KEPT + 1) * DAYS) == 0
        assert forget_decisions(session, settings, NOW + (KEPT + 91) * DAYS) == 1


def test_reports_of_mail_that_never_came_through_us(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        for number, at in enumerate((NOW, NOW + 2 * DAYS)):
            session.add(
                MailReport(
                    person="joe.fern",
                    person_shown="Joe Fern",
                    department="it",
                    at=at,
                    spool_id=number,
                    how="",
                    author="a@far.example",
                    subject="",
                )
            )
            about = {"lane": "chat", "origin": "slack", "by": "U1", "by_shown": "Somebody in chat", "key": str(number)}
            session.add(OutsideReport(at=at, **about))  # type: ignore[arg-type]
        session.flush()
        now = NOW + (KEPT + 1) * DAYS
        assert [delete_records.forget_reports(session, settings=settings, now=now, limit=1) for _ in range(2)] == [2, 0]


def test_a_forgotten_mail_is_unknown_and_its_forgetting_is_on_the_record(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (mail,) = arrive(session, settings, subject="A word that is rare")
        purged = decisions.decide_messages(
            session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=ANA, now=NOW, settings=settings
        )
    assert forget(known, settings, NOW + (KEPT + 1) * DAYS) == 1
    with db.read_transaction(known) as session:
        assert not listing.list_deliveries(session, Selection(q="rare"), by=ANA).items
        assert outcomes.get_decision(session, purged.id, by=ANA).items == ()
        last = session.scalars(select(AuditRecord).order_by(col(AuditRecord.id).desc()).limit(1)).one()
        assert (last.act, last.subject, last.items) == ("forget", "records of mail", 1)


def test_what_is_due_is_looked_for_a_window_at_a_time(known: Engine, settings: Settings) -> None:
    later = NOW + (KEPT + 1) * DAYS
    with db.transaction(known) as session:
        arrived = [arrive(session, settings)[0] for _ in range(5)]
        for mail in arrived[1:4]:
            ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
        arriving.erase(session, settings=settings, now=later)
    found: list[int] = []
    reached, windows = 0, 0
    with db.read_transaction(known) as session:
        wanted = [session.get_one(Delivery, mail).message_id for mail in arrived[1:4]]
        while windows == 0 or reached:
            some, reached = delete_records.due_messages(session, settings=settings, now=later, after=reached, limit=2)
            found, windows = found + some, windows + 1
        assert (found, windows) == (wanted, 4), "and the last one finds no more"
        assert delete_records.count_overdue(session, settings=settings, then=later) == 3
    with db.transaction(known) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == arrived[2]).values(state=State.HELD, settled_at=None))
        assert delete_records.forget_messages(session, found, settings=settings, now=later) == 2, "what lives again since then stays"


def test_how_many_copies_a_message_has_is_known_before(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        arrived = [arrive(session, settings, "joe.fern@company.example", "mara.berg@company.example")[0], arrive(session, settings)[0]]
        messages = [session.get_one(Delivery, mail).message_id for mail in arrived]
        assert delete_records.count_deliveries(session, messages) == dict(zip(messages, (2, 1), strict=True))
