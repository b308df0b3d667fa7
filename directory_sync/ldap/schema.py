"""Attributes of an LDAP directory: presets for OpenLDAP, Active Directory and FreeIPA, and what the settings change."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from directory_sync.ldap.ldap_connection import Entry
from triage.config.settings import Directory

ACCOUNTDISABLE = 0x2  # of userAccountControl: [MS-ADTS] 2.2.16
NOBODY_SIGNS_IN = frozenset({2, 4, 16, 32, 2**33, 2**34, 2**35})
"""Kinds of mailboxes whose own account Exchange disables while they are in use (msExchRecipientTypeDetails): linked, shared, room,
equipment; and in the cloud room, equipment, shared."""

CONTACT = "contact"
THE_SERVERS_OWN = frozenset({"msexchdynamicdistributionlist", "publicfolder", CONTACT})
"""Classes of entries with an address of which only the server behind us knows where it leads: dynamic lists and public folders of
Exchange, and somebody outside who has an address here."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Filters and attribute names. An empty name: this directory does not say it."""

    identity: str  # never changes and is never given again
    changed: str  # grows with every change of an entry
    created: str  # when an entry was made: who was first keeps an address
    people: str  # filter
    groups: str  # filter
    uid: str  # the name in triage addresses; of an address the local part counts
    name: str
    mailbox: str  # the ordinary address
    aliases: tuple[str, ...]
    department: str  # attribute:NAME, ou, or group:DN
    manager: str
    assistants: str
    members: tuple[str, ...]  # of a group: DNs or uids
    owner: tuple[str, ...]  # of a group or an organizational unit: DNs
    login: str  # what staff type when they sign in
    disabled: Callable[[Entry], bool]  # nobody signs in with this account
    counter: str = ""  # attribute of the root DSE that says whose numbers `changed` are, where each server counts its own
    leaver: str = ""  # where a leaver's mail goes
    person: str = ""  # says who somebody is, whatever they are called; "": the identity of their entry
    closed: str = ""  # TRUE of a group that takes mail from inside only

    def has_left(self, entry: Entry) -> bool:
        """Whether this account is disabled, and its mailbox none that works without one."""
        kind = entry.text("msExchRecipientTypeDetails")
        return self.disabled(entry) and not (kind.isdigit() and int(kind) in NOBODY_SIGNS_IN)

    def attributes_of_people(self) -> list[str]:
        """Lists the attributes to ask for each person."""
        department = self.department.removeprefix("attribute:") if self.department.startswith("attribute:") else ""
        asked = [self.identity, self.changed, self.created, self.uid, self.name, self.mailbox, *self.aliases, department]
        return unique_names([*asked, self.manager, self.assistants, self.login, self.leaver, self.person, "targetAddress", *LOCKS])

    def attributes_of_groups(self) -> list[str]:
        """Lists the attributes to ask for each group."""
        asked = ["objectClass", self.identity, self.changed, self.created, "cn", self.mailbox]
        return unique_names([*asked, *self.aliases, *self.members, *self.owner, self.closed])


LOCKS = ("userAccountControl", "msExchRecipientTypeDetails", "nsAccountLock", "pwdAccountLockedTime")


def locked_in_openldap(entry: Entry) -> bool:
    """The password policy overlay has locked the account for good (000001010000Z means until an administrator resets it)."""
    return entry.text("pwdAccountLockedTime").startswith("0000")


def locked_in_ad(entry: Entry) -> bool:
    """The account is disabled."""
    control = entry.text("userAccountControl")
    return control.isdigit() and bool(int(control) & ACCOUNTDISABLE)


def locked_in_freeipa(entry: Entry) -> bool:
    """The account is disabled."""
    return entry.text("nsAccountLock").casefold() == "true"


ALIASES = ("mailPrimaryAddress", "mailAlternateAddress", "mailAlternativeAddress", "mailLocalAddress", "gosaMailAlternateAddress")
"""Where the schemas that mail servers bring along keep addresses: Univention, Netscape and qmail, Univention, sendmail, GOsa."""

PRESETS = {
    "openldap": Schema(
        identity="entryUUID",
        changed="modifyTimestamp",
        created="createTimestamp",
        people="(objectClass=inetOrgPerson)",
        groups="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)(objectClass=posixGroup))",
        uid="uid",
        name="cn",
        mailbox="mail",
        aliases=("mail", *ALIASES),
        department="attribute:departmentNumber",
        manager="manager",
        assistants="secretary",
        members=("member", "uniqueMember", "memberUid"),
        owner=("owner", "manager"),
        login="uid",
        disabled=locked_in_openldap,
    ),
    "ad": Schema(
        identity="objectGUID",
        changed="uSNChanged",
        created="whenCreated",
        people="(&(objectCategory=person)(objectClass=user)(|(mail=*)(proxyAddresses=*)))",
        groups="(|(objectClass=group)(objectClass=msExchDynamicDistributionList)(objectClass=publicFolder)"
        "(&(objectClass=contact)(|(mail=*)(proxyAddresses=*))))",
        uid="mail",
        name="displayName",
        mailbox="mail",
        aliases=("proxyAddresses",),
        department="attribute:department",
        manager="manager",
        assistants="assistant",
        members=("member",),
        owner=("managedBy",),
        login="sAMAccountName",
        disabled=locked_in_ad,
        counter="dsServiceName",
        closed="msExchRequireAuthToSendTo",
    ),
    "freeipa": Schema(
        identity="ipaUniqueID",
        changed="modifyTimestamp",
        created="createTimestamp",
        people="(&(objectClass=posixAccount)(objectClass=inetOrgPerson))",
        groups="(&(objectClass=ipaUserGroup))",
        uid="uid",
        name="cn",
        mailbox="mail",
        aliases=("mail", *ALIASES),
        department="attribute:departmentNumber",
        manager="manager",
        assistants="secretary",
        members=("member",),
        owner=("memberManager",),
        login="uid",
        disabled=locked_in_freeipa,
    ),
}


def schema_of(settings: Directory) -> Schema:
    """The preset with what the settings say differently."""
    given: dict[str, Any] = {
        "people": settings.people_filter,
        "groups": settings.group_filter,
        "uid": settings.uid_attribute,
        "name": settings.name_attribute,
        "mailbox": settings.mailbox_attribute,
        "aliases": settings.alias_attributes,
        "department": settings.department,
        "login": settings.login_attribute,
        "leaver": settings.leaver_attribute,
        "person": settings.identity_attribute,
    }
    return replace(PRESETS[settings.preset], **{name: value for name, value in given.items() if value})


def unique_names(names: list[str]) -> list[str]:
    """Removes duplicates and empty names, in order."""
    return list(dict.fromkeys(name for name in names if name))
