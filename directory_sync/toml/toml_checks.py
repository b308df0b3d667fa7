"""Consistency checks of a directory file: names fit into addresses, named people exist, no address has two meanings."""

from collections.abc import Iterable, Iterator

from directory_sync.toml.toml_entries import Entry, Sections
from triage.actor import Role, Scope, rights_of
from triage.addressing.envelope import fold_text
from triage.config.settings_loader import hint_nearest
from triage.directory import leaver_policy
from triage.directory.recipient_map import ALWAYS


def check_directory(file: Sections, domains: tuple[str, ...], delimiter: str) -> None:
    """BadInput names the first entry that does not go with the others."""
    codes, uids = {entry.values["code"] for entry in file.departments}, {entry.values["uid"] for entry in file.people}
    check_names(file, codes, domains, delimiter)
    check_identities(file.people)
    check_people_named(file, uids)
    check_staff(file.staff, codes, uids)
    owners = check_addresses(owned_addresses(file, domains, delimiter))
    check_groups(file.groups, codes, uids, owners, domains)
    check_seals([*file.departments, *file.people], file.staff)


def check_names(file: Sections, codes: set[str], domains: tuple[str, ...], delimiter: str) -> None:
    """Codes and uids must fit into a triage address; people are in departments that exist."""
    for entry in file.departments:
        check_name(entry, "code", f"{entry.values['code']}@{domains[0]}")
        if delimiter in entry.values["code"]:
            raise entry.refused(f"code “{entry.values['code']}” stands before “{delimiter}” in addresses: write it without “{delimiter}”")
    for entry in file.people:
        check_name(entry, "uid", f"{entry.values['uid']}@{domains[0]}")
        check_department(entry, codes)
        if entry.values["leaver"] and (why := leaver_policy.find_policy_fault(entry.values["leaver"], frozenset(codes))):
            raise entry.refused(f"leaver: {why}")
        check_name(entry, "uid", f"{entry.values['department']}{delimiter}{entry.values['uid']}@{domains[0]}")


def check_name(entry: Entry, key: str, address: str) -> None:
    """A name that stands in addresses: small letters, and an address comes out."""
    name = entry.values[key]
    if name != fold_text(name):
        raise entry.refused(f"{key} “{name}” stands in addresses: write it in small letters")
    entry.address(key, address)


def check_department(entry: Entry, codes: set[str]) -> None:
    """The department of a person or a group must exist."""
    department = entry.values["department"]
    if department not in codes:
        raise entry.refused(f"there is no department “{department}”{hint_nearest(department, sorted(codes))}")


def check_identities(people: list[Entry]) -> None:
    """Checks that no two people have the same identity."""
    owners: dict[str, Entry] = {}
    for entry in people:
        if (identity := entry.values["identity"]) and (twin := owners.setdefault(identity, entry)) is not entry:
            raise entry.refused(f"identity “{identity}” is that of {twin.where.partition(': ')[2]} already")


def check_people_named(file: Sections, uids: set[str]) -> None:
    """Managers, assistants, those responsible and staff are people who are in the file."""
    for some, key in ((file.departments, "responsible"), (file.people, "manager"), (file.staff, "person")):
        for entry in some:
            if uid := entry.values[key]:
                check_person(entry, key, uid, uids)
    for entry in file.people:
        for uid in entry.values["assistants"]:
            check_person(entry, "assistants", uid, uids)


def check_person(entry: Entry, key: str, uid: str, uids: set[str]) -> None:
    """Checks that a person whom an entry names is in the file."""
    if uid not in uids:
        raise entry.refused(f"{key}: there is no person “{uid}”{hint_nearest(uid, sorted(uids))}")


def check_staff(staff: list[Entry], codes: set[str], uids: set[str]) -> None:
    """Roles and scopes must be known, and name what exists."""
    roles = [role.value for role in Role]
    for entry in staff:
        if entry.values["role"] not in roles:
            raise entry.refused(f"there is no role “{entry.values['role']}”{hint_nearest(entry.values['role'], roles)}")
        if not entry.values["scope"]:
            raise entry.refused('scope is missing; write ["company"], or any of "department:CODE" and "person:UID"')
        check_scope(entry, codes, uids)
        check_rights(entry)
        if entry.values["password_hash"] and not entry.values["password_hash"].startswith("$argon2id$"):
            raise entry.refused("password_hash is not an argon2id hash: it must start with $argon2id$")


