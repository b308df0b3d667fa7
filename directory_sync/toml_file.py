"""A company's directory from one TOML file: departments, people, groups, staff. Every mistake is one line that says where.

[company]
postmaster = "ida.lindqvist@company.example"   # takes postmaster@ and abuse@

[[department]]
code = "sales"                                 # stands in addresses: sales+dario.montefusco@company.example
name = "Sales"
mailbox = "sales-desk@company.example"         # optional: takes what is released from the role addresses
roles = ["info", "sales"]                      # optional: info@company.example and sales@company.example
responsible = "dario.montefusco"               # optional: uid of who answers for the department
sealed = true                                  # optional: only the staff named here see its mail
sealed_staff = ["ana"]                         # logins

[[person]]
uid = "dario.montefusco"
name = "Dario Montefusco"
department = "sales"
mailbox = "dario.montefusco@company.example"   # the ordinary address; accepted, and where released mail goes
aliases = ["dario@company.example"]            # optional
identity = "4711"                              # optional: stays when the uid changes, such as a number of the payroll
active = true                                  # optional; false: has left
leaver = "manager"                             # optional: where mail goes then: refuse, manager or folder:CODE; else [directory] leavers
manager = "ida.lindqvist"                      # optional: uid
assistants = ["ana.kovacic"]                   # optional: uids; those who are staff see this person's mail too
sealed = false                                 # optional, with sealed_staff, as for a department

[[group]]
address = "all-sales@company.example"          # held once, in the folder of its department
name = "Everybody in Sales"
department = "sales"
members = ["dario.montefusco", "info@company.example"]  # uids, addresses of the company, other groups
external = ["agency@partner.example"]          # optional: members outside the company
aliases = ["vertrieb@company.example"]         # optional
expand = true                                  # optional; false: passed on as the group's address, which another server expands
closed = false                                 # optional; true: mail from outside is refused

[[staff]]
login = "ana"
name = "Ana Kovačić"
role = "triage"                                # triage, admin or auditor
scope = ["company"]                            # or any of "department:sales", "person:dario.montefusco"
person = "ana.kovacic"                         # optional: their uid, where the login is another word
password_hash = "$argon2id$v=19$…"             # optional: without it nobody can sign in with this login here
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage import leaving
from triage.actor import Role, Scope
from triage.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry, SealedEntry, StaffEntry
from triage.door import ALWAYS
from triage.envelope import Address, folded
from triage.errors import BadInput
from triage.settings import nearest

MAX_BYTES = 64 * 1024 * 1024
NEEDED = object()
SEALABLE: dict[str, Any] = {"sealed": False, "sealed_staff": ()}
KEYS: dict[str, dict[str, Any]] = {  # section -> key -> its default, which also says its type; NEEDED: a text that must be there
    "company": {"postmaster": NEEDED},
    "department": {"code": NEEDED, "name": NEEDED, "mailbox": "", "roles": (), "responsible": "", **SEALABLE},
    "person": {
        "uid": NEEDED,
        "name": NEEDED,
        "department": NEEDED,
        "mailbox": NEEDED,
        "aliases": (),
        "identity": "",
        "active": True,
        "leaver": "",
        "manager": "",
        "assistants": (),
        **SEALABLE,
    },
    "group": {
        "address": NEEDED,
        "name": NEEDED,
        "department": NEEDED,
        "members": (),
        "external": (),
        "aliases": (),
        "expand": True,
        "closed": False,
    },
    "staff": {"login": NEEDED, "name": NEEDED, "role": NEEDED, "scope": (), "person": "", "password_hash": ""},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One section of the file and where it stands, for errors: `company.toml: [[person]] 3 (uid 'jo')`."""

    where: str
    values: dict[str, Any]

    def refused(self, why: str) -> BadInput:
        """The error about this entry."""
        return BadInput(f"{self.where}: {why}")


def read(path: Path, domains: tuple[str, ...], delimiter: str = "+") -> CompanyDirectory:
    """The directory in the file at `path`, for a company with these mail domains (folded) and this `company.delimiter`.

    Addresses come back folded. BadInput names the file, the entry, and what to write instead; nothing is half read.
    """
    if not domains:
        raise BadInput("[company] domains in the settings is empty: name the company's mail domains there")
    parsed = parse(path)
    company = company_entry(parsed, path)
    departments = entries(parsed, "department", "code", path)
    people = entries(parsed, "person", "uid", path)
    groups = entries(parsed, "group", "address", path)
    staff = entries(parsed, "staff", "login", path)
    check_names(departments, people, domains, delimiter)
    check_identities(people)
    check_people_named(departments, people, staff)
    check_staff(staff, departments, people)
    owners = check_addresses(owned_addresses(company, departments, people, groups, domains, delimiter))
    check_groups(groups, departments, people, owners, domains)
    return CompanyDirectory(
        departments=tuple(department_value(entry, domains) for entry in departments),
        people=tuple(person_value(entry, domains, logins_of(staff)) for entry in people),
        staff=tuple(staff_value(entry, people) for entry in staff),
        sealed=tuple(seals([("department", "code", departments), ("person", "uid", people)], staff)),
        postmaster=own_address(company, "postmaster", company.values["postmaster"], domains),
        groups=tuple(group_value(entry, domains) for entry in groups),
    )


