"""Comments about a message: seen by staff who may read the copy, in the audit log, erased with it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests import company_rows
from tests.triage.arriving import ANA, BEN, COMPANY, IDA, NOW, OTTO, SYNC, arrive, erase
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.config.settings import Settings
from triage.errors import BadInput, Erased, NotAllowed, NotAllowedNow, NotFound
from triage.quarantine import assignment, delivery_history, message_trace
from triage.quarantine.search.selection import Selection
from triage.quarantine.teamwork import comments
from triage.quarantine.triage_items import item_list
from triage.store import ledger
from triage.store.db import transaction
from triage.store.delivery_state import Event, State
from triage.store.models.assignments import Comment
from triage.store.models.audit import AuditRecord

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
STAFF = tuple(StaffEntry(one.name, one.shown, str(one.role), ("company",)) for one in (ANA, BEN, IDA, OTTO))
SEALED = ConfidentialEntry("person:mara.berg", ("ben",))


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    """On each kind of database: a company where Mara's folder is confidential and Ben reads it."""
    with transaction(engine) as session:
        company_rows.enter(session, replace(COMPANY, staff=STAFF, sealed=(SEALED,)), settings.company, by=SYNC, now=NOW)
        yield session


def said(session: Session, delivery: int, by: Actor, reason: str = "") -> list[tuple[str, str]]:
    return [(one.by_shown, one.text) for one in comments.list_comments(session, delivery, by=by, reason=reason).items]


def test_colleagues_talk_about_a_message_and_it_is_on_the_record(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    comments.add_comment(session, mail, "  Do you know them?\n", by=ANA, now=NOW)
    comments.add_comment(session, mail, "Yes: ours since May.", by=IDA, now=NOW + timedelta(minutes=1))
    assert said(session, mail, OTTO) == [(ANA.shown, "Do you know them?"), (IDA.shown, "Yes: ours since May.")]
    records = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "comment").order_by(col(AuditRecord.id))).all()
    assert [one.by for one in records] == [str(ANA), str(IDA)]
    assert all(set(one.detail) == {"comment"} for one in records), "what cannot be erased does not hold the text"