def check_scope(entry: Entry, codes: set[str], uids: set[str]) -> None:
    """Checks the scope of a login."""
    try:
        scope = Scope.parse(entry.values["scope"])
    except ValueError as fault:
        raise entry.refused(f"scope {fault}") from fault
    for code in sorted(scope.departments - codes):
        raise entry.refused(f"scope: there is no department “{code}”{hint_nearest(code, sorted(codes))}")
    for uid in sorted(scope.persons - uids):
        raise entry.refused(f"scope: there is no person “{uid}”{hint_nearest(uid, sorted(uids))}")


def check_rights(entry: Entry) -> None:
    """Checks the rights that a login has beside its role."""
    try:
        rights_of(entry.values["rights"])
    except ValueError as fault:
        raise entry.refused(f"rights: {fault}") from fault


def check_addresses(owned: Iterable[tuple[Entry, str]]) -> dict[str, Entry]:
    """Checks addresses and their owners: no address has two meanings, and people who have left have none."""
    owners: dict[str, Entry] = {}
    for entry, address in owned:
        owner = owners.setdefault(address, entry)
        if owner is not entry:
            raise entry.refused(f"{address} belongs already to {owner.where.partition(': ')[2]}")
    return owners


def owned_addresses(file: Sections, domains: tuple[str, ...], delimiter: str) -> Iterator[tuple[Entry, str]]:
    """Yields each address with its entry."""
    yield from ((file.company, f"{local}@{domain}") for local in ALWAYS for domain in domains)
    for entry in file.people:
        if entry.values["active"]:
            yield entry, entry.parse_company_address("mailbox", entry.values["mailbox"], domains)
            yield from ((entry, entry.parse_company_address("aliases", alias, domains)) for alias in entry.values["aliases"])
            yield from ((entry, f"{entry.values['department']}{delimiter}{entry.values['uid']}@{domain}") for domain in domains)
    for entry in file.departments:
        yield from ((entry, address) for address in role_addresses(entry, domains))
    for entry in file.groups:
        yield entry, entry.parse_company_address("address", entry.values["address"], domains)
        yield from ((entry, entry.parse_company_address("aliases", alias, domains)) for alias in entry.values["aliases"])


def role_addresses(entry: Entry, domains: tuple[str, ...]) -> Iterator[str]:
    """A department's role addresses: a bare local part counts in every domain."""
    for role in entry.values["roles"]:
        for address in [role] if "@" in role else [f"{role}@{domain}" for domain in domains]:
            yield entry.parse_company_address("roles", address, domains)


def check_groups(groups: list[Entry], codes: set[str], uids: set[str], owners: dict[str, Entry], domains: tuple[str, ...]) -> None:
    """Groups are in departments that exist; their members are somebody here, those outside are said to be so."""
    for entry in groups:
        check_department(entry, codes)
        for member in entry.values["members"]:
            if "@" in member:
                check_member(entry, member, owners, domains)
            else:
                check_person(entry, "members", member, uids)
        for address in entry.values["external"]:
            if entry.address("external", address).domain in domains:
                raise entry.refused(f"external: “{address}” is in the company's own domains; name it in members")


def check_member(entry: Entry, member: str, owners: dict[str, Entry], domains: tuple[str, ...]) -> None:
    """A member that is an address is one of ours, and somebody's."""
    address = entry.address("members", member)
    if address.domain not in domains:
        raise entry.refused(f"members: “{member}” is outside the company's domains; name it in external if that is meant")
    if str(address) not in owners:
        raise entry.refused(f"members: “{member}” is nobody's address here")


def check_seals(entries: Iterable[Entry], staff: list[Entry]) -> None:
    """Checks that everybody named for a confidential folder is staff, and that nobody is named for a folder that is not confidential."""
    logins = {entry.values["login"].casefold() for entry in staff}
    for entry in entries:
        named = entry.values["confidential_staff"]
        if named and not entry.values["confidential"]:
            raise entry.refused("confidential_staff stands here without confidential = true")
        for login in named:
            if login.casefold() not in logins:
                raise entry.refused(f"confidential_staff: there is no staff “{login}”{hint_nearest(login, sorted(logins))}")
