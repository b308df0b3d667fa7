"""Every address that mail is accepted for, out of a company's directory, and whose it is (docs/addresses.md)."""

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from triage.company import CompanyDirectory, PersonEntry
from triage.door import ALWAYS
from triage.envelope import Address
from triage.errors import BadInput
from triage.models import KnownRecipient
from triage.settings import Company


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
