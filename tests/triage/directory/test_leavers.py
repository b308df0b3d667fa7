"""People leave, come back and are forgotten: their addresses, what is held for them, and what comes in just then."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlmodel import Session, col

from tests.peers.processes import until
from tests.triage.arriving import ANA, COMPANY, DMARC_PASS, NOW, SYNC, arrive
from triage.access.webmail import link_holders, webmail_links
from triage.actor import Actor
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company, Settings
from triage.directory import apply as directory, leavers, recipients
from triage.directory.leaver_policy import Leaving
from triage.directory.recipient_map import RecipientMap
from triage.directory.sync_plan import Plan
from triage.errors import BadInput
from triage.intake.build_recipient_map import build_recipient_map, recipient_map_version
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import KnownRecipient, Person

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
MARA, JOE = COMPANY.people[:2]
WITH_MANAGER = replace(COMPANY, people=(replace(MARA, manager="joe.fern"), *COMPANY.people[1:]))
LEFT = replace(COMPANY, people=(replace(MARA, manager="joe.fern", active=False), *COMPANY.people[1:]))
MOVED = replace(COMPANY, people=(replace(MARA, department="it"), *COMPANY.people[1:]))
HERS = ("mara.berg@company.example", "m.berg@company.example", "legal+mara.berg@company.example", "mara.berg+shop@company.example")
MANAGER = Leaving("manager", 90)


@pytest.fixture
def known(engine: Engine) -> Engine:
    with db.transaction(engine) as session:
        take_over(session, WITH_MANAGER)
    return engine


def take_over(session: Session, company: CompanyDirectory, leaving: Leaving = MANAGER, days: int = 0) -> directory.Applied:
    return directory.apply_directory(session, company, HOUSE, by=SYNC, now=NOW + timedelta(days=days), leaving=leaving)


def door(session: Session, settings: Settings) -> RecipientMap:
    found = build_recipient_map(session, settings=settings, now=NOW)
    assert found is not None
    return found


def folder(session: Session, address: str) -> tuple[str, str, str] | None:
    found = recipients.resolve_address(session, Address.parse(address), HOUSE)
    return (found.department, found.person, found.mailbox) if found else None


def place(session: Session, delivery: int) -> tuple[str, str, str]:
    row = session.get_one(Delivery, delivery, populate_existing=True)
    return row.department, row.person, row.mailbox


@pytest.mark.parametrize("company", [LEFT, replace(COMPANY, people=COMPANY.people[1:])], ids=["disabled", "no longer named"])
def test_a_leavers_mail_goes_to_the_manager_and_what_is_held_goes_along(
    known: Engine, settings: Settings, company: CompanyDirectory
) -> None:
    with db.transaction(known) as session:
        (held,) = arrive(session, settings, HERS[2])
        (others,) = arrive(session, settings, "it+joe.fern@company.example")
        assert take_over(session, company).moved == 1
        assert place(session, held) == ("it", "joe.fern", JOE.mailbox)
        assert session.get_one(Delivery, held).note == "It was addressed to Mara Berg, who has left."
        assert session.get_one(Delivery, others).note == ""
        assert {folder(session, address) for address in HERS} == {("it", "joe.fern", JOE.mailbox)}
        assert all(door(session, settings).admits(Address.parse(address)) for address in HERS)
        (fresh,) = arrive(session, settings, HERS[1])
        assert session.get_one(Delivery, fresh).note == "It was addressed to Mara Berg, who has left."
        record = session.scalars(
            select(AuditRecord).where(col(AuditRecord.act) == "directory").order_by(col(AuditRecord.id).desc())
        ).first()
        assert record is not None
        assert record.detail["moved"] == 1
        assert take_over(session, company, days=1) == directory.Applied(len(company.people), 0, 0, 0, Plan(1))


def test_released_it_goes_to_the_managers_mailbox(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (held,) = arrive(session, settings, HERS[2])
        take_over(session, LEFT)
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(held,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        assert session.get_one(Delivery, held, populate_existing=True).state == "queued"
        assert place(session, held)[2] == JOE.mailbox


@pytest.mark.parametrize("company", [LEFT, MOVED], ids=["who leaves", "who moves"])
def test_what_is_released_at_the_same_moment_goes_where_it_was_released_to(
    postgresql_engine: Engine, settings: Settings, company: CompanyDirectory
) -> None:
    def other() -> None:
        with db.transaction(postgresql_engine) as session:
            take_over(session, company)

    with db.transaction(postgresql_engine) as session:
        take_over(session, WITH_MANAGER)
        (released,), (held,) = arrive(session, settings, HERS[2]), arrive(session, settings, HERS[2])
    thread = threading.Thread(target=other)
    with db.transaction(postgresql_engine) as session:
        decisions.decide_messages(session, DecisionRequest(Selection(ids=(released,)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
        thread.start()
        until(lambda: waits(postgresql_engine), "somebody waits for the mail")
    thread.join()
    with db.read_transaction(postgresql_engine) as session:
        assert place(session, released) == ("legal", "mara.berg", MARA.mailbox)
        assert place(session, held)[0] == "it"


def waits(engine: Engine) -> bool:
    """Whether a lock is waited for."""
    with engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_who_moved_and_then_left_is_followed_from_every_department(known: Engine) -> None:
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(replace(MARA, department="it", manager="joe.fern"), *COMPANY.people[1:])))
        take_over(session, replace(COMPANY, people=COMPANY.people[1:]))
        assert folder(session, "legal+mara.berg@company.example") == ("it", "joe.fern", JOE.mailbox)
        assert folder(session, "it+mara.berg@company.example") == ("it", "joe.fern", JOE.mailbox)


def test_by_default_the_door_refuses_and_what_is_held_stays_for_staff(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        (held,) = arrive(session, settings, HERS[2])
        take_over(session, LEFT, Leaving())
        assert place(session, held) == ("legal", "mara.berg", MARA.mailbox)
        snapshot = door(session, settings)
        assert all(snapshot.has_left(Address.parse(address)) and not snapshot.admits(Address.parse(address)) for address in HERS)
        assert not snapshot.has_left(Address.parse(JOE.mailbox))
        with pytest.raises(BadInput, match="the directory has no "):
            recipients.resolve_destination(session, HERS[0], HOUSE)


def test_the_directory_says_otherwise_for_one_person(known: Engine) -> None:
    one = replace(LEFT, people=(replace(LEFT.people[0], leaver="folder:it"), *LEFT.people[1:]))
    with db.transaction(known) as session:
        take_over(session, one, Leaving("refuse"))
        assert folder(session, HERS[0]) == ("it", "", "it@company.example")


def test_after_its_days_it_is_refused_also_when_the_directory_says_nothing_new(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        take_over(session, LEFT)
        version = recipient_map_version(session, NOW)
        assert leavers.refuse_leavers(session, MANAGER, version=directory.VERSION, now=NOW + timedelta(days=89)) == 0
        assert recipient_map_version(session, NOW) == version
        assert leavers.refuse_leavers(session, MANAGER, version=directory.VERSION, now=NOW + timedelta(days=90)) == 5, (
            "hers, and those of Ines"
        )
        assert recipient_map_version(session, NOW) != version
        assert door(session, settings).has_left(Address.parse(HERS[0]))
        take_over(session, LEFT, days=91)
        assert folder(session, HERS[0]) is None, "a later run does not begin anew"


def test_who_comes_back_has_all_addresses_again(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        take_over(session, replace(COMPANY, people=(replace(MARA, department="it"), *COMPANY.people[1:])))
        take_over(session, replace(COMPANY, people=COMPANY.people[1:]), Leaving())
        take_over(session, COMPANY, days=5)
        assert {folder(session, address) for address in (*HERS, "it+mara.berg@company.example")} == {("legal", "mara.berg", MARA.mailbox)}
        assert session.get_one(Person, "mara.berg", populate_existing=True).left_at is None
        take_over(session, LEFT, days=100)
        assert folder(session, HERS[0]) == ("it", "joe.fern", JOE.mailbox), "the days begin anew"


def test_who_takes_a_leavers_address_over_has_it(known: Engine) -> None:
    heir = replace(JOE, aliases=("m.berg@company.example",))
    with db.transaction(known) as session:
        take_over(session, replace(LEFT, people=(LEFT.people[0], heir, *LEFT.people[2:])), Leaving())
        assert folder(session, "m.berg@company.example") == ("it", "joe.fern", JOE.mailbox)
        assert session.get_one(KnownRecipient, "m.berg@company.example").kind == "alias"
        assert session.get_one(KnownRecipient, "mara.berg@company.example").kind == "gone"


def test_who_had_an_address_last_says_where_it_leads(known: Engine) -> None:
    first = PersonEntry("ada", "Ada", "it", "ada@company.example", ("lead@company.example",), manager="joe.fern")
    then = replace(first, uid="bo", mailbox="bo@company.example", manager="mara.berg")
    with db.transaction(known) as session:
        for day, people in enumerate([(first,), (), (then,), ()]):
            take_over(session, replace(COMPANY, people=(*COMPANY.people, *people)), days=day * 60)
        assert folder(session, "lead@company.example") == ("legal", "mara.berg", MARA.mailbox), "the days of the one before are over"


@pytest.mark.parametrize("folder", ["department:legal", "person:mara.berg"])
def test_a_leavers_sealed_folder_stays_sealed(known: Engine, settings: Settings, folder: str) -> None:
    seal = (ConfidentialEntry(folder, ("ben",)),)
    with db.transaction(known) as session:
        take_over(session, replace(WITH_MANAGER, sealed=seal))
        (held,) = arrive(session, settings, HERS[2])
        take_over(session, replace(LEFT, sealed=seal))
        (fresh,) = arrive(session, settings, HERS[1])
        assert {place(session, one) for one in (held, fresh)} == {("legal", "mara.berg", JOE.mailbox)}


def test_what_is_held_in_a_sealed_department_stays_when_its_person_moves(known: Engine, settings: Settings) -> None:
    seal = (ConfidentialEntry("department:legal", ("ben",)),)
    with db.transaction(known) as session:
        take_over(session, replace(WITH_MANAGER, sealed=seal))
        (held,) = arrive(session, settings, HERS[2])
        assert take_over(session, replace(COMPANY, people=(replace(MARA, department="it"), *COMPANY.people[1:]), sealed=seal)).moved == 0
        assert place(session, held) == ("legal", "mara.berg", MARA.mailbox)


@pytest.mark.parametrize("rule", ["folder:hr", "boss"])
def test_a_rule_that_is_none_changes_nothing(known: Engine, rule: str) -> None:
    with pytest.raises(BadInput, match=r"\[directory\] leavers: "), db.transaction(known) as session:
        take_over(session, LEFT, Leaving(rule))
    with db.read_transaction(known) as session:
        assert session.get_one(Person, "mara.berg").active


def test_what_was_promised_to_somebody_who_left_meanwhile_is_held_where_it_is_seen(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        take_over(session, LEFT, Leaving())
        rules.add_rule(session, RuleOrder("allow", "address", "sales@supplier.example", "company"), by=ANA, now=NOW, settings=settings)
        arrived = arrive(session, settings, HERS[0], "sold+x@company.example", "legal+y@company.example", dmarc=DMARC_PASS)
        rows = {row.recipient: row for row in (session.get_one(Delivery, one) for one in arrived)}
        assert {row.rule for row in rows.values()} == {"recipient-left"}
        assert {(row.state, bool(row.department), bool(row.note)) for row in rows.values()} == {("held", True, True)}
        assert [(row.department, row.person) for row in rows.values()] == [("legal", "mara.berg"), ("it", ""), ("legal", "")]


def test_a_leavers_webmail_is_linked_to_nobody_of_that_name_later(known: Engine) -> None:
    with db.transaction(known) as session:
        _, hers = webmail_links.create_link(session, "Roundcube", by=Actor.employee("mara.berg", "Mara Berg"), now=NOW)
        _, his = webmail_links.create_link(session, "Roundcube", by=Actor.employee("joe.fern", "Joe Fern"), now=NOW)
        take_over(session, LEFT)
        take_over(session, COMPANY, days=1)
        assert [bool(link_holders.find_link_holder(session, key, (), NOW)) for key in (hers, his)] == [False, True]
