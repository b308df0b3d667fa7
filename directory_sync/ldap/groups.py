"""LDAP groups as distribution lists: nested ones are followed, cycles cut."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from directory_sync.ldap.addresses import Outside, has_address, is_the_servers_own, object_classes
from directory_sync.ldap.departments import Departments
from directory_sync.ldap.ldap_connection import Entry, dn_key
from directory_sync.ldap.schema import CONTACT, Schema
from triage.addressing.company import GroupEntry, PersonEntry
from triage.config.settings import Directory

LONGEST_NAME = 200  # letters of a name that is shown

T = TypeVar("T")


class Reader(Protocol):
    """Reader of all entries, as reading groups needs it."""

    @property
    def schema(self) -> Schema:
        """Names of the attributes."""

    @property
    def settings(self) -> Directory:
        """Settings of the directory."""

    @property
    def departments(self) -> Departments:
        """Departments that entries name."""

    @property
    def elsewhere(self) -> Mapping[str, str]:
        """Addresses outside of who has an account here and no mailbox."""

    @property
    def unread(self) -> dict[str, str]:
        """Uids of entries that were refused."""

    @property
    def uids(self) -> Mapping[str, str]:
        """Distinguished names by uid."""

    def claim(self, entry: Entry) -> None:
        """Let an entry own its ordinary address."""

    def mailbox_of(self, entry: Entry) -> str:
        """The ordinary address of an entry."""

    def accepted(self, entry: Entry, make: Callable[[Entry], T]) -> T | None:
        """Returns what `make` makes of an entry; None when it cannot be taken."""

    def refuse_duplicate(self, address: str, entry: Entry) -> None:
        """ValueError when somebody else has the address."""

    def aliases_of(self, entry: Entry, mailbox: str) -> Iterable[str]:
        """Further addresses of an entry."""


class Lists:
    """Groups: nested ones are followed, cycles cut; those with an address are distribution lists."""

    def __init__(self, reader: Reader, groups: list[Entry], persons: dict[str, PersonEntry]) -> None:
        self.reader = reader
        self.persons = persons
        self.by_uid = {person.uid: person for person in persons.values()}
        self.groups = {dn_key(entry.dn): entry for entry in groups}
        self.passed_on: dict[str, str] = {}  # the addresses of what only the server behind can take apart
        self.outside = dict(reader.elsewhere)  # addresses of contacts and mail users who have none of ours
        for entry in groups:
            if self.reader.schema.mailbox and entry.get(self.reader.schema.mailbox):
                self.reader.claim(entry)
            if is_the_servers_own(entry):
                self.find_address(dn_key(entry.dn), entry)

    def find_address(self, key: str, entry: Entry) -> None:
        """Note where mail for something goes that only the server behind can take apart. What is wrong with it is said later."""
        try:
            self.passed_on[key] = self.reader.mailbox_of(entry)
        except Outside as fault:
            if CONTACT in object_classes(entry):
                self.outside[key] = str(fault.address)
        except ValueError:
            return

    def entries(self) -> Iterator[GroupEntry]:
        """Yields the groups that have an address of ours."""
        for key, entry in self.groups.items():
            if key not in self.outside and has_address(entry, self.reader.schema):
                made = self.reader.accepted(entry, self.entry)
                if made:
                    yield made

    def entry(self, entry: Entry) -> GroupEntry:
        """A group as a distribution list. ValueError says why not."""
        address = self.reader.mailbox_of(entry)
        self.reader.refuse_duplicate(address, entry)
        keys = self.within(entry)
        people = [self.persons[key] for key in keys if key in self.persons]
        unread = {self.reader.unread[key] for key in keys if key in self.reader.unread}
        return GroupEntry(
            address=address,
            name=entry.text("cn")[:LONGEST_NAME] or address,
            department=self.department(entry, people),
            members=(*sorted({person.uid for person in people} | unread), *values_of(self.passed_on, keys)),
            external=values_of(self.outside, keys),
            aliases=tuple(self.reader.aliases_of(entry, address)),
            expand=not is_the_servers_own(entry),
            closed=self.is_closed(entry),
        )

    def is_closed(self, entry: Entry) -> bool:
        """Whether a group takes messages from inside only."""
        schema, settings = self.reader.schema, self.reader.settings
        return settings.closed_lists and bool(schema.closed) and entry.text(schema.closed).casefold() == "true"

    def department(self, entry: Entry, people: list[PersonEntry]) -> str:
        """Returns the department whose folder holds the group's messages: its owner's, else that of most members, else the default."""
        for attribute in self.reader.schema.owner:
            for owner in entry.texts(attribute):
                if dn_key(owner) in self.persons:
                    return self.persons[dn_key(owner)].department
        most = Counter(sorted(person.department for person in people)).most_common(1)
        return most[0][0] if most else self.reader.departments.code(self.reader.settings.default_department)

    def people_in(self, entry: Entry) -> list[str]:
        """The people in a group, also through groups in it, as keys of `persons` or of those who are unread; each once."""
        return [key for key in self.within(entry) if key in self.persons or key in self.reader.unread]

    def within(self, entry: Entry) -> list[str]:
        """Lists who gets what a group gets: people, and what is passed on as its address; each once."""
        found: dict[str, None] = {}
        seen, waiting = {dn_key(entry.dn)}, [entry]
        while waiting:
            for key in self.members(waiting.pop()):
                if any(key in known for known in (self.persons, self.reader.unread, self.passed_on, self.outside)):
                    found[key] = None
                elif key in self.groups and key not in seen:
                    seen.add(key)
                    waiting.append(self.groups[key])
        return list(found)

    def members(self, entry: Entry) -> Iterator[str]:
        """Yields the direct members of a group: distinguished names, or uids in posixGroup."""
        for attribute in self.reader.schema.members:
            for member in entry.texts(attribute):
                yield self.key_of_uid(member) if "=" not in member else dn_key(member)

    def key_of_uid(self, uid: str) -> str:
        """The distinguished name of a person by uid, "" when nobody has it."""
        return dn_key(self.reader.uids.get(uid.casefold(), ""))


def values_of(found: Mapping[str, str], keys: Iterable[str]) -> tuple[str, ...]:
    """Returns the known values of these keys, each once, in order."""
    return tuple(sorted({found[key] for key in keys if key in found}))
