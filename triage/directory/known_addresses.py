"""Known addresses: the addresses that messages are accepted for, and their owners, from a company's directory
(docs/reference/addresses.md)."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from triage.addressing.company import CompanyDirectory, PersonEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company
from triage.directory.recipient_map import ALWAYS
from triage.errors import BadInput
from triage.store.models.directory import KnownRecipient


class KnownAddress(NamedTuple):
    """A row of KnownRecipient, its columns in their order. A large company has hundreds of thousands."""

    address: str
    kind: str
    department: str
    person: str
    mailbox: str
    sub_addressed: bool = False
    leaver: str = ""  # uid of who had it and has left


def addresses_of(directory: CompanyDirectory, company: Company) -> dict[str, KnownAddress]:
    """Maps accepted addresses to their owners, from a directory whose own addresses are folded (`directory_rows.normal`).

    What binds more comes first and keeps an address; so does the first owner.
    """
    known: dict[str, KnownAddress] = {}
    for one in all_addresses(directory, company):
        known.setdefault(one.address, one)
    return known


def all_addresses(directory: CompanyDirectory, company: Company) -> Iterator[KnownAddress]:
    """The addresses as the entries give them, most binding first (docs/reference/addresses.md)."""
    codes = {entry.code for entry in directory.departments}
    domains = company.domains
    for local in sorted(ALWAYS):
        for domain in domains:
            yield KnownAddress(f"{local}@{domain}", "postmaster", "", "", directory.postmaster)
    for kind, addresses in PEOPLES.items():
        for person in directory.people:
            if person.department not in codes:
                raise BadInput(f"person {person.uid} is in department “{person.department}”, which the directory does not list")
            for address in addresses(person, company) if person.active else ():
                sub_addressed = address.rpartition("@")[0] not in codes
                yield KnownAddress(address, kind, person.department, person.uid, person.mailbox, sub_addressed)
    for department in directory.departments:
        for address in in_domains(department.roles, domains):
            role = parse_directory_address(address, department.code)
            yield KnownAddress(role, "role", department.code, "", department.mailbox or role)
    for group in directory.groups:
        if group.department not in codes:
            raise BadInput(f"group {group.address} is in department “{group.department}”, which the directory does not list")
        for address in (group.address, *group.aliases):
            sub_addressed = not group.expand and address.rpartition("@")[0] not in codes  # tickets+4711@
            yield KnownAddress(address, "group", group.department, "", group.address, sub_addressed)


PEOPLES: dict[str, Callable[[PersonEntry, Company], Iterable[str]]] = {  # a person's addresses by kind, most binding first
    "legacy": lambda person, company: (person.mailbox,),
    "triage": lambda person, company: (
        address for domain in company.domains for address in triage_addresses(person.department, person.uid, domain, company)
    ),
    "alias": lambda person, company: person.aliases,
}


def triage_addresses(code: str, uid: str, domain: str, company: Company) -> Iterator[str]:
    """`department+person@domain`, folded; none where the names make no address, being too long together."""
    with contextlib.suppress(ValueError):
        yield str(Address.parse(f"{code}{company.delimiter}{uid}@{domain}"))


def in_domains(names: tuple[str, ...], domains: tuple[str, ...]) -> Iterator[str]:
    """Addresses as they are; a bare local part counts in every domain."""
    for name in names:
        yield from [name] if "@" in name else [f"{name}@{domain}" for domain in domains]


KEPT = ("triage", "former", "leaver", "gone")  # kinds that may be somebody's former triage address


def add_former(session: Session, addresses: dict[str, KnownAddress], directory: CompanyDirectory, company: Company) -> None:
    """Add the triage addresses that people had in departments they have left: strangers go on writing there."""
    present = {entry.uid: entry for entry in directory.people if entry.active}
    whose = func.coalesce(func.nullif(col(KnownRecipient.leaver), ""), col(KnownRecipient.person))
    earlier = select(col(KnownRecipient.address), col(KnownRecipient.kind), whose).where(col(KnownRecipient.kind).in_(KEPT))
    for address, kind, uid in session.execute(earlier):
        person = present.get(uid)
        if kind not in ("triage", "former") and not address.partition("@")[0].endswith(company.delimiter + uid):
            continue  # who is back gets the other addresses from the directory
        if address not in addresses and person is not None and address.rpartition("@")[2] in company.domains:
            addresses[address] = KnownAddress(address, "former", person.department, uid, person.mailbox, True)


def parse_directory_address(text: str, owner: str) -> str:
    """An address of the directory, folded."""
    try:
        return str(Address.parse(text))
    except ValueError as fault:
        raise BadInput(f"the directory's entry for {owner}: {fault}") from fault
