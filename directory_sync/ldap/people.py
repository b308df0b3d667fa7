"""LDAP entries as the company's directory: people, groups, staff. One bad entry is refused with its reason, never the run."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from directory_sync.ldap.addresses import Outside, further_addresses, has_address, list_addresses, parse_address, primary_addresses
from directory_sync.ldap.departments import Departments, parse_pairs
from directory_sync.ldap.groups import LONGEST_NAME, Lists
from directory_sync.ldap.ldap_connection import Entry, dn_key
from directory_sync.ldap.schema import Schema
from directory_sync.ldap.staff import idle_grants, login_of, lost_assistants, parse_confidential, staff_of, unread_staff
from directory_sync.reading import Note, Reading
from triage.addressing.company import CompanyDirectory, GroupEntry, PersonEntry
from triage.addressing.envelope import Address, fold_text
from triage.config.settings import Company, Directory
from triage.directory import leaver_policy
from triage.directory.address_owners import CONTESTED, NO_HOLDERS, Holders
from triage.directory.known_addresses import triage_addresses
from triage.text.sanitize import escape_visible

MOST_ADDRESSES = 200  # of one person or group: more is a mistake or an attack
GUIDS = frozenset({"objectguid", "ms-ds-consistencyguid"})  # sixteen bytes, some of them turned round ([MS-DTYP] 2.3.4.2)
UUID_BYTES = 16
ALIAS = 2  # how much an address binds: 0 the marked ordinary one, 1 an ordinary one, 2 any other

T = TypeVar("T")


@dataclass
class Reader:
    """Reads people from the entries. An address stays with its owner of the last sync, else it goes to the oldest entry; people who left
    come last."""

    schema: Schema
    settings: Directory
    company: Company
    known: Mapping[str, PersonEntry] = field(default_factory=dict)  # who was read the last time, by uid
    holders: Holders = NO_HOLDERS  # who had addresses and names at the last sync
    refused: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)  # address -> distinguished name
    uids: dict[str, str] = field(default_factory=dict)  # uid -> distinguished name
    contested: dict[str, list[Entry]] = field(default_factory=dict)  # address -> those who claim it, of whom nobody had it
    elsewhere: dict[str, str] = field(default_factory=dict)  # key of who has an account here and no mailbox -> their address outside
    unread: dict[str, str] = field(default_factory=dict)  # key of a refused entry -> uid
    unread_identities: list[str] = field(default_factory=list)
    outside: dict[str, list[Address]] = field(default_factory=dict)  # addresses that are left out, by domain

    def read(self, people: Iterable[Entry], groups: Iterable[Entry], units: Iterable[Entry] = ()) -> Reading:
        """The company that these entries describe; `units` are organizational ones, where they are the departments."""
        by_age = in_order(people, self.schema)
        ordered = dict(sorted(by_age.items(), key=lambda one: self.has_left(one[1])))  # who has left takes no address from who is here
        groups = [entry for entry in in_order(groups, self.schema).values() if self.accepted(entry, self.readable)]
        units = [entry for entry in units if self.accepted(entry, self.readable)]
        self.departments = Departments(self.schema, self.settings, groups, units)
        here = [entry for entry in ordered.values() if not self.has_left(entry)]
        for entry in (*here, *groups):
            self.claim_held(entry)
        self.contest(here)
        for entry in sorted(here, key=self.unmarked):  # an ordinary address of who is here binds more than anybody's alias
            self.claim(entry)
        for entry in by_age.values() if self.schema.uid == self.schema.mailbox else ():
            self.claim_name(entry)
        persons = {key: person for key, entry in ordered.items() if (person := self.accepted(entry, self.person))}
        refused = {key: entry for key, entry in ordered.items() if key not in persons and not self.has_left(entry)}
        self.elsewhere = dict(self.forwarded(refused))
        self.note_unread(refused)
        persons = dict(self.with_superiors(ordered, dict(self.each_once(persons))))
        lists = Lists(self, groups, persons)
        staff = staff_of(self.settings, self.schema, ordered, lists, persons)
        found = CompanyDirectory(
            people=tuple(persons.values()),
            groups=(*lists.entries(), *self.further(), *self.list_contested()),
            departments=self.departments.all({key: person.uid for key, person in persons.items()}),
            staff=tuple(staff),
            postmaster=self.settings.postmaster,
            sealed=tuple(parse_confidential(self.settings)),
            unread=tuple(self.unread.values()),
            unread_identities=tuple(self.unread_identities),
            unread_staff=tuple(unread_staff(self.settings, self.schema, ordered, lists)),
        )
        self.note_look_alikes(found)
        self.note_leavers(found)
        self.note_domains()
        self.note_departments(here)
        self.note_closed_groups(found)
        self.note_empty_seals(found)
        self.note_rights(ordered, lists)
        return Reading(found, tuple(self.refused), tuple(self.notes))

    def accepted(self, entry: Entry, make: Callable[[Entry], T]) -> T | None:
        """Returns what `make` makes of an entry; None, and the reason noted, when it cannot be taken."""
        try:
            return make(entry)
        except ValueError as fault:
            self.refused.append(Note(entry.dn, str(fault)))
            return None

    def readable(self, entry: Entry) -> bool:
        """ValueError when a group or unit has a value that is no text."""
        for name in ("objectClass", "cn", "ou", self.schema.mailbox, *self.schema.aliases, *self.schema.members, *self.schema.owner):
            entry.texts(name)
        return True

    def has_left(self, entry: Entry) -> bool:
        """Whether this person has left. What cannot be read says no such thing."""
        try:
            return self.schema.has_left(entry)
        except ValueError:
            return False

    def forwarded(self, refused: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
        """Yields people without an address of ours, and their external address: Exchange mail users, who may be in groups."""
        for key, entry in refused.items():
            with contextlib.suppress(ValueError):
                address = parse_address(entry.text("targetAddress").partition(":")[2])
                own = [text for text in list_addresses(entry, self.schema) if parse_address(text).domain in self.company.domains]
                if not own and address.domain not in self.company.domains:
                    yield key, str(address)

    def note_unread(self, refused: Mapping[str, Entry]) -> None:
        """Keep in mind who is here though their entry is refused. Who has no messages address at all is nobody here."""
        for key, entry in refused.items():
            if key not in self.elsewhere and has_address(entry, self.schema):
                with contextlib.suppress(ValueError):
                    uid = fold_text(self.free_name(entry))
                    if uid and self.uids.setdefault(uid, entry.dn) == entry.dn:
                        self.unread[key] = uid
                        self.unread_identities.append(identity_of(entry, self.schema))

    def each_once(self, persons: Mapping[str, PersonEntry]) -> Iterator[tuple[str, PersonEntry]]:
        """Yields every person; those who share an identity come without it, because it does not tell them apart."""
        times = Counter(person.identity for person in persons.values() if person.identity)
        for key, person in persons.items():
            if times[person.identity] > 1:
                name = self.schema.person or self.schema.identity
                self.notes.append(Note(person.uid, f"{name} {person.identity} is somebody else's too, and does not say who this is"))
            yield key, replace(person, identity="") if times[person.identity] > 1 else person

    def unmarked(self, entry: Entry) -> bool:
        """Whether no mail server marks this as the ordinary address. An administrator's second account often has the same."""
        try:
            return not any(primary_addresses(entry, self.schema))
        except ValueError:
            return True

    def claim_held(self, entry: Entry) -> None:
        """Let an entry own what it had at the last sync and still claims, however old another is that claims it too."""
        with contextlib.suppress(ValueError):
            name, identity = fold_text(entry.text(self.schema.uid).partition("@")[0]), identity_of(entry, self.schema)
            if identity and self.holders.uids.get(name) == identity:
                self.uids.setdefault(name, entry.dn)
            whose = {identity, name, f"group:{entry.text('cn')[:LONGEST_NAME]}"} - {""}
            for text in list_addresses(entry, self.schema):
                with contextlib.suppress(ValueError):
                    address = self.parse_company_address(text)
                    if self.holders.addresses.get(address) in whose:
                        self.owners.setdefault(address, entry.dn)

    def contest(self, here: Iterable[Entry]) -> None:
        """Note the addresses that several entries claim alike, of whom nobody had them and none is older."""
        claims: dict[str, list[tuple[int, Entry]]] = {}
        for entry in here:
            with contextlib.suppress(ValueError):
                mailbox = self.mailbox_of(entry)
                claims.setdefault(mailbox, []).append((int(self.unmarked(entry)), entry))
                for alias in self.list_company_addresses(entry) - {mailbox}:
                    claims.setdefault(alias, []).append((ALIAS, entry))
        for address, claimed in claims.items():
            strongest = min(strength for strength, _ in claimed)
            alike = [entry for strength, entry in claimed if strength == strongest]
            oldest = min(entry.get(self.schema.created)[:1] for entry in alike)
            alike = [entry for entry in alike if entry.get(self.schema.created)[:1] == oldest]
            if len(alike) > 1 and address not in self.owners:
                self.contested[address] = alike

    def list_company_addresses(self, entry: Entry) -> set[str]:
        """Lists our addresses that an entry claims."""
        found = set()
        for text in list_addresses(entry, self.schema):
            with contextlib.suppress(ValueError):
                found.add(self.parse_company_address(text))
        return found

    def list_contested(self) -> Iterator[GroupEntry]:
        """The contested addresses: their messages are held in a shared folder until one of the entries gives the address up."""
        for address, (first, *_) in self.contested.items():
            with contextlib.suppress(ValueError):
                yield GroupEntry(address, CONTESTED, self.departments.code_of(first), expand=False)

    def claim(self, entry: Entry) -> None:
        """Let an entry own its ordinary address, when nobody does yet. What is wrong with it is said later."""
        with contextlib.suppress(ValueError):
            mailbox = self.mailbox_of(entry)
            if mailbox not in self.contested:
                self.owners.setdefault(mailbox, entry.dn)

    def claim_name(self, entry: Entry) -> None:
        """Let an entry own the name in its ordinary address, also after somebody has left: a namesake in another domain is not them."""
        with contextlib.suppress(ValueError):
            mailbox = self.mailbox_of(entry)
            if self.owners.get(mailbox, entry.dn) == entry.dn:
                self.uids.setdefault(mailbox.partition("@")[0], entry.dn)

    def person(self, entry: Entry) -> PersonEntry:
        """An entry as somebody who works here. ValueError says why not."""
        mailbox = self.mailbox_of(entry)
        self.refuse_duplicate(mailbox, entry)
        code = self.departments.code_of(entry)
        if len(names := self.departments.names_of(entry)) > 1:
            self.notes.append(Note(entry.dn, f"is in several departments ({', '.join(names)}): {names[0]} counts"))
        uid = self.uid_of(entry)
        if not list(triage_addresses(code, uid, self.company.domains[0], self.company)):
            why = f"“{code}” and “{uid}” make no triage address: name a short code in [directory] department_codes"
            self.notes.append(Note(entry.dn, why))
        made = PersonEntry(
            uid=uid,
            name=entry.text(self.schema.name)[:LONGEST_NAME] or uid,
            department=code,
            mailbox=mailbox,
            aliases=tuple(self.aliases_of(entry, mailbox)),
            active=not self.schema.has_left(entry),
            leaver=entry.text(self.schema.leaver) if self.schema.leaver else "",
            login="" if (login := login_of(entry, self.schema)) == uid else login,
            identity=identity_of(entry, self.schema),
        )
        known = self.known.get(uid)
        return known if known and replace(known, manager="", assistants=()) == made else made  # a large company is in memory once

    def mailbox_of(self, entry: Entry) -> str:
        """The ordinary address: the first of ours, since people have private ones too, and a server gives them in any order."""
        outside: Outside | None = None
        for text in list_addresses(entry, self.schema):
            try:
                return self.parse_company_address(text)
            except Outside as fault:
                outside = outside or fault
        raise outside or ValueError("it has no mail address")

    def parse_company_address(self, text: str) -> str:
        """An address in one of our domains, folded."""
        address = parse_address(text)
        if address.domain not in self.company.domains:
            raise Outside(address)
        return str(address)

    def refuse_duplicate(self, address: str, entry: Entry) -> None:
        """ValueError when an address belongs to somebody else already, or several claim it alike."""
        if address in self.contested:
            claimants = " and by ".join(escape_visible(one.dn) for one in self.contested[address])
            raise ValueError(
                f"{address} is claimed by {claimants}, and nobody had it: its messages are held in a shared folder until one gives it up"
            )
        owner = self.owners.setdefault(address, entry.dn)
        if owner != entry.dn:
            raise ValueError(f"{address} belongs already to {escape_visible(owner)}")

    def uid_of(self, entry: Entry) -> str:
        """The name in triage addresses."""
        uid = self.free_name(entry)
        if not uid:
            raise ValueError(f"it has no {self.schema.uid}")
        before = f"x{self.company.delimiter}"  # as a department's code will stand there
        uid = parse_address(f"{before}{uid}@{self.company.domains[0]}").local.removeprefix(before)
        owner = self.uids.setdefault(uid, entry.dn)
        if owner != entry.dn:
            raise ValueError(f"the name {uid} belongs already to {escape_visible(owner)}")
        return uid

    def free_name(self, entry: Entry) -> str:
        """The name that an entry gives, "" when it gives none; of an address the local part.

        Where names are those of the ordinary addresses, two domains may have the same one (info@): the later one's domain is added.
        """
        if self.schema.uid != self.schema.mailbox:
            return entry.text(self.schema.uid).partition("@")[0]
        try:
            address = self.mailbox_of(entry)
        except ValueError:
            address = entry.text(self.schema.mailbox)
        name, _, domain = address.partition("@")
        return name if self.uids.get(name, entry.dn) == entry.dn or not domain else f"{name}.{domain}"

    def aliases_of(self, entry: Entry, mailbox: str) -> Iterator[str]:
        """The other addresses that are ours and free; each that is not is noted."""
        given = list(dict.fromkeys(further_addresses(entry, self.schema)))
        if len(given) > MOST_ADDRESSES:
            raise ValueError(f"it has too many addresses: {len(given)}, more than {MOST_ADDRESSES}")
        for text in given:
            try:
                alias = self.parse_company_address(text)
                self.refuse_duplicate(alias, entry)
            except Outside as fault:
                self.outside.setdefault(fault.address.domain, []).append(fault.address)
            except ValueError as fault:
                self.notes.append(Note(entry.dn, f"an address is left out: {fault}"))
            else:
                if alias != mailbox:
                    yield alias

    def further(self) -> Iterator[GroupEntry]:
        """The addresses that the settings add, unless an entry has them."""
        key = "further_addresses"
        for code, given in parse_pairs(self.settings.further_addresses, key, "it=tickets,scan@company.example"):
            for text in filter(None, map(str.strip, given.split(","))):
                try:
                    address = self.parse_company_address(text if "@" in text else f"{text}@{self.company.domains[0]}")
                    if address in self.owners:
                        raise ValueError(f"{address} belongs already to {escape_visible(self.owners[address])}")
                    yield GroupEntry(address, address, self.departments.code(code), expand=False)
                    self.owners[address] = f"[directory] {key}"
                except ValueError as fault:
                    self.refused.append(Note(f"[directory] {key}", str(fault)))

    def with_superiors(self, people: Mapping[str, Entry], persons: dict[str, PersonEntry]) -> Iterator[tuple[str, PersonEntry]]:
        """Yields every person with their manager and assistants, as far as those are people of the directory."""
        for key, entry in people.items():
            if key in persons:
                person = persons[key]
                manager = "".join(self.people_named(entry, self.schema.manager, persons)[:1])
                assistants = tuple(self.people_named(entry, self.schema.assistants, persons))
                same = (person.manager, person.assistants) == (manager, assistants)
                yield key, person if same else replace(person, manager=manager, assistants=assistants)

    def people_named(self, entry: Entry, attribute: str, persons: dict[str, PersonEntry]) -> list[str]:
        """The uids of the people that an attribute names."""
        try:
            return [persons[dn_key(dn)].uid for dn in entry.texts(attribute) if dn_key(dn) in persons]
        except ValueError as fault:
            self.notes.append(Note(entry.dn, f"{attribute} is left out: {fault}"))
            return []

    def note_leavers(self, found: CompanyDirectory) -> None:
        """Notes leaver policies in entries that are not valid; the settings hold for these people then."""
        codes = frozenset(department.code for department in found.departments)
        for person in found.people:
            if person.leaver and (why := leaver_policy.find_policy_fault(person.leaver, codes)):
                self.notes.append(Note(person.uid, f"{self.schema.leaver}: {why}"))

    def note_rights(self, people: Mapping[str, Entry], lists: Lists) -> None:
        """Notes grants and assistants that give nobody a right to see messages, though they are meant to."""
        self.notes += [Note("[directory] staff_groups", what) for what in idle_grants(self.settings, lists)]
        lost = lost_assistants(self.schema, people, lists) if self.settings.assistants_triage else []
        if lost:
            uid, assistant = lost[0]
            more = f"; and {len(lost) - 1} more" if len(lost) > 1 else ""
            self.notes.append(Note(self.schema.assistants, f"{assistant} is nobody here, and sees nothing of the mail of {uid}{more}"))

    def note_empty_seals(self, found: CompanyDirectory) -> None:
        """Notes confidential folders of unknown people and departments: a renamed person loses the confidentiality of the old name."""
        here = {f"person:{person.uid}" for person in found.people} | {f"department:{department.code}" for department in found.departments}
        for seal in found.sealed:
            if seal.folder not in here:
                self.notes.append(
                    Note(seal.folder, "it is sealed, and the directory names it no more; if it has another name now, seal that one too")
                )

    def note_domains(self) -> None:
        """Domains that entries have further addresses in: one of ours may be forgotten. In a cloud everybody has one of the cloud's."""
        for domain, some in sorted(self.outside.items()):
            what = f"what is in this domain is left out, as [company] domains does not name it: {some[0]}"
            what += f" and {len(some) - 1} more" if len(some) > 1 else ""
            self.notes.append(Note(domain, what))

    def note_departments(self, here: list[Entry]) -> None:
        """Notes that no entry names a department, which a company seldom means: a global catalog of Active Directory leaves it out."""
        attribute = self.departments.place if self.departments.kind == "attribute" else ""
        if attribute and here and not any(entry.get(attribute) for entry in here):
            default = self.settings.default_department
            what = (
                f"no entry has this attribute, so everybody is in {default}; a global catalog may lack it (docs/how-to/ldap-directory.md)"
            )
            self.notes.append(Note(attribute, what))

    def note_closed_groups(self, found: CompanyDirectory) -> None:
        """Notes addresses that refuse strangers because of their entry: Exchange makes groups so unless somebody says otherwise."""
        if closed := [group.address for group in found.groups if group.closed]:
            more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
            what = f"mail from outside is refused for this address{more}: {self.schema.closed} says so (closed_lists = false takes it)"
            self.notes.append(Note(closed[0], what))

    def note_look_alikes(self, found: CompanyDirectory) -> None:
        """A department's code that is also a name in somebody's address: the address binds more (docs/reference/addresses.md)."""
        locals_ = {person.mailbox.partition("@")[0]: person.uid for person in found.people}
        for department in found.departments:
            if owner := locals_.get(department.code):
                self.notes.append(Note(department.code, f"this department's code is also the address of {owner}, who keeps it"))


def identity_of(entry: Entry, schema: Schema) -> str:
    """Returns the lasting identity of a person, whatever they are called; "" where their entry does not say it."""
    name = schema.person or schema.identity
    value = next(iter(entry.get(name)), b"")
    if name.lower() in GUIDS and len(value) == UUID_BYTES:
        return str(UUID(bytes_le=value))
    try:
        text = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() and len(text) <= LONGEST_NAME else ""


def in_order(entries: Iterable[Entry], schema: Schema) -> dict[str, Entry]:
    """Entries by their keys, in order of when they were made, then by name: nobody new takes an address away, and two runs decide alike."""
    keyed = ((dn_key(entry.dn), entry) for entry in entries)
    return dict(sorted(keyed, key=lambda one: (one[1].get(schema.created)[:1], one[0])))
