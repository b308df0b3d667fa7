"""The directory as rows and back: what the tables say is a CompanyDirectory again, and a table is made equal to what it shall be."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, insert, select, true, update
from sqlmodel import Session, SQLModel, col

from triage.access import confidential_folders
from triage.access.accounts import DIRECTORY
from triage.actor import Role, Scope, rights_of
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry
from triage.config.settings import Company
from triage.directory.known_addresses import in_domains, parse_directory_address
from triage.store.models.directory import Department, KnownRecipient, MailGroup, Person
from triage.store.models.staff import StaffMember

SLICE = 500  # rows of one statement

T = TypeVar("T")


class Difference(NamedTuple):
    """Numbers of rows in a table that were added, removed and changed."""

    fresh: int
    gone: int
    changed: int


def read_directory(session: Session, like: Iterable[PersonEntry] = ()) -> CompanyDirectory:
    """The directory as it was taken over last. Who is among `like` just so is that value: a large company is in memory once."""
    known = {person: person for person in like}
    people = (entry_of(PersonEntry, row) for row in list_rows(session, Person))
    return CompanyDirectory(
        departments=tuple(entry_of(DepartmentEntry, row) for row in list_rows(session, Department)),
        people=tuple(known.get(person, person) for person in people),
        groups=tuple(entry_of(GroupEntry, row) for row in list_rows(session, MailGroup)),
        staff=tuple(entry_of(StaffEntry, row) for row in list_rows(session, StaffMember) if row["active"]),
        sealed=confidential_folders.list_entries(session),
        postmaster=session.scalar(select(col(KnownRecipient.mailbox)).where(col(KnownRecipient.kind) == "postmaster").limit(1)) or "",
    )


def entry_of(kind: type[T], row: dict[str, Any]) -> T:
    """A row as the directory's entry: its fields have the names of the columns."""
    return kind(**{one.name: row[one.name] for one in fields(kind)})  # type: ignore[arg-type]


def list_rows(session: Session, table: type[SQLModel]) -> Iterator[dict[str, Any]]:
    """A table's rows, of staff those of the directory, in the order of their keys. Lists are tuples, to be equal to what entries hold."""
    given = list_columns(table).source == DIRECTORY if table is StaffMember else true()
    key = table.__table__.primary_key.columns  # type: ignore[attr-defined]
    found = session.execute(select(*list_columns(table)).where(given).order_by(*key).execution_options(yield_per=SLICE))
    for row in found:
        yield {name: tuple(value) if isinstance(value, list) else value for name, value in row._mapping.items()}


def list_columns(table: type[SQLModel]) -> Any:
    """A table's columns."""
    return table.__table__.columns  # type: ignore[attr-defined]


def normalise_directory(directory: CompanyDirectory, company: Company) -> CompanyDirectory:
    """The directory as the tables will say it: addresses and logins folded, scopes sorted. BadInput names an entry that is wrong."""
    return CompanyDirectory(
        departments=tuple(build_department(entry, company) for entry in directory.departments),
        people=tuple(build_person(entry) for entry in directory.people),
        groups=tuple(build_group(entry) for entry in directory.groups),
        staff=tuple(build_member(entry) for entry in directory.staff),
        postmaster=parse_directory_address(directory.postmaster, "postmaster"),
        sealed=index_confidential(directory),
        unread=directory.unread,
        unread_identities=directory.unread_identities,
        unread_staff=directory.unread_staff,
    )


def build_department(entry: DepartmentEntry, company: Company) -> DepartmentEntry:
    """A department; its first role address is its mailbox when it names none."""
    mailbox = entry.mailbox or next(in_domains(entry.roles, company.domains), "")
    return DepartmentEntry(
        entry.code, entry.name, parse_directory_address(mailbox, entry.code) if mailbox else "", entry.roles, entry.responsible
    )


def build_person(entry: PersonEntry) -> PersonEntry:
    """A person."""
    aliases = tuple(parse_directory_address(alias, entry.uid) for alias in entry.aliases)
    mailbox = parse_directory_address(entry.mailbox, entry.uid)
    return entry if (mailbox, aliases) == (entry.mailbox, entry.aliases) else replace(entry, mailbox=mailbox, aliases=aliases)


def build_group(entry: GroupEntry) -> GroupEntry:
    """A group. A member with an @ is an address, any other a person's uid."""
    return GroupEntry(
        address=parse_directory_address(entry.address, entry.name),
        name=entry.name,
        department=entry.department,
        members=tuple(parse_directory_address(one, entry.address) if "@" in one else one for one in entry.members),
        external=tuple(parse_directory_address(one, entry.address) for one in entry.external),
        aliases=tuple(parse_directory_address(one, entry.address) for one in entry.aliases),
        expand=entry.expand,
        closed=entry.closed,
    )


