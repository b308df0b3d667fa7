"""Who is a recipient, and where; who is staff: `apply` takes a company's directory over, `resolve` answers from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlmodel import Session, SQLModel, col

from triage import ledger, markers
from triage.actor import Actor, Role, Scope
from triage.door import ALWAYS
from triage.envelope import Address
from triage.errors import BadInput
from triage.facts import Recipient
from triage.models import Delivery, Department, KnownRecipient, Person, StaffMember
from triage.states import State

VERSION = "directory"  # the marker that moves when recipients or people change
FEW = 5  # people, or per cent of them, who may leave at once (security.md)


@dataclass(frozen=True, slots=True)
class DepartmentEntry:
    """A department: its code stands in addresses, its mailbox takes what is sent to its role addresses."""

    code: str
    name: str
    mailbox: str = ""  # "": its role addresses cannot be released before one is named
    roles: tuple[str, ...] = ()  # local parts or addresses, e.g. "info"


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """Somebody who works here. `mailbox` is the ordinary address and is accepted too."""

    uid: str
    name: str
    department: str
    mailbox: str
    aliases: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class StaffEntry:
    """Somebody who triages."""

    login: str
    name: str
    role: str
    scope: tuple[str, ...]
    password_hash: str = ""


@dataclass(frozen=True, slots=True)
class CompanyDirectory:
    """Everything a directory source says, at one moment."""

    departments: tuple[DepartmentEntry, ...]
    people: tuple[PersonEntry, ...]
    staff: tuple[StaffEntry, ...]
    postmaster: str  # mailbox for postmaster@ and abuse@


@dataclass(frozen=True, slots=True)
class Applied:
    """What a take-over changed."""

    people: int
    recipients_added: int
    recipients_removed: int
    moved: int  # held deliveries that went along with people who moved


def resolve(session: Session, address: Address) -> Recipient | None:
    """Whom an envelope recipient means; None when nobody here has that address."""
    known = session.get(KnownRecipient, str(address))
    if known is None:
        return None
    return Recipient(known.address, known.department, known.person, known.mailbox, always=known.kind == "postmaster")


def staff(session: Session, login: str) -> Actor | None:
    """The member of staff with this login, as an actor with role and scope; None when there is none (any more)."""
    member = session.get(StaffMember, login.casefold())
    if member is None or not member.active:
        return None
    return Actor.person(member.login, Role(member.role), Scope.parse(tuple(member.scope)), member.name)


def apply(
    session: Session, company: CompanyDirectory, domains: tuple[str, ...], *, by: Actor, now: datetime, many_leave: bool = False
) -> Applied:
    """Take a company's directory over: departments, people, addresses and staff become as it says, in one transaction.

    Nothing is applied when it is inconsistent (BadInput says where) or when more than 5 and more than 5 % of the people
    would go, which is a broken source more often than a broken company; `many_leave` says that it is meant.
    """
    addresses = {known.address: known for known in addresses_of(company, domains)}
    if not many_leave:
        brake(session, company)
    added, removed = replace_recipients(session, addresses)
    replace(session, Department, [Department(code=entry.code, name=entry.name) for entry in company.departments])
    renamed = replace_people(session, company)
    replace(session, StaffMember, [staff_row(entry) for entry in company.staff])
    moved = follow_people(session)
    if added or removed or renamed:
        markers.advance(session, VERSION)
    applied = Applied(len(company.people), added, removed, moved)
    if added or removed or moved:
        detail = {"people": applied.people, "added": added, "removed": removed, "moved": moved}
        ledger.write(session, "directory", "directory", by=by, now=now, detail=detail)
    return applied


def addresses_of(company: CompanyDirectory, domains: tuple[str, ...]) -> Iterator[KnownRecipient]:
    """Every address that mail is accepted for. The first owner of an address keeps it."""
    taken: set[str] = set()
    for known in all_addresses(company, domains):
        if known.address not in taken:
            taken.add(known.address)
            yield known


def all_addresses(company: CompanyDirectory, domains: tuple[str, ...]) -> Iterator[KnownRecipient]:
    """The addresses as the entries give them, most binding first."""
    codes = {entry.code for entry in company.departments}
    for local in sorted(ALWAYS):
        for domain in domains:
            yield known_recipient(f"{local}@{domain}", "postmaster", "", "", company.postmaster)
    for person in company.people:
        if person.department not in codes:
            raise BadInput(f"person {person.uid} is in department {person.department!r}, which the directory does not list")
        if person.active:
            yield known_recipient(person.mailbox, "legacy", person.department, person.uid, person.mailbox)
            for domain in domains:
                yield known_recipient(f"{person.department}+{person.uid}@{domain}", "triage", person.department, person.uid, person.mailbox)
            for alias in person.aliases:
                yield known_recipient(alias, "alias", person.department, person.uid, person.mailbox)
    for department in company.departments:
        for role in department.roles:
            for address in [role] if "@" in role else [f"{role}@{domain}" for domain in domains]:
                yield known_recipient(address, "role", department.code, "", department.mailbox or address)


def known_recipient(address: str, kind: str, department: str, person: str, mailbox: str) -> KnownRecipient:
    """One row, its address folded; BadInput when it is none."""
    try:
        folded, box = str(Address.parse(address)), str(Address.parse(mailbox))
    except ValueError as fault:
        raise BadInput(f"the directory's entry for {person or department or kind}: {fault}") from fault
    return KnownRecipient(address=folded, kind=kind, department=department, person=person, mailbox=box)


def brake(session: Session, company: CompanyDirectory) -> None:
    """Refuse a directory that has suddenly lost many of its people."""
    present = set(session.scalars(select(col(Person.uid)).where(col(Person.active))))
    lost = len(present - {person.uid for person in company.people if person.active})
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


def replace_people(session: Session, company: CompanyDirectory) -> bool:
    """Make the people equal to the directory's; did anything change?"""
    wanted = [person_row(entry) for entry in company.people]
    present = {row.uid: row.model_dump() for row in session.scalars(select(Person))}
    if present == {row.uid: row.model_dump() for row in wanted}:
        return False
    session.expunge_all()
    replace(session, Person, wanted)
    return True


def replace(session: Session, table: type[SQLModel], rows: list[Any]) -> None:
    """Make a small table equal to these rows."""
    session.execute(delete(table))
    session.add_all(rows)
    session.flush()


def person_row(entry: PersonEntry) -> Person:
    """The row of a person."""
    return Person(
        uid=entry.uid, name=entry.name, department=entry.department, mailbox=str(Address.parse(entry.mailbox)), active=entry.active
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


def address_anew(session: Session, where: ColumnElement[bool]) -> None:
    """Let deliveries go where their envelope recipient leads today; those whose recipient is gone keep their mailbox."""
    today = select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.address) == col(Delivery.recipient)).scalar_subquery()
    session.execute(
        update(Delivery).where(where).values(mailbox=func.coalesce(today, col(Delivery.mailbox))),
        execution_options={"synchronize_session": False},
    )