def parse(path: Path) -> dict[str, Any]:
    """The file as TOML; every section must be one we know."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadInput(f"{path} is larger than {MAX_BYTES >> 20} MiB: is it the directory file?")
        parsed = tomllib.loads(content.decode("utf-8"))
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}. Name the directory file in [directory] file") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadInput(f"{path} is not TOML: {' '.join(str(fault).split())}") from fault
    for section in parsed:
        if section not in KEYS:
            raise BadInput(f"{path}: there is no section {section!r}{nearest(section, list(KEYS))}")
    return parsed


def company_entry(parsed: dict[str, Any], path: Path) -> Entry:
    """The one [company] section."""
    given = parsed.get("company", {})
    if not isinstance(given, dict):
        raise BadInput(f"{path}: write [company] once, with single brackets")
    where = f"{path}: [company]"
    return Entry(where, checked(given, "company", where))


def entries(parsed: dict[str, Any], section: str, title: str, path: Path) -> list[Entry]:
    """The [[section]] entries in the order of the file; `title` is the key that no two of them share."""
    given = parsed.get(section, [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput(f"{path}: write [[{section}]] with double brackets, once for each entry")
    found: dict[str, Entry] = {}
    for number, values in enumerate(given, 1):
        entry = entry_of(values, section, title, f"{path}: [[{section}]] {number}")
        twin = found.setdefault(entry.values[title].casefold(), entry)
        if twin is not entry:
            raise entry.refused(f"{title} {entry.values[title]!r} is taken already by {twin.where.removeprefix(f'{path}: ')}")
    return list(found.values())


def entry_of(values: dict[str, Any], section: str, title: str, where: str) -> Entry:
    """One entry, with its title in every error about it."""
    shown = f"{where} ({title} {values[title]!r})" if isinstance(values.get(title), str) else where
    return Entry(shown, checked(values, section, shown))


def checked(values: dict[str, Any], section: str, where: str) -> dict[str, Any]:
    """The values with defaults filled in, lists as tuples; keys and types must be known."""
    known = KEYS[section]
    for key in values:
        if key not in known:
            raise BadInput(f"{where}: there is no key {key!r}{nearest(key, list(known))}")
    return {key: value_of(values, key, default, where) for key, default in known.items()}


def value_of(values: dict[str, Any], key: str, default: Any, where: str) -> Any:
    """One key's value in the type of its default."""
    if key not in values:
        if default is NEEDED:
            raise BadInput(f"{where}: {key} is missing")
        return default
    value = values[key]
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadInput(f'{where}: {key} must be a list of texts, such as ["one", "two"]')
        return tuple(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadInput(f"{where}: {key} must be true or false")
        return value
    if not isinstance(value, str):
        raise BadInput(f"{where}: {key} must be a text in quotes")
    if not value.isprintable() or (default is NEEDED and not value.strip()):
        raise BadInput(f"{where}: {key} is empty or holds control characters")
    return value


def check_names(departments: list[Entry], people: list[Entry], domains: tuple[str, ...], delimiter: str) -> None:
    """Codes and uids must fit into a triage address; people are in departments that exist."""
    codes = {entry.values["code"] for entry in departments}
    for entry in departments:
        check_name(entry, "code", f"{entry.values['code']}@{domains[0]}")
        if delimiter in entry.values["code"]:
            raise entry.refused(f"code {entry.values['code']!r} stands before {delimiter!r} in addresses: write it without {delimiter!r}")
    for entry in people:
        check_name(entry, "uid", f"{entry.values['uid']}@{domains[0]}")
        check_department(entry, codes)
        if entry.values["leaver"] and (why := leaving.fault(entry.values["leaver"], frozenset(codes))):
            raise entry.refused(f"leaver: {why}")
        check_name(entry, "uid", f"{entry.values['department']}{delimiter}{entry.values['uid']}@{domains[0]}")


def check_identities(people: list[Entry]) -> None:
    """Nobody is two people."""
    owners: dict[str, Entry] = {}
    for entry in people:
        if (identity := entry.values["identity"]) and (twin := owners.setdefault(identity, entry)) is not entry:
            raise entry.refused(f"identity {identity!r} is that of {twin.where.partition(': ')[2]} already")


def check_people_named(departments: list[Entry], people: list[Entry], staff: list[Entry]) -> None:
    """Managers, assistants, those responsible and staff are people who are in the file."""
    uids = {entry.values["uid"] for entry in people}
    for entry, key in (
        [(one, "responsible") for one in departments] + [(one, "manager") for one in people] + [(one, "person") for one in staff]
    ):
        if (uid := entry.values[key]) and uid not in uids:
            raise entry.refused(f"{key}: there is no person {uid!r}{nearest(uid, sorted(uids))}")
    for entry in people:
        for uid in entry.values["assistants"]:
            if uid not in uids:
                raise entry.refused(f"assistants: there is no person {uid!r}{nearest(uid, sorted(uids))}")


def check_department(entry: Entry, codes: set[str]) -> None:
    """The department of a person or a group must exist."""
    department = entry.values["department"]
    if department not in codes:
        raise entry.refused(f"there is no department {department!r}{nearest(department, sorted(codes))}")


def check_name(entry: Entry, key: str, address: str) -> None:
    """A name that stands in addresses: small letters, and an address comes out."""
    name = entry.values[key]
    if name != folded(name):
        raise entry.refused(f"{key} {name!r} stands in addresses: write it in small letters")
    parsed_address(entry, key, address)


def check_staff(staff: list[Entry], departments: list[Entry], people: list[Entry]) -> None:
    """Roles and scopes must be known, and name what exists."""
    codes, uids = {entry.values["code"] for entry in departments}, {entry.values["uid"] for entry in people}
    roles = [role.value for role in Role]
    for entry in staff:
        if entry.values["role"] not in roles:
            raise entry.refused(f"there is no role {entry.values['role']!r}{nearest(entry.values['role'], roles)}")
        if not entry.values["scope"]:
            raise entry.refused('scope is missing; write ["company"], or any of "department:CODE" and "person:UID"')
        check_scope(entry, codes, uids)
        if entry.values["password_hash"] and not entry.values["password_hash"].startswith("$argon2id$"):
            raise entry.refused("password_hash is not an argon2id hash: it must start with $argon2id$")


def check_scope(entry: Entry, codes: set[str], uids: set[str]) -> None:
    """One login's scope."""
    try:
        scope = Scope.parse(entry.values["scope"])
    except ValueError as fault:
        raise entry.refused(f"scope {fault}") from fault
    for code in sorted(scope.departments - codes):
        raise entry.refused(f"scope: there is no department {code!r}{nearest(code, sorted(codes))}")
    for uid in sorted(scope.persons - uids):
        raise entry.refused(f"scope: there is no person {uid!r}{nearest(uid, sorted(uids))}")


def check_addresses(owned: Iterable[tuple[Entry, str]]) -> dict[str, Entry]:
    """Every address and its owner. No address may mean two things; people who have left hold none."""
    owners: dict[str, Entry] = {}
    for entry, address in owned:
        owner = owners.setdefault(address, entry)
        if owner is not entry:
            raise entry.refused(f"{address} belongs already to {owner.where.partition(': ')[2]}")
    return owners


def owned_addresses(
    company: Entry, departments: list[Entry], people: list[Entry], groups: list[Entry], domains: tuple[str, ...], delimiter: str
) -> Iterator[tuple[Entry, str]]:
    """Every address with the entry that it belongs to."""
    yield from ((company, f"{local}@{domain}") for local in ALWAYS for domain in domains)
    for entry in people:
        if entry.values["active"]:
            yield entry, own_address(entry, "mailbox", entry.values["mailbox"], domains)
            yield from ((entry, own_address(entry, "aliases", alias, domains)) for alias in entry.values["aliases"])
            yield from ((entry, f"{entry.values['department']}{delimiter}{entry.values['uid']}@{domain}") for domain in domains)
    for entry in departments:
        yield from ((entry, address) for address in role_addresses(entry, domains))
    for entry in groups:
        yield entry, own_address(entry, "address", entry.values["address"], domains)
        yield from ((entry, own_address(entry, "aliases", alias, domains)) for alias in entry.values["aliases"])


def check_groups(
    groups: list[Entry], departments: list[Entry], people: list[Entry], owners: dict[str, Entry], domains: tuple[str, ...]
) -> None:
    """Groups are in departments that exist; their members are somebody here, those outside are said to be so."""
    codes, uids = {entry.values["code"] for entry in departments}, {entry.values["uid"] for entry in people}
    for entry in groups:
        check_department(entry, codes)
        for member in entry.values["members"]:
            if "@" not in member and member not in uids:
                raise entry.refused(f"members: there is no person {member!r}{nearest(member, sorted(uids))}")
            if "@" in member and parsed_address(entry, "members", member).domain not in domains:
                raise entry.refused(f"members: {member!r} is outside the company's domains; name it in external if that is meant")
            if "@" in member and str(parsed_address(entry, "members", member)) not in owners:
                raise entry.refused(f"members: {member!r} is nobody's address here")
        for address in entry.values["external"]:
            if parsed_address(entry, "external", address).domain in domains:
                raise entry.refused(f"external: {address!r} is in the company's own domains; name it in members")


def role_addresses(entry: Entry, domains: tuple[str, ...]) -> Iterator[str]:
    """A department's role addresses: a bare local part counts in every domain."""
    for role in entry.values["roles"]:
        for address in [role] if "@" in role else [f"{role}@{domain}" for domain in domains]:
            yield own_address(entry, "roles", address, domains)


def own_address(entry: Entry, key: str, text: str, domains: tuple[str, ...]) -> str:
    """The address folded; it must lie in one of the company's domains."""
    address = parsed_address(entry, key, text)
    if address.domain not in domains:
        raise entry.refused(f"{key}: {text!r} is outside the company's domains ({', '.join(domains)})")
    return str(address)


def parsed_address(entry: Entry, key: str, text: str) -> Address:
    """The text as an address."""
    try:
        return Address.parse(text)
    except ValueError as fault:
        raise entry.refused(f"{key}: {fault}") from fault


def department_value(entry: Entry, domains: tuple[str, ...]) -> DepartmentEntry:
    """A department as the house knows it."""
    mailbox = entry.values["mailbox"]
    return DepartmentEntry(
        code=entry.values["code"],
        name=entry.values["name"],
        mailbox=own_address(entry, "mailbox", mailbox, domains) if mailbox else "",
        roles=entry.values["roles"],
        responsible=entry.values["responsible"],
    )


def logins_of(staff: list[Entry]) -> dict[str, str]:
    """The logins of people who are staff under another word than their uid, by their uids."""
    return {entry.values["person"]: entry.values["login"].casefold() for entry in staff if entry.values["person"]}


def person_value(entry: Entry, domains: tuple[str, ...], logins: dict[str, str]) -> PersonEntry:
    """A person as the house knows them."""
    values = entry.values
    return PersonEntry(
        uid=values["uid"],
        name=values["name"],
        department=values["department"],
        mailbox=own_address(entry, "mailbox", values["mailbox"], domains),
        aliases=tuple(own_address(entry, "aliases", alias, domains) for alias in values["aliases"]),
        active=values["active"],
        leaver=values["leaver"],
        manager=values["manager"],
        assistants=values["assistants"],
        login=logins.get(values["uid"], ""),
        identity=values["identity"],
    )


def staff_value(entry: Entry, people: list[Entry]) -> StaffEntry:
    """Somebody who triages; assistants see the mail of those they assist too."""
    values = entry.values
    uid = values["person"] or values["login"]
    assisted = [f"person:{one.values['uid']}" for one in people if uid in one.values["assistants"] and values["role"] != Role.AUDITOR]
    scope = (*values["scope"], *(word for word in assisted if word not in values["scope"]))
    return StaffEntry(values["login"], values["name"], values["role"], scope, values["password_hash"])


def seals(kinds: Iterable[tuple[str, str, list[Entry]]], staff: list[Entry]) -> Iterator[SealedEntry]:
    """What is sealed, and for whom it is open; who is named must be staff, and naming without a seal protects nothing."""
    logins = {entry.values["login"].casefold() for entry in staff}
    for kind, title, some in kinds:
        for entry in some:
            named = entry.values["sealed_staff"]
            if named and not entry.values["sealed"]:
                raise entry.refused("sealed_staff stands here without sealed = true")
            for login in named:
                if login.casefold() not in logins:
                    raise entry.refused(f"sealed_staff: there is no staff {login!r}{nearest(login, sorted(logins))}")
            if entry.values["sealed"]:
                yield SealedEntry(f"{kind}:{entry.values[title]}", named)


def group_value(entry: Entry, domains: tuple[str, ...]) -> GroupEntry:
    """A group as the house knows it."""
    values = entry.values
    return GroupEntry(
        address=own_address(entry, "address", values["address"], domains),
        name=values["name"],
        department=values["department"],
        members=tuple(str(parsed_address(entry, "members", member)) if "@" in member else member for member in values["members"]),
        external=tuple(str(parsed_address(entry, "external", address)) for address in values["external"]),
        aliases=tuple(own_address(entry, "aliases", alias, domains) for alias in values["aliases"]),
        expand=values["expand"],
        closed=values["closed"],
    )
