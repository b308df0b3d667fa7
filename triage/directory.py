"""Takes a company's directory over: departments, people, groups, addresses and staff become as it says. Who is staff."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session, SQLModel, col

from triage import ledger, markers
from triage.actor import Actor, Role, Scope
from triage.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry
from triage.door import ALWAYS
from triage.envelope import Address
from triage.errors import BadInput
from triage.models import Delivery, Department, KnownRecipient, MailGroup, Person, StaffMember
from triage.settings import Company
from triage.states import State

VERSION = "directory"  # the marker that moves when recipients or people change
FEW = 5  # people, or per cent of them, who may leave at once (security.md)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a take-over changed."""

    people: int
    recipients_added: int
    recipients_removed: int
    moved: int  # held deliveries that went along with people who moved


def staff(session: Session, login: str) -> Actor | None:
    """The member of staff with this login, as an actor with role and scope; None when there is none (any more)."""
    member = session.get(StaffMember, login.casefold())
    if member is None or not member.active:
        return None
    return Actor.person(member.login, Role(member.role), Scope.parse(tuple(member.scope)), member.name)


def apply(
    session: Session, directory: CompanyDirectory, company: Company, *, by: Actor, now: datetime, many_leave: bool = False
) -> Applied:
    """Take a company's directory over: departments, people, groups, addresses and staff become as it says, in one transaction.

    Nothing is applied when it is inconsistent (BadInput says where) or when more than 5 and more than 5 % of the people
    would go, which is a broken source more often than a broken company; `many_leave` says that it is meant.
    """
    addresses = addresses_of(directory, company)
    if not many_leave:
        brake(session, directory)
    keep_former(session, addresses, directory, company)
    added, removed = replace_recipients(session, addresses)
    changed = [
        replace(session, Department, [department_row(entry, company) for entry in directory.departments]),
        replace(session, Person, [person_row(entry) for entry in directory.people]),
        replace(session, MailGroup, [group_row(entry, company) for entry in directory.groups]),
    ]
    replace(session, StaffMember, [staff_row(entry) for entry in directory.staff])
    moved = follow_people(session)
    if added or removed or any(changed):
        markers.advance(session, VERSION)
    applied = Applied(len(directory.people), added, removed, moved)
    if added or removed or moved or any(changed):
        detail = {"people": applied.people, "groups": len(directory.groups), "added": added, "removed": removed, "moved": moved}
        ledger.write(session, "directory", "directory", by=by, now=now, detail=detail)
    return applied


def addresses_of(directory: CompanyDirectory, company: Company) -> dict[str, KnownRecipient]:
    """Every address that mail is accepted for. What binds more comes first and keeps an address; so does the first owner."""
    known: dict[str, KnownRecipient] = {}
    for one in all_addresses(directory, company):
        known.setdefault(one.address, one)
    return known


def all_addresses(directory: CompanyDirectory, company: Company) -> Iterator[KnownRecipient]:
    """The addresses as the entries give them, most binding first (docs/addresses.md)."""
    codes = {entry.code for entry in directory.departments}
    domains = company.domains
    for local in sorted(ALWAYS):
        for domain in domains:
            yield known_recipient(f"{local}@{domain}", "postmaster", "", "", directory.postmaster)
    for kind, addresses in PEOPLES.items():
        for person in directory.people:
            if person.department not in codes:
                raise BadInput(f"person {person.uid} is in department {person.department!r}, which the directory does not list")
            for address in addresses(person, company) if person.active else ():
                sub_addressed = address.rpartition("@")[0].casefold() not in codes
                yield known_recipient(address, kind, person.department, person.uid, person.mailbox, sub_addressed=sub_addressed)
    for department in directory.departments:
        for address in in_domains(department.roles, domains):
            yield known_recipient(address, "role", department.code, "", department.mailbox or address)
    for group in directory.groups:
        if group.department not in codes:
            raise BadInput(f"group {group.address} is in department {group.department!r}, which the directory does not list")
        for address in (group.address, *group.aliases):
            yield known_recipient(address, "group", group.department, "", group.address)


PEOPLES: dict[str, Callable[[PersonEntry, Company], Iterable[str]]] = {  # a person's addresses by kind, most binding first
    "legacy": lambda person, company: (person.mailbox,),
    "triage": lambda person, company: (triage_address(person.department, person.uid, domain, company) for domain in company.domains),
    "alias": lambda person, company: person.aliases,
}


def triage_address(code: str, uid: str, domain: str, company: Company) -> str:
    """`department+person@domain`."""
    return f"{code}{company.delimiter}{uid}@{domain}"


def in_domains(names: tuple[str, ...], domains: tuple[str, ...]) -> Iterator[str]:
    """Addresses as they are; a bare local part counts in every domain."""
    for name in names:
        yield from [name] if "@" in name else [f"{name}@{domain}" for domain in domains]


