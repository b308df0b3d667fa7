"""The directory: whose address is what, and what a broken source cannot do."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, NOW, SYNC, arrive
from triage.access import accounts, staff_members
from triage.access.accounts import DIRECTORY, LOCAL, Account
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, PersonEntry, StaffEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company, Settings
from triage.directory import apply as directory, directory_rows, recipients
from triage.directory.sync_plan import Plan
from triage.errors import BadInput
from triage.intake import sender_context
from triage.intake.build_recipient_map import build_recipient_map, recipient_map_version
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine import delivery_history
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient, Person
from triage.store.models.sign_in import ExternalIdentity

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")


def take_over(session: Session, company: CompanyDirectory, **how: Any) -> directory.Applied:
    return directory.apply_directory(session, company, HOUSE, by=SYNC, now=NOW, **how)


def test_staff_are_actors_with_their_scope(known: Engine) -> None:
    with db.read_transaction(known) as session:
        ben = staff_members.find_staff_actor(session, "Ben", NOW)
        assert ben == arriving.BEN
        assert staff_members.find_staff_actor(session, "nobody", NOW) is None


def test_the_same_directory_again_changes_nothing(known: Engine) -> None:
    with db.transaction(known) as session:
        before = recipient_map_version(session, NOW)
        assert take_over(session, COMPANY) == directory.Applied(3, 0, 0, 0, Plan(2))
        assert recipient_map_version(session, NOW) == before


def test_people_who_move_take_their_held_mail_along(known: Engine, settings: Settings) -> None:
    moved = replace(COMPANY, people=(replace(COMPANY.people[0], department="it"), *COMPANY.people[1:]))
    with db.transaction(known) as session:
        (delivery,) = arrive(session, settings, "legal+mara.berg@company.example")
        applied = take_over(session, moved)
        assert (applied.people, applied.recipients_added, applied.recipients_removed, applied.moved) == (
            3,
            4,
            3,
            1,
        )  # her three addresses lead to another folder now, the old one too
    with db.read_transaction(known) as session:
        assert session.get_one(Delivery, delivery).department == "it"
        stale = recipients.resolve_address(session, Address.parse("legal+mara.berg@company.example"), HOUSE)
    assert stale is not None
    assert (stale.department, stale.person, stale.mailbox) == ("it", "mara.berg", "mara.berg@company.example")
    assert stale.note == "It was addressed to the former department legal: Mara Berg works elsewhere now."
    with db.transaction(known) as session:
        (late,) = arrive(session, settings, "legal+mara.berg@company.example", author="x@y.example")
    with db.read_transaction(known) as session:
        arrived = delivery_history.get_delivery(session, late, by=ANA).history[0].sentence
    assert arrived == f"Arrived for legal+mara.berg@company.example: x@y.example is not a known sender yet. {stale.note}"


def test_a_name_that_changed_is_known_at_the_next_message(known: Engine) -> None:
    with db.transaction(known) as session:
        assert "mara berg" in sender_context.names_of_people(session)
        take_over(session, replace(COMPANY, people=(replace(COMPANY.people[0], name="Mara Lind"), *COMPANY.people[1:])))
        assert {"mara lind", "joe fern"} == set(sender_context.names_of_people(session))


def test_a_directory_that_lost_its_people_is_refused(known: Engine) -> None:
    crowd = tuple(PersonEntry(f"p{number}", f"P {number}", "it", f"p{number}@company.example") for number in range(20))
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=crowd + COMPANY.people))
    with pytest.raises(BadInput, match="would remove 20 of 22 people, so nothing was changed"), db.transaction(known) as session:
        take_over(session, COMPANY)
    with db.transaction(known) as session:
        directory.apply_directory(session, COMPANY, HOUSE, by=SYNC, now=NOW, confirmed=True)
        assert set(sender_context.names_of_people(session)) == {"mara berg", "joe fern"}
    with db.read_transaction(known) as session:
        assert session.get_one(Person, "p7").active is False, "people are disabled, never deleted"
        assert session.get_one(Person, "p7").name == "P 7"
        record = session.scalars(
            select(AuditRecord).where(col(AuditRecord.act) == "directory").order_by(col(AuditRecord.id).desc())
        ).first()
    assert record is not None
    assert "p7 leaves: P 7" in record.detail["changes"]


@pytest.mark.parametrize("change", [{"department": "legal"}, {"aliases": ()}, {"mailbox": "x{}@company.example"}])
def test_a_directory_that_moves_or_strips_everybody_is_refused(known: Engine, change: dict[str, Any]) -> None:
    crowd = [
        PersonEntry(f"p{number}", f"P {number}", "it", f"p{number}@company.example", (f"q{number}@company.example",))
        for number in range(20)
    ]
    changed = [replace(one, **{name: value.format(one.uid) if value else value for name, value in change.items()}) for one in crowd]
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(*crowd, *COMPANY.people)))
    with pytest.raises(BadInput, match="of 22 people"), db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(*changed, *COMPANY.people)))
    with db.read_transaction(known) as session:
        assert [session.get_one(Person, one.uid).department for one in crowd] == ["it"] * 20


def test_what_was_taken_over_is_what_the_tables_say(known: Engine) -> None:
    wanted = directory_rows.normalise_directory(in_order(COMPANY), HOUSE)
    with db.read_transaction(known) as session:
        assert directory_rows.read_directory(session) == wanted
        found = directory_rows.read_directory(session, like=wanted.people[1:])
    assert [one is other for one, other in zip(found.people, wanted.people, strict=True)] == [False, *[True] * (len(wanted.people) - 1)]


def in_order(company: CompanyDirectory) -> CompanyDirectory:
    return replace(
        company,
        departments=tuple(sorted(company.departments, key=lambda one: one.code)),
        people=tuple(sorted(company.people, key=lambda one: one.uid)),
        staff=tuple(sorted(company.staff, key=lambda one: one.login)),
        groups=tuple(sorted(company.groups, key=lambda one: one.address)),
    )


def test_a_person_without_a_department_is_refused(known: Engine) -> None:
    stray = PersonEntry("x", "X", "sales", "x@company.example")
    with pytest.raises(BadInput, match="person x is in department “sales”"), db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(*COMPANY.people, stray)))


def test_the_first_owner_of_an_address_keeps_it(known: Engine) -> None:
    thief = PersonEntry("z.thief", "Z Thief", "it", "z.thief@company.example", ("mara.berg@company.example",))
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(*COMPANY.people, thief)))
        found = recipients.resolve_address(session, Address.parse("mara.berg@company.example"), HOUSE)
    assert found is not None
    assert found.person == "mara.berg"


MARA, JOE = COMPANY.people[:2]
HEIR = replace(JOE, aliases=("m.berg@company.example",))


@pytest.mark.parametrize(
    ("mara", "joe"),
    [
        pytest.param(replace(MARA, aliases=()), HEIR, id="it is somebody else's"),
        pytest.param(replace(MARA, aliases=()), JOE, id="it is nobody's"),
        pytest.param(replace(MARA, mailbox="mara.lind@company.example", aliases=()), HEIR, id="she has another mailbox"),
    ],
)
@pytest.mark.parametrize("to", ["m.berg@company.example", "M.Berg+shop@company.example"])
def test_held_mail_stays_with_who_it_was_for_when_the_address_goes(
    known: Engine, settings: Settings, mara: PersonEntry, joe: PersonEntry, to: str
) -> None:
    with db.transaction(known) as session:
        (delivery,) = arrive(session, settings, to)
        take_over(session, replace(COMPANY, people=(mara, joe, *COMPANY.people[2:])))
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(delivery,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        row = session.get_one(Delivery, delivery, populate_existing=True)
        assert (row.state, row.person, row.mailbox) == ("queued", "mara.berg", mara.mailbox)


def test_what_a_rule_sends_to_somebody_else_goes_there_when_the_address_goes(known: Engine, settings: Settings) -> None:
    order = RuleOrder("redirect", "address", "sales@supplier.example", "company", to="joe.fern")
    with db.transaction(known) as session:
        rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        (delivery,) = arrive(session, settings, "m.berg@company.example")
        take_over(session, replace(COMPANY, people=(replace(MARA, aliases=()), *COMPANY.people[1:])))
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(delivery,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        assert session.get_one(Delivery, delivery, populate_existing=True).mailbox == JOE.mailbox


def test_what_a_rule_sends_to_somebody_follows_them_when_their_address_goes(known: Engine, settings: Settings) -> None:
    order = RuleOrder("redirect", "address", "sales@supplier.example", "company", to="joe.fern")
    renamed = replace(JOE, mailbox="joe.lind@company.example")
    heir = replace(MARA, aliases=(JOE.mailbox,))
    with db.transaction(known) as session:
        rules.add_rule(session, order, by=ANA, now=NOW, settings=settings)
        (delivery,) = arrive(session, settings, MARA.mailbox)
        take_over(session, replace(COMPANY, people=(heir, renamed, *COMPANY.people[2:])))
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(delivery,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        assert session.get_one(Delivery, delivery, populate_existing=True).mailbox == renamed.mailbox


def test_a_directory_that_names_nobody_is_refused_also_by_a_small_company_and_at_first(engine: Engine, settings: Settings) -> None:
    nobody = replace(COMPANY, people=tuple(replace(one, active=False) for one in COMPANY.people))
    for first in (True, False):
        with pytest.raises(BadInput, match="leave no employee, so nothing was changed"), db.transaction(engine) as session:
            take_over(session, nobody)
        with db.transaction(engine) as session:
            assert (build_recipient_map(session, settings=settings, now=NOW) is None) is first, "the door asks to come again"
            take_over(session, COMPANY)


def test_whose_entry_cannot_be_taken_stays_as_they_were(known: Engine) -> None:
    without = replace(COMPANY, people=COMPANY.people[1:], departments=COMPANY.departments[:1])
    with db.transaction(known) as session:
        before = directory_rows.read_directory(session)
        assert take_over(session, replace(without, unread=("mara.berg", "who.knows"))) == directory.Applied(3, 0, 0, 0, Plan(2))
        assert directory_rows.read_directory(session) == before
        take_over(session, without)
        assert recipients.resolve_address(session, Address.parse(MARA.mailbox), HOUSE) is None, "whom it does not name at all has left"


@pytest.mark.parametrize("named", [True, False])
def test_whose_entry_cannot_be_taken_stays_staff_as_long_as_a_group_says_so(known: Engine, named: bool) -> None:
    mara = StaffEntry("mara.berg", "Mara Berg", "admin", ("company",))
    said = replace(COMPANY, people=COMPANY.people[1:], unread=("mara.berg",), unread_staff=("mara.berg",) if named else ())
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, staff=(*COMPANY.staff, mara)), ways=(DIRECTORY,))
        braked: AbstractContextManager[Any] = pytest.raises(BadInput, match="leave no administrator of the whole company")
        with nullcontext() if named else braked:
            take_over(session, said, ways=(DIRECTORY,))
            assert staff_members.find_staff_actor(session, "mara.berg", NOW)


def test_who_assists_somebody_whose_entry_cannot_be_taken_sees_their_mail_under_the_name_that_they_have_here(known: Engine) -> None:
    eva = StaffEntry("eva", "Eva", "triage", ("person:mara.lind",))
    said = replace(COMPANY, people=COMPANY.people[1:], unread=("mara.lind",), unread_identities=("A",), staff=(eva,))
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(replace(MARA, identity="A"), *COMPANY.people[1:])))
        take_over(session, said)
        found = staff_members.find_staff_actor(session, "eva", NOW)
        assert found
        assert found.scope.persons == {"mara.berg"}


def test_who_has_no_triage_address_for_its_length_has_the_others(engine: Engine) -> None:
    person = PersonEntry("maximiliane.von.hohenstein", "Max", "a" * 50, "max@company.example", ("m@company.example",))
    company = replace(arriving.COMPANY, departments=(DepartmentEntry("a" * 50, "Long"),), people=(person,), staff=(), groups=())
    for active in (True, False):
        with db.transaction(engine) as session:
            once = replace(company, people=(replace(person, active=active), PersonEntry("x", "X", "a" * 50, "x@company.example")))
            directory.apply_directory(session, once, HOUSE, by=SYNC, now=NOW)
            theirs = select(col(KnownRecipient.address)).where(
                (col(KnownRecipient.person) == person.uid) | (col(KnownRecipient.leaver) == person.uid)
            )
            assert sorted(session.scalars(theirs)) == ["m@company.example", "max@company.example"]


def test_a_seal_outlives_who_is_no_longer_named(known: Engine) -> None:
    sealed = ConfidentialEntry("person:mara.berg", ("ana",))
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, sealed=(sealed,)))
        take_over(session, replace(COMPANY, people=COMPANY.people[1:]))
        assert directory_rows.read_directory(session).sealed == (sealed,)
        take_over(session, COMPANY)
        assert directory_rows.read_directory(session).sealed == (), "who is named and not sealed has been opened on purpose"
        opened = session.scalars(
            select(AuditRecord).where(col(AuditRecord.act) == "directory").order_by(col(AuditRecord.id).desc())
        ).first()
        assert opened is not None
        assert "confidential folder person:mara.berg: removed" in opened.detail["changes"]


CHIEF = StaffEntry("chief", "Ann Chief", "admin", ("company",), "a hash")


@pytest.mark.parametrize(
    ("after", "own", "ways", "believed"),
    [
        ((), None, LOCAL, False),
        ((), None, DIRECTORY, False),
        ((replace(CHIEF, role="triage"),), None, LOCAL, False),
        ((replace(CHIEF, scope=("department:it", "department:legal")),), None, LOCAL, False),
        ((replace(CHIEF, password_hash=""),), None, LOCAL, False),
        ((replace(CHIEF, password_hash=""),), None, DIRECTORY, True),
        ((replace(CHIEF, login="next"),), None, LOCAL, True),
        ((), Account("own", "", "admin", ("company",)), LOCAL, True),
        ((), Account("own", "", "admin", ("company",)), DIRECTORY, False),
        ((), Account("own", "", "admin", ("department:it",)), LOCAL, False),
    ],
)
def test_a_directory_that_leaves_no_administrator_is_not_believed(
    known: Engine, after: tuple[StaffEntry, ...], own: Account | None, ways: str, believed: bool
) -> None:
    def apply(*staff: StaffEntry, confirmed: bool = False) -> list[str]:
        with db.transaction(known) as session:
            named = replace(COMPANY, staff=staff)
            directory.apply_directory(session, named, HOUSE, by=SYNC, now=NOW, confirmed=confirmed, ways=(ways,))
            return accounts.list_administrators(session, ways=(ways,))

    assert apply() == []  # there was none before
    assert apply(CHIEF) == ["chief"]
    if own:
        with db.transaction(known) as session:
            accounts.add_account(session, own, "a hash", by=SYNC, now=NOW)
    if believed:
        assert apply(*after) != []
        return
    with pytest.raises(
        directory.Braked, match=r"leave no administrator of the whole company, so nothing was changed\. Name an administrator"
    ):
        apply(*after)
    assert apply(*after, confirmed=True) == []


def test_whom_a_sync_takes_from_staff_loses_their_identity_at_a_provider(known: Engine) -> None:
    with db.transaction(known) as session:
        for login in ("ana", "ben"):
            session.add(ExternalIdentity(issuer="https://id", sub=login, provider="id", login=login, linked_at=NOW, seen_at=NOW))
        take_over(session, replace(COMPANY, staff=tuple(one for one in COMPANY.staff if one.login != "ben")))
    with db.read_transaction(known) as session:
        assert session.scalars(select(col(ExternalIdentity.login))).all() == ["ana"]
