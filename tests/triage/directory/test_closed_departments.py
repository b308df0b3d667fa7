"""A department is renamed, merged with another one or dissolved while mail is held in it: somebody looks at it all the same."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage.arriving import ANA, COMPANY, NOW, SYNC, arrive
from triage.access import scope as access
from triage.actor import Actor, Role, Scope
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry
from triage.config.settings import Company, Settings
from triage.directory import apply as directory
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.deliveries import Delivery

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
IT, LEGAL = COMPANY.departments
SALES = DepartmentEntry("sales", "Sales", "desk@company.example", ("desk", "orders"))
MARA, JOE, INES = COMPANY.people
LEA = replace(MARA, uid="lea", name="Lea", department="sales", mailbox="lea@company.example", aliases=())
BEFORE = replace(COMPANY, departments=(IT, LEGAL, SALES), people=(*COMPANY.people, LEA))
MERGED = replace(LEGAL, mailbox="l@company.example", roles=("orders",))
CLOSED = "It was addressed to the department Sales, which no longer exists."


def take_over(session: Session, said: CompanyDirectory) -> directory.Applied:
    return directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW)


def seen_by(session: Session, code: str) -> set[int]:
    """Deliveries that staff of a department can see."""
    staff = Actor.person("eva", Role.TRIAGE, Scope(departments=frozenset({code})), "Eva")
    return set(session.scalars(select(col(Delivery.id)).where(access.visible_deliveries(staff))))


@pytest.mark.parametrize(
    ("departments", "shared", "hers", "goes_to"),
    [
        pytest.param((IT, LEGAL, replace(SALES, code="market", name="Markets")), "market", "market", "desk@company.example", id="renamed"),
        pytest.param(
            (IT, replace(LEGAL, mailbox="l@company.example", roles=("orders",))), "legal", "legal", "l@company.example", id="merged"
        ),
        pytest.param((IT, LEGAL), "it", "legal", "desk@company.example", id="dissolved"),
    ],
)
def test_what_is_held_lies_where_somebody_looks(
    engine: Engine, settings: Settings, departments: tuple[DepartmentEntry, ...], shared: str, hers: str, goes_to: str
) -> None:
    with db.transaction(engine) as session:
        take_over(session, BEFORE)
        (orders,), (leas,) = arrive(session, settings, "orders@company.example"), arrive(session, settings, "sales+lea@company.example")
        after = replace(BEFORE, departments=departments, people=(*COMPANY.people, replace(LEA, department=hers)))
        assert take_over(session, after).moved == 2
        assert (seen_by(session, "sales"), orders in seen_by(session, shared), leas in seen_by(session, hers)) == (set(), True, True)
        row = session.get_one(Delivery, orders, populate_existing=True)
        assert (row.person, row.note) == ("", CLOSED)
        assert take_over(session, after).moved == 0
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(orders,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        assert session.get_one(Delivery, orders, populate_existing=True).mailbox == goes_to


def test_so_does_what_is_held_for_somebody_who_had_left_it(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, BEFORE)
        (one,) = arrive(session, settings, LEA.mailbox)
        take_over(session, replace(BEFORE, people=COMPANY.people))
        assert one in seen_by(session, "sales"), "for staff to redirect"
        take_over(session, COMPANY)
        assert one in seen_by(session, "it"), "the postmaster's department"
        assert session.get_one(Delivery, one, populate_existing=True).person == "lea"


@pytest.mark.parametrize("folder", ["department:sales", "person:lea"])
def test_what_is_sealed_stays_for_those_who_are_named(sqlite_engine: Engine, settings: Settings, folder: str) -> None:
    seal = (ConfidentialEntry(folder, ("ana",)),)
    with db.transaction(sqlite_engine) as session:
        take_over(session, replace(BEFORE, sealed=seal))
        (one,) = arrive(session, settings, LEA.mailbox)
        take_over(session, replace(COMPANY, sealed=seal))
        row = session.get_one(Delivery, one, populate_existing=True)
        assert (row.department, row.person) == ("sales", "lea")


def test_who_moves_takes_what_is_held_along_and_the_old_department_sees_it_no_more(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        take_over(session, BEFORE)
        (one,) = arrive(session, settings, LEA.mailbox)
        take_over(session, replace(BEFORE, people=(*COMPANY.people, replace(LEA, department="it"))))
        assert (one in seen_by(session, "sales"), one in seen_by(session, "it")) == (False, True)
