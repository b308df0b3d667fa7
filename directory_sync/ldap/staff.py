"""Staff out of an LDAP directory: who is in which group has which role and scope; assistants see messages of those they assist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from directory_sync.ldap.ldap_connection import Entry, dn_key
from directory_sync.ldap.schema import Schema
from triage.actor import Role, Scope
from triage.addressing.company import ConfidentialEntry, PersonEntry, StaffEntry
from triage.config.group_grants import ARROW, OWN_DEPARTMENT, STRONGEST, Grant
from triage.config.settings import Directory
from triage.errors import BadInput

if TYPE_CHECKING:
    from directory_sync.ldap.groups import Lists


@dataclass
class Given:
    """Roles, scope and rights that somebody has got so far."""

    roles: set[Role] = field(default_factory=set)
    scope: set[str] = field(default_factory=set)
    rights: set[str] = field(default_factory=set)


def parse_grants(settings: Directory) -> list[Grant]:
    """The grants in the settings; BadInput shows how one is written."""
    found = []
    for line in settings.staff_groups:
        try:
            grant = Grant.parse(line, words=(OWN_DEPARTMENT,))
            found.append(replace(grant, group=dn_key(grant.group)))
        except ValueError as fault:
            raise BadInput(
                f"[directory] staff_groups: “{line}”: {fault}; write GROUP-DN => ROLE SCOPE, "
                "such as cn=reception,ou=groups,dc=company,dc=example => triage company"
            ) from fault
    return found


def parse_confidential(settings: Directory) -> Iterator[ConfidentialEntry]:
    """Yields the confidential folders of the settings: `department:hr => hana`. BadInput shows how one is written."""
    for line in settings.confidential:
        folder, arrow, logins = line.partition(ARROW)
        try:
            scope = Scope.parse([folder.strip()])
            if not arrow or scope.company:
                raise ValueError("it has no folder and staff")
        except ValueError as fault:
            raise BadInput(
                f"[directory] confidential: “{line}”: {fault}; write FOLDER => LOGINS, such as department:hr => hana, leo"
            ) from fault
        yield ConfidentialEntry(scope.words()[0], tuple(login.strip().casefold() for login in logins.split(",") if login.strip()))


def staff_of(
    settings: Directory, schema: Schema, people: Mapping[str, Entry], lists: "Lists", persons: dict[str, PersonEntry]
) -> list[StaffEntry]:
    """Lists the staff: members of the staff groups, and assistants of people. Disabled accounts are left out, even if their mailbox is
    in use."""
    given: dict[str, Given] = {}
    for grant in parse_grants(settings):
        if grant.group in lists.groups:
            for key in filter(persons.__contains__, lists.people_in(lists.groups[grant.group])):
                person = given.setdefault(key, Given())
                person.roles.add(grant.role)
                person.rights.update(grant.rights)
                person.scope.update(f"department:{persons[key].department}" if word == OWN_DEPARTMENT else word for word in grant.scope)
    if settings.assistants_triage:
        grant_assistants(given, schema, people, lists)
    made = [build_member(people[key], persons[key], one, schema) for key, one in given.items() if not schema.disabled(people[key])]
    return sorted(made, key=lambda one: one.login)


def unread_staff(settings: Directory, schema: Schema, people: Mapping[str, Entry], lists: "Lists") -> list[str]:
    """The uids of those who triage by a group or as assistants, and whose entries cannot be taken."""
    groups = [lists.groups[grant.group] for grant in parse_grants(settings) if grant.group in lists.groups]
    named = {key for group in groups for key in lists.people_in(group)}
    if settings.assistants_triage:
        named |= {assistant for key in find_assisted(lists) for assistant in assistants_of(people[key], schema)}
    return sorted(uid for key, uid in lists.reader.unread.items() if key in named and can_sign_in(people[key], schema))


def can_sign_in(entry: Entry, schema: Schema) -> bool:
    """Whether this account is not disabled. What cannot be read gives nobody a right."""
    try:
        return not schema.disabled(entry)
    except ValueError:
        return False


def grant_assistants(given: dict[str, Given], schema: Schema, people: Mapping[str, Entry], lists: "Lists") -> None:
    """Let assistants see and decide messages of those they assist, who may have a typo in their entry."""
    for key, uid in find_assisted(lists).items():
        for assistant in filter(lists.persons.__contains__, assistants_of(people[key], schema)):
            one = given.setdefault(assistant, Given())
            one.roles.add(Role.TRIAGE)
            one.scope.add(f"person:{uid}")


def find_assisted(lists: "Lists") -> dict[str, str]:
    """Maps every person to a uid, including people whose entries cannot be read."""
    return {key: person.uid for key, person in lists.persons.items()} | lists.reader.unread


def assistants_of(entry: Entry, schema: Schema) -> list[str]:
    """Lists the assistants that an entry names. What cannot be read names nobody."""
    try:
        return [dn_key(dn) for dn in entry.texts(schema.assistants)]
    except ValueError:
        return []


def idle_grants(settings: Directory, lists: "Lists") -> Iterator[str]:
    """Groups, departments and people that grants name and the directory does not know: by these nobody gets anything."""
    known = {"department": {*lists.reader.departments.known}, "person": {*find_assisted(lists).values()}}
    for grant in parse_grants(settings):
        if grant.group not in lists.groups:
            yield f"the directory shows us no group {grant.group}: nobody has what this line gives"
        for word in grant.scope:
            kind, _, name = word.partition(":")
            if name and name.casefold() not in known[kind]:
                yield f"there is no {kind} {name}, whose mail the members of {grant.group} shall see"


def lost_assistants(schema: Schema, people: Mapping[str, Entry], lists: "Lists") -> list[tuple[str, str]]:
    """Lists assistants that entries name and who are nobody here: the uid of the person that they assist, and the key."""
    here = lists.persons.keys() | lists.reader.unread.keys()
    working = {key: uid for key, uid in find_assisted(lists).items() if key not in lists.persons or lists.persons[key].active}
    return [(uid, one) for key, uid in working.items() for one in assistants_of(people[key], schema) if one not in here]


def build_member(entry: Entry, person: PersonEntry, given: Given, schema: Schema) -> StaffEntry:
    """Builds a staff member with the strongest role given; a role that decides is stronger than one that only reads."""
    role = next(role for role in STRONGEST if role in given.roles)
    scope = ("company",) if "company" in given.scope else tuple(sorted(given.scope))
    return StaffEntry(
        login=login_of(entry, schema) or person.uid, name=person.name, role=role.value, scope=scope, rights=tuple(sorted(given.rights))
    )


def login_of(entry: Entry, schema: Schema) -> str:
    """Returns the login that somebody signs in with, folded; "" when the directory says nothing that can be read."""
    try:
        return entry.text(schema.login).casefold()
    except ValueError:
        return ""