def test_the_history_has_comments_and_who_has_it_in_order(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    comments.add_comment(session, mail, "Do you know them?", by=ANA, now=NOW + timedelta(minutes=1))
    assignment.assign_messages(session, Selection.of(ids=(mail,)), "ida", "yours", by=ANA, now=NOW + timedelta(minutes=2))
    ledger.record_event(session, mail, Event.PURGE, by=IDA, now=NOW + timedelta(minutes=3))
    history = delivery_history.get_delivery(session, mail, by=ANA).history
    assert [one.act for one in history] == ["receive", "comment", "purge"], "an assignment ends with the decision"
    assert history[1].sentence == f"Comment by {ANA.shown}: Do you know them?"


def test_an_assignment_is_in_the_history_while_it_counts(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    assignment.assign_messages(session, Selection.of(ids=(mail,)), "ida", "yours", by=ANA, now=NOW + timedelta(minutes=2))
    last = delivery_history.get_delivery(session, mail, by=OTTO).history[-1]
    assert last.sentence == f"Assigned to {IDA.shown} by {ANA.shown}: yours"


def test_what_is_said_of_a_confidential_copy_stays_with_its_readers(session: Session, settings: Settings) -> None:
    open_copy, sealed = arrive(session, settings, JOE, MARA)
    comments.add_comment(session, sealed, "She knows him.", by=BEN, now=NOW)
    comments.add_comment(session, open_copy, "Who is that?", by=ANA, now=NOW)
    assert said(session, open_copy, ANA) == [(ANA.shown, "Who is that?")]
    assert said(session, sealed, BEN, "case 7") == [(BEN.shown, "She knows him.")]
    for act in (lambda: said(session, sealed, ANA), lambda: comments.add_comment(session, sealed, "x", by=ANA, now=NOW)):
        with pytest.raises(NotFound):
            act()


def test_the_text_about_a_confidential_copy_needs_a_reason(session: Session, settings: Settings) -> None:
    later = NOW + timedelta(minutes=1)
    (sealed,) = arrive(session, settings, MARA)
    comments.add_comment(session, sealed, "She knows him.", by=BEN, now=later)
    (remark,) = comments.list_comments(session, sealed, by=BEN).items
    assert (remark.by_shown, remark.at, remark.text, remark.withheld) == (BEN.shown, later, "", True)
    told = delivery_history.get_delivery(session, sealed, by=BEN)
    assert told.listed.comments == 1
    assert told.history[-1].sentence == f"Comment by {BEN.shown}. Reading it needs a reason."
    assert "knows" not in str(message_trace.trace_message(session, sealed, by=BEN))
    found = comments.list_comments(session, sealed, by=BEN, reason="case 7")
    assert (found.items[0].text, found.opened) == ("She knows him.", (told.listed.message_id,))


@pytest.mark.parametrize("most_ids", [0, 50])  # a row that has not all its ids is counted another way
def test_a_row_counts_the_comments_about_all_its_copies(session: Session, settings: Settings, most_ids: int) -> None:
    first, second = (arrive(session, settings, JOE)[0] for _ in range(2))
    (other,) = arrive(session, settings, JOE, author="bob@dell.example")
    for copy, text in ((first, "Whose is it?"), (second, "Mine."), (first, "Good."), (other, "Hm.")):
        comments.add_comment(session, copy, text, by=ANA, now=NOW)
    rows = item_list.list_items(session, Selection(states=(State.HELD,)), by=ANA, now=NOW, most_ids=most_ids).items
    assert sorted((row.count, row.comments) for row in rows) == [(1, 1), (2, 3)]
    (row,) = (row for row in rows if row.count == 2)
    found = comments.list_selected_comments(session, row.select, by=ANA).items
    assert [(one.text, one.delivery_id, one.person_name) for one in found] == [
        ("Whose is it?", first, "Joe Fern"),
        ("Mine.", second, "Joe Fern"),
        ("Good.", first, "Joe Fern"),
    ]


def test_a_comment_is_erased_with_the_message(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    comments.add_comment(session, mail, "Her IBAN is wrong.", by=ANA, now=NOW)
    ledger.record_event(session, mail, Event.PURGE, by=ANA, now=NOW)
    later = NOW + timedelta(days=400)
    assert erase(session, settings=settings, now=later) == 1
    assert said(session, mail, ANA) == []
    assert "deleted since" in {one.act: one.sentence for one in delivery_history.get_delivery(session, mail, by=ANA).history}["comment"]
    with pytest.raises(Erased):
        comments.add_comment(session, mail, "too late", by=ANA, now=later)


@pytest.mark.parametrize("text", ["", " \n", "x" * (comments.LONGEST + 1)])
def test_a_comment_says_something_and_not_too_much(session: Session, settings: Settings, text: str) -> None:
    (mail,) = arrive(session, settings, JOE)
    with pytest.raises(BadInput, match="1 to 2,000 characters"):
        comments.add_comment(session, mail, text, by=ANA, now=NOW)


def test_who_only_looks_reads_and_does_not_comment(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    with pytest.raises(NotAllowed):
        comments.add_comment(session, mail, "I saw that", by=OTTO, now=NOW)
    assert said(session, mail, OTTO) == []


def test_a_conversation_without_end_ends(session: Session, settings: Settings) -> None:
    (mail,) = arrive(session, settings, JOE)
    session.add_all(Comment(delivery_id=mail, by=str(ANA), by_shown="Ana", at=NOW, text=f"{n}") for n in range(comments.MOST))
    session.flush()
    with pytest.raises(NotAllowedNow, match="200 comments already"):
        comments.add_comment(session, mail, "one more", by=ANA, now=NOW)
