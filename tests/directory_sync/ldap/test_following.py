"""A company of 600 in a real slapd is taken over and followed; whatever happens to the server, nothing unwanted changes."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from directory_sync.ldap.ldap_source import LdapSource
from tests.directory_sync import company600
from tests.directory_sync.entries import GROUPS, PEOPLE, ldif
from tests.directory_sync.ldap.test_ldap_source import COMPANY, settings
from tests.peers.processes import HANG
from tests.peers.slapd import Slapd, start_slapd
from triage.actor import EVERYTHING, Actor, Role
from triage.addressing.company import CompanyDirectory
from triage.addressing.envelope import Address
from triage.config.settings import Directory
from triage.directory import address_changes, apply as directory, directory_rows, recipients
from triage.errors import BadInput, Unanswered
from triage.store import db
from triage.store.models.contacts import Contact
from triage.store.models.directory import Person
from triage.times import utcnow

pytestmark = pytest.mark.peers
SYNC = Actor.system("sync")
ADMIN = Actor.person("ida", Role.ADMIN, EVERYTHING)


@pytest.fixture(scope="module")
def entries() -> str:
    return ldif(*company600.people(), *company600.hostile(), *company600.groups())


@pytest.fixture
def server(entries: str) -> Iterator[Slapd]:
    with start_slapd(entries) as running:
        yield running


def of_600(server: Slapd, **values: object) -> Directory:
    given = {"staff_groups": (f"cn=reception,{GROUPS} => triage company",), "department_codes": ("Human Resources=hr",), "timeout": 2}
    return replace(settings(server), postmaster="p3@company.example", **(given | values))  # type: ignore[arg-type]


def take_over(engine: Engine, source: LdapSource, *, confirmed: bool = False) -> directory.Applied:
    found = source.read().company
    with db.transaction(engine) as session:
        return directory.apply_directory(session, found, COMPANY, by=SYNC, now=utcnow(), confirmed=confirmed)


def known(engine: Engine) -> CompanyDirectory:
    with db.read_transaction(engine) as session:
        return directory_rows.read_directory(session)


def test_the_company_is_taken_over_whole(server: Slapd, sqlite_engine: Engine) -> None:
    source = LdapSource(of_600(server), COMPANY)
    applied = take_over(sqlite_engine, source)
    company = known(sqlite_engine)
    # the flood is refused; an address that two claim is neither's, but a list of its own
    assert (applied.people, len(company.departments), len(company.groups)) == (
        600,
        16,
        19,
    )
    assert {one.code for one in company.departments} >= {"hr", "buro-einkauf", "works-council"}
    lists = {one.address: one for one in company.groups}
    assert (
        set(lists["everybody@company.example"].members) == set(lists["circle@company.example"].members) == {f"p{one}" for one in range(600)}
    )
    assert [(one.login, one.role, one.scope) for one in company.staff if one.scope == ("company",)] == [
        ("p15", "triage", ("company",)),
        ("p31", "triage", ("company",)),
    ]
    assert sum(one.scope != ("company",) for one in company.staff) == 15, "assistants triage the mail of those they assist"
    with db.read_transaction(sqlite_engine) as session:
        found = recipients.resolve_address(session, Address.parse("sales+p16@company.example"), COMPANY)
        assert found is not None
        assert (found.department, found.person) == ("sales", "p16")


def test_a_person_who_moves_leaves_or_joins(server: Slapd, sqlite_engine: Engine) -> None:
    source = LdapSource(of_600(server), COMPANY)
    take_over(sqlite_engine, source)
    server.modify(
        f"dn: uid=p100,{PEOPLE}\nchangetype: modify\nreplace: departmentNumber\ndepartmentNumber: Legal\n\n"
        f"dn: uid=p101,{PEOPLE}\nchangetype: delete\n\n"
        f"dn: uid=new,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: new\ncn: New\nsn: N\nmail: new@company.example\n"
        "departmentNumber: Press\n"
    )
    applied = take_over(sqlite_engine, source)
    said = [str(change) for change in applied.plan.changes if change.kind.value not in ("group",)]
    assert said == ["new joins: New, press", "p100 moves: from hr to legal", "p101 leaves: Name of p101"]
    with db.read_transaction(sqlite_engine) as session:
        assert session.get_one(Person, "p101").active is False
        assert recipients.resolve_address(session, Address.parse("p101@company.example"), COMPANY) is None
        assert recipients.resolve_address(session, Address.parse("press+new@company.example"), COMPANY) is not None


def killed(server: Slapd) -> None:
    server.stop()


def emptied(server: Slapd) -> None:
    server.load(ldif())


def halved(server: Slapd) -> None:
    server.load(ldif(*company600.people()[:300], *company600.groups()))


def moved(server: Slapd) -> None:
    server.load(ldif(*(company600.colleague(number, departmentNumber="Elsewhere") for number in range(600))))


def stripped(server: Slapd) -> None:
    server.load(ldif(*(company600.colleague(number, mail=f"p{number}@company.example") for number in range(600))))


@pytest.mark.parametrize("what", [killed, emptied, halved, moved, stripped])
def test_whatever_happens_to_the_server_nothing_unwanted_changes(what: object, server: Slapd, sqlite_engine: Engine) -> None:
    source = LdapSource(of_600(server), COMPANY)
    take_over(sqlite_engine, source)
    before = known(sqlite_engine)
    what(server)  # type: ignore[operator]
    for asked in (source, LdapSource(of_600(server), COMPANY)):
        with pytest.raises((Unanswered, BadInput)):
            take_over(sqlite_engine, asked)
    assert known(sqlite_engine) == before


@pytest.mark.parametrize("after", [3_000, 40_000, 90_000])
@pytest.mark.parametrize("how", ["slow", "cut"])
def test_a_server_that_falters_in_the_middle_changes_nothing(how: str, after: int, server: Slapd, sqlite_engine: Engine) -> None:
    take_over(sqlite_engine, LdapSource(of_600(server), COMPANY))
    before = known(sqlite_engine)
    with faltering(server.port, after, hang=how == "slow") as port, pytest.raises(Unanswered, match="does not answer"):
        LdapSource(of_600(server, url=f"ldap://localhost:{port}", sync_timeout=1), COMPANY).read()
    assert known(sqlite_engine) == before


@contextlib.contextmanager
def faltering(port: int, after: int, *, hang: bool) -> Iterator[int]:
    """A wire to the server that breaks or goes silent after so many bytes of its answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def carry() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as client, socket.create_connection(("127.0.0.1", port)) as server:
                threading.Thread(target=pump, args=(client, server), daemon=True).start()
                sent = 0
                while sent < after and (some := server.recv(1000)):
                    client.sendall(some)
                    sent += len(some)
                if hang:
                    done.wait(HANG)
                for one in (client, server):
                    one.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join(HANG)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until one side ends."""
    with contextlib.suppress(OSError):
        while some := source.recv(4096):
            target.sendall(some)


def test_an_older_entry_that_claims_an_address_in_a_confidential_folder_reads_nothing_until_somebody_approves(
    server: Slapd, sqlite_engine: Engine
) -> None:
    """p5 is older than p40, whose folder is confidential, and is given her address."""
    source = LdapSource(of_600(server, confidential=("person:p40 => p1",)), COMPANY)

    def sync() -> tuple[str, str]:
        with db.transaction(sqlite_engine) as session:
            found = source.read(holders=address_changes.read_holders(session)).company
            directory.apply_directory(session, found, COMPANY, by=SYNC, now=utcnow(), owners_wait=True)
            p40 = recipients.resolve_address(session, Address.parse("p40@company.example"), COMPANY)
            p5 = recipients.resolve_address(session, Address.parse("p5@company.example"), COMPANY)
            return p40.person if p40 else "", p5.person if p5 else ""

    assert sync() == ("p40", "p5")
    server.modify(f"dn: uid=p5,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: p40@company.example\n")
    assert sync() == ("p40", "p5")
    server.modify(f"dn: uid=p40,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: p5@company.example\n")
    assert sync() == ("p40", "p5"), "nor when the two are swapped"
    with db.transaction(sqlite_engine) as session:
        waiting = address_changes.list_changes(session, by=ADMIN)
        assert [(one.address, one.confidential) for one in waiting] == [("p40@company.example", True), ("p5@company.example", True)]
        address_changes.answer_changes(session, [one.address for one in waiting], approve=True, by=ADMIN, now=utcnow())
    assert sync() == ("p5", "p40")
    assert sync() == ("p5", "p40")


MODRDN = (("p100", "lind"), ("p101", "p100"), ("p102", "between"), ("p103", "p102"), ("between", "p103"))


def test_who_is_renamed_on_the_server_keeps_what_they_had(server: Slapd, sqlite_engine: Engine) -> None:
    """p100 marries, p101 gets p100's name at once, p102 and p103 swap theirs, and one who is new begins with nothing."""
    source = LdapSource(of_600(server), COMPANY)
    take_over(sqlite_engine, source)
    with db.transaction(sqlite_engine) as session:
        for number in range(100, 104):
            session.add(contact_of(f"p{number}"))
    server.modify("".join(renamed(*one) for one in MODRDN))
    new = "objectClass: inetOrgPerson\nuid: p101\ncn: New\nsn: N\nmail: new@company.example\n"
    server.modify(f"dn: uid=p101,{PEOPLE}\nchangetype: add\n{new}")
    applied = take_over(sqlite_engine, source)
    assert [str(change) for change in applied.plan.changes if change.kind.value == "gets another uid"] == [
        "p100 gets another uid: lind",
        "p101 gets another uid: p100",
        "p102 gets another uid: p103",
        "p103 gets another uid: p102",
    ]
    with db.read_transaction(sqlite_engine) as session:
        whose = dict(iter(session.execute(select(col(Contact.address), col(Contact.person)))))
    assert whose == {"p100@x.example": "lind", "p101@x.example": "p100", "p102@x.example": "p103", "p103@x.example": "p102"}


def test_a_server_that_was_set_up_anew_has_the_same_people_when_somebody_says_so(server: Slapd, sqlite_engine: Engine) -> None:
    take_over(sqlite_engine, LdapSource(of_600(server), COMPANY))
    server.load(ldif(*company600.people(), *company600.hostile(), *company600.groups()))
    source = LdapSource(of_600(server), COMPANY)
    with pytest.raises(BadInput, match=r"change the identity of 600 of 600 people"):
        take_over(sqlite_engine, source)
    applied = take_over(sqlite_engine, source, confirmed=True)
    assert {change.kind.value for change in applied.plan.changes} == {"gets another identity"}
    assert take_over(sqlite_engine, LdapSource(of_600(server), COMPANY)).plan.changes == ()


def renamed(was: str, now: str) -> str:
    """LDIF with which ldapmodify renames a person."""
    return f"dn: uid={was},{PEOPLE}\nchangetype: modrdn\nnewrdn: uid={now}\ndeleteoldrdn: 1\n\n"


def contact_of(uid: str) -> Contact:
    now = utcnow()
    address = f"{uid}@x.example"
    return Contact(address=address, person=uid, learned_at=now, first_sent_at=now, last_sent_at=now, last_mail_at=now)
