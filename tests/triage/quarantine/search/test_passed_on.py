"""Out of reach: what passed copies on, by kind; only of copies that were in a mailbox."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, true, update
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, NOW, arrive
from triage.config.settings import Recall, Settings
from triage.intake import receive as intake
from triage.quarantine.removal import removal_plan
from triage.quarantine.search.passed_on import PassedOn, list_passed_on
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import MailGroup
from triage.store.models.mailboxes import Recalled

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


@pytest.fixture
def company(engine: Engine, settings: Settings) -> Settings:
    """A company whose ticket system empties Joe's mailbox."""
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    return replace(settings, recall=Recall(passed_on=("Joe.Fern@company.example = the ticket system",)))


def deliver(session: Session, settings: Settings, *recipients: str, **values: object) -> tuple[int, ...]:
    """A message that was delivered; `values`: of its deliveries."""
    found = arrive(session, settings, *recipients)
    session.execute(update(Delivery).where(col(Delivery.id).in_(found)).values(state="delivered", **values))
    return found


def passed(engine: Engine, settings: Settings) -> list[tuple[str, str, int, str]]:
    """Ways in which any of the messages went on."""
    with read_transaction(engine) as session:
        return [(one.kind, one.mailbox, one.count, str(one.sentence)) for one in list_passed_on(session, true(), settings)]


def test_a_mailbox_that_a_program_empties_is_named_once_something_was_delivered(engine: Engine, company: Settings) -> None:
    with transaction(engine) as session:
        arrive(session, company, JOE)
    assert passed(engine, company) == []  # held
    with transaction(engine) as session:
        deliver(session, company, JOE)
        deliver(session, company, JOE, MARA)
    said = "the ticket system takes messages on from joe.fern@company.example: 2 copies."
    assert passed(engine, company) == [("system", "joe.fern@company.example", 2, said)]


def test_lists_of_another_server_and_members_outside(engine: Engine, company: Settings) -> None:
    with transaction(engine) as session:
        session.add_all(
            MailGroup(address=f"{name}@company.example", name=name, department="it", expand=name == "team") for name in ("all", "team")
        )
        for mailbox in ("all@company.example", "team@company.example", "friend@partner.example", "x@sub.company.example"):
            deliver(session, company, MARA, mailbox=mailbox)
    assert passed(engine, company) == [
        ("list", "all@company.example", 1, "Another server knows the members of the distribution list all."),
        ("outside", "friend@partner.example", 1, "friend@partner.example is outside the company."),
        ("outside", "x@sub.company.example", 1, "x@sub.company.example is outside the company."),
    ]


def test_who_forwarded_it_as_the_mailbox_said_when_the_copy_was_removed(engine: Engine, company: Settings) -> None:
    with transaction(engine) as session:
        first, second = (*deliver(session, company, MARA), *deliver(session, company, MARA))
        session.add(Recalled(delivery_id=first, found_at=NOW, flags=["\\Seen", "$forwarded"]))
        session.add(Recalled(delivery_id=second, found_at=NOW, flags=["\\Seen"]))
        session.execute(update(Delivery).values(state="purged"))
    assert passed(engine, company) == [
        ("forwarded", "mara.berg@company.example", 1, "Forwarded by mara.berg@company.example before removal.")
    ]


@pytest.mark.parametrize(("method", "number"), [("request", 1), ("cancel", 0), ("", 0)])
def test_invitations(engine: Engine, company: Settings, method: str, number: int) -> None:
    with transaction(engine) as session:
        said = arriving.summary("x@calendar.example", calendar_method=method)
        found = intake.receive_message(
            session, arriving.envelope(MARA), b"x", arriving.authentication("x@calendar.example"), said, settings=company, now=NOW
        )
        session.execute(update(Delivery).where(col(Delivery.id).in_(found)).values(state="delivered"))
    invited = "1 copy invites to an appointment: accepted calendar entries stay."
    assert passed(engine, company) == [("calendar", "", 1, invited)] * number


def test_the_plan_of_a_removal_says_the_same(engine: Engine, company: Settings) -> None:
    with transaction(engine) as session:
        deliver(session, company, JOE, MARA)
    with read_transaction(engine) as session:
        plan = removal_plan.plan_removal(session, Selection.of(sender="sales@supplier.example"), by=ANA, settings=company, now=NOW)
        found: tuple[PassedOn, ...] = list_passed_on(session, plan.where, company)
    assert plan.passed_on == found
    assert [one.kind for one in found] == ["system"]
