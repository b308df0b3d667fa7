"""The company directory at one moment, whatever its source: departments, people, distribution lists, staff."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DepartmentEntry:
    """A department: its code stands in addresses, its mailbox takes what is sent to its role addresses."""

    code: str
    name: str
    mailbox: str = ""  # "": each role address is a mailbox of its own
    roles: tuple[str, ...] = ()  # local parts or addresses, e.g. "info"
    responsible: str = ""  # uid


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """Person of the directory. `mailbox` is the ordinary address and is accepted too."""

    uid: str
    name: str
    department: str
    mailbox: str
    aliases: tuple[str, ...] = ()
    active: bool = True
    manager: str = ""  # uid
    assistants: tuple[str, ...] = ()  # uids
    leaver: str = ""  # where their mail goes when they have left: refuse, manager, folder:CODE; "": as the settings say
    login: str = ""  # what they sign in with, folded; "": their uid
    identity: str = ""  # stays what it is when their name changes, and is never given to somebody else; "": the source does not say


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A distribution list. What comes for it is held once, in its department's own folder."""

    address: str
    name: str
    department: str
    members: tuple[str, ...] = ()  # uids, addresses of the company, addresses of other groups
    external: tuple[str, ...] = ()  # addresses outside the company that get a copy too
    aliases: tuple[str, ...] = ()
    expand: bool = True  # False: passed on as the group's address; the server behind us knows the members
    closed: bool = False  # it takes mail from inside only: the SMTP server refuses what strangers send to it


@dataclass(frozen=True, slots=True)
class StaffEntry:
    """Staff member as the directory lists them."""

    login: str
    name: str
    role: str
    scope: tuple[str, ...]
    password_hash: str = ""
    rights: tuple[str, ...] = ()  # beside the role: remove-delivered, data-protection, hunt, outgoing


@dataclass(frozen=True, slots=True)
class ConfidentialEntry:
    """A department or person whose mail only the named staff may see."""

    folder: str  # department:CODE or person:UID
    staff: tuple[str, ...] = ()  # logins


@dataclass(frozen=True, slots=True)
class CompanyDirectory:
    """Company directory as a source describes it."""

    departments: tuple[DepartmentEntry, ...]
    people: tuple[PersonEntry, ...]
    staff: tuple[StaffEntry, ...]
    postmaster: str  # mailbox for postmaster@ and abuse@
    groups: tuple[GroupEntry, ...] = ()
    sealed: tuple[ConfidentialEntry, ...] = ()
    unread: tuple[str, ...] = ()  # uids of people whose entries cannot be taken: they stay as they were
    unread_identities: tuple[str, ...] = ()  # and the identity of each, "" where it is not said: they may have been called otherwise
    unread_staff: tuple[str, ...] = ()  # uids of those of them who triage