def build_member(entry: StaffEntry) -> StaffEntry:
    """A member of staff."""
    scope = tuple(Scope.parse(entry.scope).words())
    rights = tuple(sorted(rights_of(entry.rights)))
    return StaffEntry(entry.login.casefold(), entry.name, Role(entry.role).value, scope, entry.password_hash, rights)


def index_confidential(directory: CompanyDirectory) -> tuple[ConfidentialEntry, ...]:
    """The seals by their folders, logins folded."""
    found: dict[str, set[str]] = {}
    for entry in directory.sealed:
        found.setdefault(entry.folder.casefold(), set()).update(login.casefold() for login in entry.staff)
    return tuple(ConfidentialEntry(folder, tuple(sorted(found[folder]))) for folder in sorted(found))


def with_unread(directory: CompanyDirectory, before: CompanyDirectory) -> CompanyDirectory:
    """The directory with those as they were whose entries cannot be taken, also in groups and as staff: a typo is nobody's leaving."""
    kept = unchanged_people(directory, before)
    homes = {person.department for person in kept} - {one.code for one in directory.departments}
    departments = (*directory.departments, *(one for one in before.departments if one.code in homes))
    had = {person.identity: person.uid for person in kept if person.identity}
    were = {uid: had[identity] for uid, identity in zip(directory.unread, directory.unread_identities, strict=False) if identity in had}
    groups = tuple(replace(one, members=tuple(were.get(uid, uid) for uid in one.members)) for one in directory.groups)
    triage = {were.get(uid, uid) for uid in directory.unread_staff}
    logins = {one.login or one.uid for one in kept if one.uid in triage} - {one.login for one in directory.staff}
    assisted = {f"person:{uid}": f"person:{was}" for uid, was in were.items()}
    named_now = (replace(one, scope=tuple(assisted.get(word, word) for word in one.scope)) for one in directory.staff)
    staff = (*named_now, *(one for one in before.staff if one.login in logins))
    return replace(directory, people=(*directory.people, *kept), departments=departments, groups=groups, staff=staff)


def unchanged_people(directory: CompanyDirectory, before: CompanyDirectory) -> tuple[PersonEntry, ...]:
    """Returns unreadable people as they were before, unless somebody who was read has their name or identity."""
    named = {person.uid for person in directory.people}
    known = {person.identity for person in directory.people} - {""}
    unread, identities = set(directory.unread), set(directory.unread_identities) - {""}
    meant = (one for one in before.people if one.active and (one.uid in unread or one.identity in identities))
    return tuple(one for one in meant if one.uid not in named and one.identity not in known)


def with_old_seals(directory: CompanyDirectory, before: CompanyDirectory) -> CompanyDirectory:
    """The directory with the seals on whom it no longer names: their mail is still here, and does not open by itself."""
    named = {f"department:{one.code}" for one in directory.departments} | {f"person:{one.uid}" for one in directory.people}
    named |= {one.folder for one in directory.sealed}
    old = [one for one in before.sealed if one.folder not in named]
    return replace(directory, sealed=tuple(sorted([*directory.sealed, *old], key=lambda one: one.folder)))


def equalise_table(session: Session, table: type[SQLModel], wanted: Mapping[str, T], row_of: Callable[[T], dict[str, Any]]) -> Difference:
    """Make a table hold exactly these entries, by their keys. What is equal is not touched, nor are columns that rows do not name."""
    key = table.__table__.primary_key.columns.keys()[0]  # type: ignore[attr-defined]
    gone, changed, missing = [], [], dict.fromkeys(wanted)
    for row in list_rows(session, table):
        name = row[key]
        if name not in wanted:
            gone.append(name)
            continue
        del missing[name]
        if not row_of(wanted[name]).items() <= row.items():
            changed.append(name)
    fresh = list(missing)
    for start in range(0, len(gone), SLICE):
        session.execute(delete(table).where(list_columns(table)[key].in_(gone[start : start + SLICE])))
    for start in range(0, len(fresh), SLICE):
        session.execute(insert(table), [row_of(wanted[name]) for name in fresh[start : start + SLICE]])
    for start in range(0, len(changed), SLICE):
        rewrite_rows(session, table, key, [row_of(wanted[name]) for name in changed[start : start + SLICE]])
    session.expire_all()
    return Difference(len(fresh), len(gone), len(changed))


def rewrite_rows(session: Session, table: type[SQLModel], key: str, changed: list[dict[str, Any]]) -> None:
    """Update rows by their key."""
    values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != key}
    statement = update(table.__table__).where(list_columns(table)[key] == bindparam("_key")).values(values)  # type: ignore[attr-defined]
    session.connection().execute(statement, [{("_key" if name == key else name): value for name, value in row.items()} for row in changed])


def entry_row(entry: Any) -> dict[str, Any]:
    """An entry as a row: the columns have the names of its fields."""
    return {one.name: getattr(entry, one.name) for one in fields(entry)}
