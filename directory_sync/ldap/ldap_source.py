"""Reads the company out of an LDAP server: everything at first, later what has changed, and who is no longer there."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.dn import parse_dn

from directory_sync.ldap.ldap_connection import Connection, Entry, dn_key, escape_filter, open_connection
from directory_sync.ldap.ldap_driver import Place
from directory_sync.ldap.people import Reader
from directory_sync.ldap.schema import Schema, schema_of
from directory_sync.ldap.staff import parse_grants
from directory_sync.reading import Note, Reading
from triage.config.settings import Company, Directory
from triage.directory.address_owners import NO_HOLDERS, Holders
from triage.errors import BadInput

UNITS = "(objectClass=organizationalUnit)"
TIME = "%Y%m%d%H%M%SZ"  # RFC 4517, 3.3.13
LATE = timedelta(hours=1)  # until a change has come to every server
NOBODY_THERE = re.compile(r"/(DC=\w+DnsZones|CN=Configuration),", re.IGNORECASE)  # where Active Directory points to in every answer
NOT_LOOKED_INTO = (
    "this part is on another server, and whoever is there is unknown here: name a server that holds all (docs/how-to/ldap-directory.md)"
)
ESCAPE = re.compile(r"\\(.)")  # before what would separate in a distinguished name
SECURE = ("ldap://", "ldaps://")


@dataclass(frozen=True, slots=True)
class EntrySet:
    """The entries of one kind as they were last read, by their identity."""

    base: str
    query: str
    attributes: list[str]
    entries: dict[bytes, Entry] = field(default_factory=dict)
    newest: str = ""  # the greatest change seen

    def all(self, server: Connection, schema: Schema) -> Self:
        """Reads all entries again."""
        anew = replace(self, newest="")  # a server that was set up again begins to count again
        return anew.with_entries({}, server.search(self.base, self.query, self.attributes), schema)

    def up_to_date(self, server: Connection, schema: Schema) -> Self:
        """Reads what has changed since, and which identities are still there: an LDAP server does not tell what was deleted."""
        changed = f"(&{self.query}({schema.changed}>={changes_since(self.newest)}))"
        found = self.with_entries(self.entries, server.search(self.base, changed, self.attributes), schema)
        present = {identity_of(entry, schema): entry.dn for entry in server.search(self.base, self.query, [schema.identity])}
        here = {identity: entry for identity, entry in found.entries.items() if identity in present}
        if {identity: entry.dn for identity, entry in here.items()} != present:
            return self.all(server, schema)  # moved, or changed between the two questions
        return replace(found, entries=here)

    def renames(self, before: Self) -> bool:
        """Whether an entry has another name than before."""
        return any(entry.dn != before.entries[identity].dn for identity, entry in self.entries.items() if identity in before.entries)

    def with_entries(self, known: dict[bytes, Entry], fresh: Iterable[Entry], schema: Schema) -> Self:
        """Merges new and changed entries into the known ones. An unchanged entry keeps its value, so that memory holds it once.

        The time of the change is dropped: a sign-in that the server notes there changes nothing for us.
        """
        entries, newest = dict(known), self.newest
        for entry in fresh:
            newest = max(newest, entry.text(schema.changed), key=order_of)
            said, before = entry.without(schema.changed), self.entries.get(identity_of(entry, schema))
            kept = before if before is not None and before == said else said
            entries[identity_of(kept, schema)] = kept
        return replace(self, entries=entries, newest=newest)


class LdapSource:
    """The company in an LDAP server. The first reading is whole; later ones ask for changes, unless told otherwise."""

    def __init__(self, settings: Directory, company: Company) -> None:
        """Asks nothing yet. BadInput names a setting that is of no use."""
        self.settings, self.company = settings, company
        self.place = place_of(settings)
        self.schema = schema_of(settings)
        if not settings.base:
            raise BadInput("[directory] base is empty: name the entry below which your people are, such as dc=company,dc=example")
        if not settings.postmaster:
            raise BadInput("[directory] postmaster is empty: name the mailbox that takes mail to postmaster@ and abuse@")
        group_attributes = self.schema.attributes_of_groups()
        kinds = [
            EntrySet(settings.people_base or settings.base, self.schema.people, self.schema.attributes_of_people()),
            EntrySet(settings.group_base or settings.base, self.schema.groups, group_attributes),
        ]
        if self.schema.department == "ou":
            kinds.append(EntrySet(settings.people_base or settings.base, UNITS, ["ou", *group_attributes]))
        self.kinds = tuple(kinds)
        self.last: Reading | None = None
        self.beyond: tuple[str, ...] = ()  # what lies on other servers
        self.counter = ""  # of whose numbers the last reading is
        self.holders = NO_HOLDERS  # by whom the last reading knew who had which address

    def read(self, *, full: bool = False, holders: Holders = NO_HOLDERS) -> Reading:
        """The company as the server describes it now. Unanswered, and nothing is known, when it is not complete."""
        with open_connection(self.place) as server:
            counter = self.counter_of(server)
            full = full or counter != self.counter
            now = tuple(self.again(kind, server, full=full) for kind in self.kinds)
            if not full and any(new.renames(old) for new, old in zip(now, self.kinds, strict=True)):
                now = tuple(kind.all(server, self.schema) for kind in self.kinds)  # what names them has not changed by it
            beyond = tuple(sorted(uri for uri in server.elsewhere if not NOBODY_THERE.search(uri)))
        same = beyond == self.beyond and holders == self.holders
        if self.last is None or not same or [kind.entries for kind in now] != [kind.entries for kind in self.kinds]:
            known = {person.uid: person for person in self.last.company.people} if self.last else {}
            read = Reader(self.schema, self.settings, self.company, known, holders).read(*(kind.entries.values() for kind in now))
            self.last = replace(read, notes=(*read.notes, *(Note(uri[:200], NOT_LOOKED_INTO) for uri in beyond)))
            self.beyond, self.holders = beyond, holders
        self.kinds, self.counter = now, counter
        return self.last

    def unknown_groups(self, server: Connection) -> Iterator[str]:
        """The groups that staff_groups names and that a reading would not find."""
        groups = self.kinds[1]
        for group in dict.fromkeys(grant.group for grant in parse_grants(self.settings)):
            attribute, value = first_of(group)
            query = f"(&{groups.query}({attribute}={escape_filter(value)}))"
            if not attribute or all(dn_key(one.dn) != group for one in server.search(groups.base, query, ["cn"])):
                yield group

    def counter_of(self, server: Connection) -> str:
        """Returns the name of the server that answered, where each server numbers changes by itself: one host name may lead to several."""
        name = self.schema.counter
        found = server.search("", "(objectClass=*)", [name], subtree=False) if name else ()
        return next((entry.text(name) for entry in found), "")

    def again(self, kind: EntrySet, server: Connection, *, full: bool) -> EntrySet:
        """The entries of one kind as they are now."""
        return kind.up_to_date(server, self.schema) if kind.newest and not full else kind.all(server, self.schema)


def first_of(dn: str) -> tuple[str, str]:
    """The attribute and value that a distinguished name begins with; of what is none nothing."""
    try:
        attribute, value, _ = parse_dn(dn, escape=False)[0]
    except (LDAPInvalidDnError, IndexError):
        return "", ""
    return attribute, ESCAPE.sub(r"\1", value)


def place_of(settings: Directory) -> Place:
    """The server that the settings name."""
    if not settings.url.startswith(SECURE):
        raise BadInput("[directory] url must be ldap://HOST (StartTLS) or ldaps://HOST")
    return Place(
        url=settings.url,
        bind_dn=settings.bind_dn,
        password=password_of(settings),
        verify=settings.tls == "verify",
        ca_file=settings.tls_ca,
        timeout=max(1, settings.timeout),
        patience=max(1, settings.sync_timeout),
        page_size=max(1, settings.page_size),
    )


def password_of(settings: Directory) -> str:
    """The password of our account, from its file."""
    if not settings.bind_dn:
        return ""
    try:
        password = Path(settings.password_file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"[directory] password_file “{settings.password_file}” cannot be read: {fault}") from fault
    if not password:
        raise BadInput(f"[directory] password_file “{settings.password_file}” is empty: a server takes that for nobody (RFC 4513, 5.1.2)")
    return password


def identity_of(entry: Entry, schema: Schema) -> bytes:
    """Returns the identity of an entry as long as it lives; its name where the server gives no identity."""
    return next(iter(entry.get(schema.identity)), entry.dn.encode())


def changes_since(newest: str) -> str:
    """From where on changes are asked for: times a while before, since what another server wrote may arrive late or by a slow clock."""
    try:
        return f"{datetime.strptime(newest, TIME).replace(tzinfo=UTC) - LATE:{TIME}}"
    except ValueError:
        return newest


def order_of(change: str) -> tuple[int, str]:
    """Changes in order: numbers by size, times as they are written."""
    return (len(change), change) if change.isdigit() else (0, change)
