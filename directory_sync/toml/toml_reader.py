"""A company's directory from one TOML file: departments, people, groups, staff. Every mistake is one line that says where.

[company]
postmaster = "ida.lindqvist@company.example"   # takes postmaster@ and abuse@

[[department]]
code = "sales"                                 # stands in addresses: sales+dario.montefusco@company.example
name = "Sales"
mailbox = "sales-desk@company.example"         # optional: takes what is released from the role addresses
roles = ["info", "sales"]                      # optional: info@company.example and sales@company.example
responsible = "dario.montefusco"               # optional: uid of who answers for the department
confidential = true                                  # optional: only the staff named here see its mail
confidential_staff = ["ana"]                         # logins

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
confidential = false                                 # optional, with confidential_staff, as for a department

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

from collections.abc import Iterator
from pathlib import Path

from directory_sync.toml.toml_checks import check_directory
from directory_sync.toml.toml_entries import Entry, Sections, read_sections
from triage.actor import Role
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry
from triage.errors import BadInput


def read_directory(path: Path, domains: tuple[str, ...], delimiter: str = "+") -> CompanyDirectory:
    """The directory in the file at `path`, for a company with these mail domains (folded) and this `company.delimiter`.

    Addresses come back folded. BadInput names the file, the entry, and what to write instead; nothing is half read.
    """
    if not domains:
        raise BadInput("[company] domains in the settings is empty: name the company's mail domains there")
    file = read_sections(path)
    check_directory(file, domains, delimiter)
    logins = logins_of(file.staff)
    return CompanyDirectory(
        departments=tuple(build_department(entry, domains) for entry in file.departments),
        people=tuple(build_person(entry, domains, logins) for entry in file.people),
        staff=tuple(build_member(entry, file.people) for entry in file.staff),
        sealed=tuple(confidential_folders(file)),
        postmaster=file.company.parse_company_address("postmaster", file.company.values["postmaster"], domains),
        groups=tuple(build_group(entry, domains) for entry in file.groups),
    )


def build_department(entry: Entry, domains: tuple[str, ...]) -> DepartmentEntry:
    """A department as the house knows it."""
    mailbox = entry.values["mailbox"]
    return DepartmentEntry(
        code=entry.values["code"],
        name=entry.values["name"],
        mailbox=entry.parse_company_address("mailbox", mailbox, domains) if mailbox else "",
        roles=entry.values["roles"],
        responsible=entry.values["responsible"],
    )


def logins_of(staff: list[Entry]) -> dict[str, str]:
    """The logins of people who are staff under another word than their uid, by their uids."""
    return {entry.values["person"]: entry.values["login"].casefold() for entry in staff if entry.values["person"]}


def build_person(entry: Entry, domains: tuple[str, ...], logins: dict[str, str]) -> PersonEntry:
    """A person as the house knows them."""
    values = entry.values
    return PersonEntry(
        uid=values["uid"],
        name=values["name"],
        department=values["department"],
        mailbox=entry.parse_company_address("mailbox", values["mailbox"], domains),
        aliases=tuple(entry.parse_company_address("aliases", alias, domains) for alias in values["aliases"]),
        active=values["active"],
        leaver=values["leaver"],
        manager=values["manager"],
        assistants=values["assistants"],
        login=logins.get(values["uid"], ""),
        identity=values["identity"],
    )


def build_member(entry: Entry, people: list[Entry]) -> StaffEntry:
    """Builds a staff member; assistants also see the messages of the people they assist."""
    values = entry.values
    uid = values["person"] or values["login"]
    assisted = [f"person:{one.values['uid']}" for one in people if uid in one.values["assistants"] and values["role"] != Role.AUDITOR]
    scope = (*values["scope"], *(word for word in assisted if word not in values["scope"]))
    return StaffEntry(values["login"], values["name"], values["role"], scope, values["password_hash"], values["rights"])


def confidential_folders(file: Sections) -> Iterator[ConfidentialEntry]:
    """Yields the confidential folders, and the staff for whom they are open."""
    for kind, title, some in (("department", "code", file.departments), ("person", "uid", file.people)):
        for entry in some:
            if entry.values["confidential"]:
                yield ConfidentialEntry(f"{kind}:{entry.values[title]}", entry.values["confidential_staff"])


def build_group(entry: Entry, domains: tuple[str, ...]) -> GroupEntry:
    """A group as the house knows it."""
    values = entry.values
    return GroupEntry(
        address=entry.parse_company_address("address", values["address"], domains),
        name=values["name"],
        department=values["department"],
        members=tuple(str(entry.address("members", member)) if "@" in member else member for member in values["members"]),
        external=tuple(str(entry.address("external", address)) for address in values["external"]),
        aliases=tuple(entry.parse_company_address("aliases", alias, domains) for alias in values["aliases"]),
        expand=values["expand"],
        closed=values["closed"],
    )
