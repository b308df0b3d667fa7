"""Owners of addresses: an address stays with its holder of the last sync until a person approves another owner. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from triage.addressing.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry
from triage.directory.known_addresses import in_domains
from triage.say import say

PERSON, GROUP, DEPARTMENT = "person", "group", "department"  # kinds of owners
CONTESTED = "Claimed by several entries"  # name of the list that holds what comes for an address of nobody yet


@dataclass(frozen=True, slots=True)
class Holders:
    """Holders of addresses and names at the last sync: a source gives them to no other entry that claims them too."""

    addresses: Mapping[str, str] = field(default_factory=dict)  # address: identity or uid of a person, `group:NAME` of a list
    uids: Mapping[str, str] = field(default_factory=dict)  # uid: identity


NO_HOLDERS = Holders()


class Owner(NamedTuple):
    """A person, distribution list or department that has an address."""

    kind: str
    name: str  # uid, address of the list, code
    shown: str = ""  # full name
    identity: str = ""  # of a person, where the directory says one

    def is_same(self, other: "Owner") -> bool:
        """Whether it is the same one, whatever it is called in full."""
        return (self.kind, self.name) == (other.kind, other.name)

    @property
    def key(self) -> str:
        """Key of an owner in approvals: a person's identity, since uids may change."""
        return f"{self.kind}:{self.identity or self.name}"


class OwnerChange(NamedTuple):
    """An address that the directory gives to another owner than before."""

    address: str
    old: Owner
    new: Owner

    @property
    def sentence(self) -> str:
        """Sentence about who keeps the address, and who claims it."""
        return say("{claimant} claims it from {owner}, who keeps it until you approve", claimant=self.new.shown, owner=self.old.shown)


@dataclass(frozen=True, slots=True)
class Settled:
    """A directory in which every address has the owner it had before, or an approved one."""

    directory: CompanyDirectory
    waiting: tuple[OwnerChange, ...] = ()


def settle_owners(
    before: CompanyDirectory,
    wanted: CompanyDirectory,
    left: Mapping[str, str],
    approved: Collection[tuple[str, str]],
    domains: tuple[str, ...],
) -> Settled:
    """The wanted directory, its addresses with their owners of before unless another owner is approved.

    `left`: addresses of people who have left, and their uids. `approved`: addresses with the key of the new owner. A department that is
    gone owns nothing, and a department's address may go to a list or another department without asking.
    """
    held = {**leavers_addresses(before, left), **dict(list_owned(before, domains))}
    codes = {one.code for one in wanted.departments}
    changes = [
        OwnerChange(address, held[address], new)
        for address, new in list_owned(wanted, domains)
        if address in held and not held[address].is_same(new) and needs_approval(held[address], new, codes)
    ]
    given = tuple(one for one in changes if (one.address, one.new.key) in approved)
    waiting = tuple(one for one in changes if one not in given and one.address not in {other.address for other in given})
    settled = give_back(strip_addresses(before, wanted, changes, given, domains), before, waiting, domains)
    return Settled(settled, waiting)


def needs_approval(old: Owner, new: Owner, codes: Collection[str]) -> bool:
    """Whether this change of owner needs a person's approval."""
    return old.kind != DEPARTMENT or (new.kind == PERSON and old.name in codes)


def list_owned(directory: CompanyDirectory, domains: tuple[str, ...]) -> Iterator[tuple[str, Owner]]:
    """Lists the addresses that a directory's entries claim, with their owners; omits a list that only marks a conflict."""
    for person in directory.people:
        owner = owner_of(person)
        yield from ((address, owner) for address in addresses_of(person) if person.active)
    for group in directory.groups:
        if group.name != CONTESTED:
            owner = Owner(GROUP, group.address, group.name)
            yield from ((address, owner) for address in (group.address, *group.aliases))
    for department in directory.departments:
        owner = Owner(DEPARTMENT, department.code, department.name)
        yield from ((address, owner) for address in in_domains(department.roles, domains))


def leavers_addresses(before: CompanyDirectory, left: Mapping[str, str]) -> dict[str, Owner]:
    """The addresses of people who have left, which strangers go on writing to."""
    gone = {person.uid: owner_of(person) for person in before.people if not person.active}
    named = {address: gone[person.uid] for person in before.people if not person.active for address in addresses_of(person)}
    return {**named, **{address: gone[uid] for address, uid in left.items() if uid in gone}}


def owner_of(person: PersonEntry) -> Owner:
    """A person as an owner of addresses."""
    return Owner(PERSON, person.uid, person.name, person.identity)


def addresses_of(person: PersonEntry) -> tuple[str, ...]:
    """A person's mailbox and other addresses."""
    return (person.mailbox, *(one for one in person.aliases if one != person.mailbox))


