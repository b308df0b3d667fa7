"""Message id: the one in the 250 reply. Older messages have another one too, and are found by either."""

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session, col

from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive, envelope, summary
from triage import ids
from triage.actor import Actor
from triage.compliance.audit import audit_log
from triage.config.settings import Settings
from triage.errors import NotFound
from triage.intake import receive as intake
from triage.message.authentication import Authentication
from triage.quarantine import open_message
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.store import db, ledger
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

JOE = "it+joe.fern@company.example"


def found(session: Session, text: str, by: Actor = ANA) -> list[int]:
    """The deliveries that a search finds, by the list and by the condition alone."""
    return [one.id for one in listing.list_deliveries(session, Selection(q=text), by=by).items]


@pytest.fixture
def both(known: Engine, settings: Settings) -> tuple[Engine, Message, Message]:
    """A message of today, and one of before with an id of its own beside the one in the 250 reply."""
    with db.transaction(known) as session:
        today, before = (arrive(session, settings, JOE, subject=subject)[0] for subject in ("Today", "Before"))
        old = session.get_one(Delivery, before).message_id
        session.execute(update(Message).where(col(Message.id) == old).values(spool_id=ids.new_id()))
    with db.read_transaction(known) as session:
        rows = [session.get_one(Message, session.get_one(Delivery, one).message_id) for one in (today, before)]
        session.expunge_all()
    return known, rows[0], rows[1]


def test_a_new_message_has_the_id_of_the_reply(known: Engine, settings: Settings) -> None:
    came = envelope(JOE)
    with db.transaction(known) as session:
        intake.receive_message(session, came, b"Subject: x\r\n\r\n", Authentication(""), summary(""), settings=settings, now=NOW)
        assert session.scalars(select(col(Message.id))).all() == [came.spool_id]


def test_a_message_is_opened_by_either_id(both: tuple[Engine, Message, Message]) -> None:
    engine, today, before = both
    with db.read_transaction(engine) as session:
        assert open_message.open_message(session, today.id, by=ANA).id == today.id
        assert {open_message.open_message(session, one, by=ANA).id for one in (before.id, before.spool_id)} == {before.id}
        with pytest.raises(NotFound):
            open_message.open_message(session, before.spool_id, by=BEN)  # who covers another department


def test_a_search_takes_any_id(both: tuple[Engine, Message, Message]) -> None:
    engine, today, before = both
    with db.read_transaction(engine) as session:
        (delivery,) = session.scalars(select(col(Delivery.id)).where(col(Delivery.message_id) == before.id))
        for one in (before.id, before.spool_id, delivery):
            assert found(session, ids.format_id(one)) == [delivery]
            assert found(session, ids.format_id(one), by=BEN) == []
            assert delivery not in found(session, f"-{ids.format_id(one)}")
        assert found(session, f"queue-id:{ids.format_id(before.spool_id)} subject:before") == [delivery]
        assert found(session, f"queue-id:{ids.format_id(delivery)}") == []
        assert found(session, f"{ids.format_id(before.id)} {ids.format_id(today.id)}") == []


def test_the_audit_log_takes_the_message_for_all_that_was_done_with_it(both: tuple[Engine, Message, Message]) -> None:
    engine, today, before = both
    with db.transaction(engine) as session:
        (delivery,) = session.scalars(select(col(Delivery.id)).where(col(Delivery.message_id) == before.id))
        for about in (
            f"message:{ids.format_id(before.id)}",
            f"delivery:{ids.format_id(delivery)}",
            f"spool:{ids.format_id(before.spool_id)}",
        ):
            ledger.write_act(session, "look", about, by=ANA, now=NOW, detail={})
        ledger.write_act(session, "look", f"message:{ids.format_id(today.id)}", by=ANA, now=NOW, detail={})
        for one in (before.id, before.spool_id, delivery):
            acts = audit_log.list_entries(session, by=OTTO, act="look", subject=ids.format_id(one)).items
            assert len(acts) == 3
            assert ids.format_id(today.id) not in {act.subject.partition(":")[2] for act in acts}
        assert len(audit_log.list_entries(session, by=OTTO, act="look", subject=f"message:{ids.format_id(before.id)}").items) == 1