def keep_former(session: Session, addresses: dict[str, KnownRecipient], directory: CompanyDirectory, company: Company) -> None:
    """Add the triage addresses that people had in departments they have left: strangers go on writing there."""
    present = {entry.uid: entry for entry in directory.people if entry.active}
    earlier = session.scalars(select(KnownRecipient).where(col(KnownRecipient.kind).in_(["triage", "former"])))
    for row in earlier:
        person = present.get(row.person)
        if person is not None and row.address.rpartition("@")[2] in company.domains:
            former = known_recipient(row.address, "former", person.department, person.uid, person.mailbox, sub_addressed=True)
            addresses.setdefault(row.address, former)


def known_recipient(address: str, kind: str, department: str, person: str, mailbox: str, *, sub_addressed: bool = False) -> KnownRecipient:
    """One row, its address folded; BadInput when it is none."""
    return KnownRecipient(
        address=parsed(address, person or department or kind),
        kind=kind,
        department=department,
        person=person,
        mailbox=parsed(mailbox, person or department or kind),
        sub_addressed=sub_addressed,
    )


def parsed(text: str, owner: str) -> str:
    """An address of the directory, folded."""
    try:
        return str(Address.parse(text))
    except ValueError as fault:
        raise BadInput(f"the directory's entry for {owner}: {fault}") from fault


def brake(session: Session, directory: CompanyDirectory) -> None:
    """Refuse a directory that has suddenly lost many of its people."""
    present = set(session.scalars(select(col(Person.uid)).where(col(Person.active))))
    lost = len(present - {person.uid for person in directory.people if person.active})
    if lost > max(FEW, len(present) * FEW // 100):
        raise BadInput(
            f"the directory would take {lost} of {len(present)} people away: nothing was changed; "
            "when that is meant, run `mailroom sync --many-leave`"
        )


def replace_recipients(session: Session, wanted: dict[str, KnownRecipient]) -> tuple[int, int]:
    """Make the known recipients equal to `wanted`; how many rows came and went."""
    present = {row.address: row.model_dump() for row in session.scalars(select(KnownRecipient))}
    gone = sorted(address for address, row in present.items() if address not in wanted or wanted[address].model_dump() != row)
    for start in range(0, len(gone), 500):
        session.execute(delete(KnownRecipient).where(col(KnownRecipient.address).in_(gone[start : start + 500])))
    fresh = [row for address, row in wanted.items() if address not in present or address in set(gone)]
    session.expunge_all()
    session.add_all(fresh)
    session.flush()
    return len(fresh), len(gone)


def replace(session: Session, table: type[SQLModel], wanted: Sequence[SQLModel]) -> bool:
    """Make a small table equal to these rows; did anything change?"""
    if {fingerprint(row) for row in session.scalars(select(table))} == {fingerprint(row) for row in wanted}:
        return False
    session.expunge_all()
    session.execute(delete(table))
    session.add_all(wanted)
    session.flush()
    return True


def fingerprint(row: SQLModel) -> str:
    """Equal for equal rows, whether they were read or made."""
    return repr(sorted(row.model_dump().items()))


def department_row(entry: DepartmentEntry, company: Company) -> Department:
    """The row of a department; its first role address is its mailbox when it names none."""
    mailbox = entry.mailbox or next(in_domains(entry.roles, company.domains), "")
    return Department(code=entry.code, name=entry.name, mailbox=parsed(mailbox, entry.code) if mailbox else "")


def person_row(entry: PersonEntry) -> Person:
    """The row of a person."""
    return Person(
        uid=entry.uid, name=entry.name, department=entry.department, mailbox=parsed(entry.mailbox, entry.uid), active=entry.active
    )


def group_row(entry: GroupEntry, company: Company) -> MailGroup:
    """The row of a group. A member with an @ is an address, any other a person's uid."""
    return MailGroup(
        address=parsed(entry.address, entry.name),
        name=entry.name,
        department=entry.department,
        expand=entry.expand,
        members=[parsed(member, entry.address) if "@" in member else member for member in entry.members],
        external=[parsed(address, entry.address) for address in entry.external],
    )


def staff_row(entry: StaffEntry) -> StaffMember:
    """The row of a member of staff."""
    scope = Scope.parse(entry.scope).words()
    return StaffMember(
        login=entry.login.casefold(), name=entry.name, role=Role(entry.role).value, scope=scope, password_hash=entry.password_hash
    )


def follow_people(session: Session) -> int:
    """People who move to another department take their held mail along; how much that was."""
    theirs = select(col(Person.department)).where(col(Person.uid) == col(Delivery.person)).scalar_subquery()
    held = (col(Delivery.state) == State.HELD) & (col(Delivery.person) != "") & (col(Delivery.department) != theirs)
    changed: Any = session.execute(update(Delivery).where(held).values(department=theirs))
    return int(changed.rowcount)