def strip_addresses(
    before: CompanyDirectory,
    wanted: CompanyDirectory,
    changes: Iterable[OwnerChange],
    given: Iterable[OwnerChange],
    domains: tuple[str, ...],
) -> CompanyDirectory:
    """The directory without addresses that wait, or that are somebody else's by approval. Who has no address left is not taken."""
    taken = {one.address: one.new for one in given}
    lost = {(one.new.kind, one.new.name, one.address) for one in changes if one not in given}

    def keeps(kind: str, name: str, address: str) -> bool:
        new = taken.get(address)
        return (kind, name, address) not in lost and (new is None or (new.kind, new.name) == (kind, name))

    mailboxes = {one.uid: one.mailbox for one in before.people if one.active and keeps(PERSON, one.uid, one.mailbox)}
    kept = {one.uid: [address for address in addresses_of(one) if keeps(PERSON, one.uid, address)] for one in wanted.people}
    people = (strip_person(one, mailboxes.get(one.uid, ""), kept[one.uid]) for one in wanted.people)
    groups = (
        strip_group(one, [address for address in (one.address, *one.aliases) if keeps(GROUP, one.address, address)])
        for one in wanted.groups
    )
    departments = tuple(strip_roles(one, domains, keeps) for one in wanted.departments)
    return replace(
        wanted,
        people=tuple(one for one in people if one is not None),
        groups=tuple(one for one in groups if one is not None),
        departments=departments,
    )


def strip_person(person: PersonEntry, mailbox: str, kept: list[str]) -> PersonEntry | None:
    """A person with these of their addresses only. Where their mailbox is another's, it stays the one they had, "" none."""
    if not person.active or kept == list(addresses_of(person)):
        return person
    had = [mailbox] if mailbox and person.mailbox not in kept else []
    addresses = list(dict.fromkeys((*had, *kept)))
    return replace(person, mailbox=addresses[0], aliases=tuple(addresses[1:])) if addresses else None


def strip_group(group: GroupEntry, kept: list[str]) -> GroupEntry | None:
    """A list with these of its addresses only."""
    if kept == [group.address, *group.aliases] or group.name == CONTESTED:
        return group
    return replace(group, address=kept[0], aliases=tuple(kept[1:])) if kept else None


def strip_roles(department: DepartmentEntry, domains: tuple[str, ...], keeps: Callable[[str, str, str], bool]) -> DepartmentEntry:
    """A department without role addresses that are a person's or list's."""
    roles = tuple(in_domains(department.roles, domains))
    kept = tuple(one for one in roles if keeps(DEPARTMENT, department.code, one))
    return department if kept == roles else replace(department, roles=kept)


def give_back(
    directory: CompanyDirectory, before: CompanyDirectory, waiting: Iterable[OwnerChange], domains: tuple[str, ...]
) -> CompanyDirectory:
    """The directory in which the owners of before have the addresses that wait, also where their own entry no longer claims them."""
    kept: dict[str, dict[str, list[str]]] = {PERSON: {}, GROUP: {}, DEPARTMENT: {}}
    for one in waiting:
        kept[one.old.kind].setdefault(one.old.name, []).append(one.address)
    people, groups, departments = kept[PERSON], kept[GROUP], kept[DEPARTMENT]
    there = {one.address for one in directory.groups}
    lost_groups = (replace(one, aliases=()) for one in before.groups if one.address in groups and one.address not in there)
    return replace(
        directory,
        people=tuple(with_addresses(one, people.get(one.uid, ())) for one in directory.people),
        groups=tuple(with_aliases(one, groups.get(one.address, ())) for one in (*directory.groups, *lost_groups)),
        departments=tuple(with_roles(one, departments.get(one.code, ()), domains) for one in directory.departments),
    )


def with_addresses(person: PersonEntry, kept: Collection[str]) -> PersonEntry:
    """A person who keeps these addresses too."""
    more = tuple(one for one in kept if one not in addresses_of(person)) if person.active else ()
    return replace(person, aliases=(*person.aliases, *more)) if more else person


def with_aliases(group: GroupEntry, kept: Collection[str]) -> GroupEntry:
    """A list that keeps these addresses too."""
    more = tuple(one for one in kept if one not in (group.address, *group.aliases))
    return replace(group, aliases=(*group.aliases, *more)) if more else group


def with_roles(department: DepartmentEntry, kept: Collection[str], domains: tuple[str, ...]) -> DepartmentEntry:
    """A department that keeps these role addresses too."""
    more = tuple(one for one in kept if one not in tuple(in_domains(department.roles, domains)))
    return replace(department, roles=(*department.roles, *more)) if more else department
