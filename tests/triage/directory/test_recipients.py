"""Owner of an address, the precedence of several meanings, and the target of a redirect."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from tests.triage import arriving
from tests.triage.arriving import NOW, SYNC, arrive
from triage.addressing.company import DepartmentEntry, GroupEntry, PersonEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company, Relay, Settings
from triage.delivery import queue
from triage.directory import apply as directory, recipients
from triage.errors import BadInput
from triage.intake.build_recipient_map import build_recipient_map
from triage.store import db, ledger
from triage.store.delivery_state import Event
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery

HOUSE = Company(domains=("company.example", "xn--gro-7ka.example"), hostname="mx.company.example")
COMPANY = replace(
    arriving.COMPANY,
    departments=(*arriving.COMPANY.departments, DepartmentEntry("ops", "Operations")),
    people=(
        *arriving.COMPANY.people,
        PersonEntry("ops", "Oda Petersen", "legal", "ops@company.example"),  # a uid and a mailbox like the department's code
        PersonEntry("joe.fern+x", "Joel Fernandez", "legal", "joe.fern+x@company.example", ("it+joe.fern@company.example",)),
        PersonEntry("jörg", "Jörg Groß", "legal", "Jörg@groß.example", ("legal+joe.fern@company.example",)),
    ),
    groups=(
        GroupEntry("all@company.example", "Everybody", "legal", ("mara.berg", "joe.fern"), aliases=("everyone@company.example",)),
        GroupEntry("far@company.example", "Far away", "it", aliases=("ops+far@company.example",), expand=False),
        GroupEntry("it@company.example", "Tickets", "it", expand=False),
    ),
)


@pytest.fixture
def known(engine: Engine) -> Engine:
    with db.transaction(engine) as session:
        directory.apply_directory(session, COMPANY, HOUSE, by=SYNC, now=NOW)
    return engine


def meant(session: Session, text: str) -> tuple[str, str, str, str] | None:
    found = recipients.resolve_address(session, Address.parse(text), HOUSE, spelled=text)
    return (found.department, found.person, found.mailbox, found.detail) if found else None


MARA = "mara.berg@company.example"
JOE = "joe.fern@company.example"
JOEL = "joe.fern+x@company.example"
ODA = "ops@company.example"
JÖRG = "jörg@xn--gro-7ka.example"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        # triage addresses, ordinary addresses, aliases, in any case and any form of the domain
        ("legal+mara.berg@company.example", ("legal", "mara.berg", MARA, "")),
        ("Legal+Mara.Berg@Company.Example", ("legal", "mara.berg", MARA, "")),
        ("legal+mara.berg@groß.example", ("legal", "mara.berg", MARA, "")),
        ("legal+mara.berg@XN--GRO-7KA.example", ("legal", "mara.berg", MARA, "")),
        (MARA, ("legal", "mara.berg", MARA, "")),
        ("m.berg@company.example", ("legal", "mara.berg", MARA, "")),
        ("JO\u0308RG@GROẞ.example", ("legal", "jörg", JÖRG, "")),
        ("legal+jörg@company.example", ("legal", "jörg", JÖRG, "")),
        # details of people's addresses, as they were spelled
        ("mara.berg+Shop@company.example", ("legal", "mara.berg", MARA, "Shop")),
        ("m.berg+a+b@company.example", ("legal", "mara.berg", MARA, "a+b")),
        ("legal+mara.berg+Shop@company.example", ("legal", "mara.berg", MARA, "Shop")),
        ("jörg+Ä@groß.example", ("legal", "jörg", JÖRG, "Ä")),
        # role addresses and groups, which take none
        ("info@company.example", ("it", "", "it@company.example", "")),
        ("info+x@company.example", None),
        ("all@company.example", ("legal", "", "all@company.example", "")),
        ("Everyone@company.example", ("legal", "", "all@company.example", "")),
        ("all+x@company.example", None),
        # but what the server behind takes apart, such as the answers to a ticket; none where those would be triage addresses
        ("far+Ticket-4711@company.example", ("it", "", "far@company.example", "Ticket-4711")),
        ("ops+far+4711@company.example", ("it", "", "far@company.example", "4711")),
        ("it+left.person@company.example", None),
        # postmaster and abuse, in each of our domains
        ("postmaster@company.example", ("", "", JOE, "")),
        ("Abuse@groß.example", ("", "", JOE, "")),
        ("abuse+x@company.example", None),
        ("abuse@other.example", None),
        # what could mean two things: the person a+b goes before a detail b of a
        (JOEL, ("legal", "joe.fern+x", JOEL, "")),
        ("joe.fern+x+y@company.example", ("legal", "joe.fern+x", JOEL, "y")),
        ("joe.fern+y@company.example", ("it", "joe.fern", JOE, "y")),
        # a triage address goes before an alias, and one that is nobody's is no detail
        ("it+joe.fern@company.example", ("it", "joe.fern", JOE, "")),
        ("it+joe.fern+x@company.example", ("it", "joe.fern", JOE, "x")),
        ("legal+joe.fern+x@company.example", ("legal", "joe.fern+x", JOEL, "")),
        ("legal+joe.fern@company.example", ("legal", "jörg", JÖRG, "")),
        # a person like a department's code: no details, since those would be triage addresses of people who left
        ("ops@company.example", ("legal", "ops", ODA, "")),
        ("ops+left.person@company.example", None),
        ("legal+ops+shop@company.example", ("legal", "ops", ODA, "shop")),
        # nobody
        ("it+mara.berg@company.example", None),
        ("ines.old@company.example", None),
        ("it+ines.old@company.example", None),
        ("nobody@company.example", None),
        ("mara.berg@other.example", None),
        ("mara.berg+@company.example", None),
    ],
)
def test_whom_an_address_means(known: Engine, address: str, expected: tuple[str, str, str, str] | None) -> None:
    with db.read_transaction(known) as session:
        assert meant(session, address) == expected
        recipient_map = build_recipient_map(session, settings=Settings(HOUSE), now=NOW)
    assert recipient_map is not None
    assert recipient_map.admits(Address.parse(address)) == (expected is not None), "SMTP server and processor must not disagree"


def test_another_delimiter(sqlite_engine: Engine) -> None:
    house = replace(HOUSE, delimiter="-")
    with db.transaction(sqlite_engine) as session:
        directory.apply_directory(session, arriving.COMPANY, house, by=SYNC, now=NOW)
    with db.read_transaction(sqlite_engine) as session:
        for address, detail in [("legal-mara.berg@company.example", ""), ("mara.berg-shop@company.example", "shop")]:
            found = recipients.resolve_address(session, Address.parse(address), house, spelled=address)
            assert found is not None
            assert (found.person, found.detail) == ("mara.berg", detail)
        assert recipients.resolve_address(session, Address.parse("mara.berg+shop@company.example"), house) is None


def test_a_domain_that_the_directory_has_not_seen_yet_has_a_postmaster(known: Engine) -> None:
    with db.read_transaction(known) as session:
        found = recipients.resolve_address(session, Address.parse("abuse@new.example"), replace(HOUSE, domains=("new.example",)))
    assert found is not None
    assert (found.mailbox, found.always) == (JOE, True)


def test_who_moves_keeps_the_old_address_and_who_leaves_loses_both(known: Engine) -> None:
    moved = [replace(one, department="it") if one.uid == "mara.berg" else one for one in COMPANY.people]
    again = [replace(one, department="ops") if one.uid == "mara.berg" else one for one in COMPANY.people]
    gone = [replace(one, active=False) if one.uid == "mara.berg" else one for one in COMPANY.people]
    with db.transaction(known) as session:
        directory.apply_directory(session, replace(COMPANY, people=tuple(moved)), HOUSE, by=SYNC, now=NOW)
        assert meant(session, "legal+mara.berg@company.example") == ("it", "mara.berg", MARA, "")
        assert meant(session, "legal+mara.berg+Shop@company.example") == ("it", "mara.berg", MARA, "Shop")
        directory.apply_directory(session, replace(COMPANY, people=tuple(again)), HOUSE, by=SYNC, now=NOW)
        assert {meant(session, f"{code}+mara.berg@company.example") for code in ("legal", "it", "ops")} == {("ops", "mara.berg", MARA, "")}
        directory.apply_directory(session, replace(COMPANY, people=tuple(gone)), HOUSE, by=SYNC, now=NOW)
        assert {meant(session, f"{code}+mara.berg@company.example") for code in ("legal", "it", "ops")} == {None}


def test_staff_are_told_of_an_old_department_and_of_a_group(known: Engine, settings: Settings) -> None:
    settings = replace(settings, company=HOUSE)
    moved = [replace(one, department="it") if one.uid == "mara.berg" else one for one in COMPANY.people]
    with db.transaction(known) as session:
        directory.apply_directory(session, replace(COMPANY, people=tuple(moved)), HOUSE, by=SYNC, now=NOW)
        to = ("legal+mara.berg+Shop@company.example", "all@company.example", "far@company.example", JOE)
        arrived = arrive(session, settings, *to)
        notes = {row.recipient: row.note for row in (session.get_one(Delivery, one) for one in arrived)}
        on_record = session.scalars(select(AuditRecord.detail).where(col(AuditRecord.act) == "receive")).one()
    assert notes == {
        "legal+mara.berg+shop@company.example": "It was addressed to the former department legal: Mara Berg works elsewhere now.",
        "all@company.example": "It is for the distribution list Everybody: each member gets a copy when it is delivered.",
        "far@company.example": "It is for the distribution list Far away. "
        "Another server knows its members, so delivered copies cannot be recalled.",
        JOE: "",
    }
    assert set(on_record["notes"].values()) == {note for note in notes.values() if note}


def test_one_mailbox_gets_one_copy_for_each_detail(known: Engine, settings: Settings) -> None:
    settings = replace(settings, company=HOUSE)
    with db.transaction(known) as session:
        to = (MARA, "m.berg@company.example", "mara.berg+Shop@company.example", "legal+mara.berg+shop@company.example")
        rows = [session.get_one(Delivery, one) for one in arrive(session, settings, *to)]
        assert [(row.recipient, row.mailbox, row.detail) for row in rows] == [
            (MARA, MARA, ""),
            ("mara.berg+shop@company.example", MARA, "Shop"),
        ]


@pytest.mark.parametrize(
    ("to", "goes"),
    [
        ("it+joe.fern+Shop@company.example", "joe.fern+Shop@company.example"),
        ("it+joe.fern+X@company.example", "joe.fern@company.example"),  # joe.fern+x@ is somebody else's mailbox
    ],
)
def test_a_detail_never_makes_somebody_elses_address(engine: Engine, settings: Settings, to: str, goes: str) -> None:
    settings = replace(settings, company=HOUSE, relay=Relay(next_hop="lmtp://internal.example"))
    joel = PersonEntry("joe.fern+x", "Joel Fernandez", "legal", "joe.fern+x@company.example")
    with db.transaction(engine) as session:
        directory.apply_directory(session, replace(arriving.COMPANY, people=(*arriving.COMPANY.people, joel)), HOUSE, by=SYNC, now=NOW)
        (one,) = arrive(session, settings, to)
        ledger.record_event(session, one, Event.RELEASE, by=SYNC, now=NOW, due_at=NOW, queued_at=NOW)
        (claim,) = queue.claim_deliveries(session, limit=1, settings=settings, now=NOW)
        assert (session.get_one(Delivery, one).person, claim.mailbox) == ("joe.fern", goes)


@pytest.mark.parametrize(
    ("to", "mailbox"),
    [
        ("mara.berg", MARA),
        ("Mara.Berg", MARA),
        ("person:mara.berg", MARA),
        ("legal+mara.berg@company.example", MARA),
        ("m.berg+x@company.example", MARA),
        ("it", "it@company.example"),
        ("department:it", "it@company.example"),
        ("info@company.example", "it@company.example"),
        ("person:ops", ODA),
        ("all@company.example", "all@company.example"),
        ("everyone@company.example", "all@company.example"),
        ("postmaster@company.example", JOE),
    ],
)
def test_where_a_redirect_goes(known: Engine, to: str, mailbox: str) -> None:
    with db.read_transaction(known) as session:
        assert recipients.resolve_destination(session, to, HOUSE) == mailbox


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("ops", "“ops” is both a person and a department; write person:ops or department:ops"),
        ("legal", "the department legal has no mailbox; name one in the directory, or redirect to a person"),
        ("ines.old", "the directory has no “ines.old”"),
        ("a@elsewhere.example", "; name a person, a department, a distribution list or an address of the company"),
        ("person:legal", "the directory has no"),
        ("", "the directory has no"),
    ],
)
def test_where_no_redirect_goes(known: Engine, to: str, says: str) -> None:
    with db.read_transaction(known) as session, pytest.raises(BadInput, match=says):
        recipients.resolve_destination(session, to, HOUSE)
