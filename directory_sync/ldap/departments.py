"""Departments out of an LDAP directory: in which one an entry is, its code in addresses, and what the settings add."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.dn import parse_dn

from directory_sync.ldap.ldap_connection import Entry, dn_key
from directory_sync.ldap.schema import Schema
from triage.addressing.company import DepartmentEntry
from triage.addressing.envelope import fold_text
from triage.config.settings import Directory
from triage.errors import BadInput

LONGEST_NAME = 100  # letters
WORD = re.compile("[a-z0-9]+")
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Departments:
    """The departments that entries name, collected on the way."""

    def __init__(self, schema: Schema, settings: Directory, groups: Iterable[Entry] = (), units: Iterable[Entry] = ()) -> None:
        self.kind, _, self.place = schema.department.partition(":")
        if self.kind not in ("attribute", "ou", "group") or (self.kind != "ou" and not self.place):
            raise BadInput(f"[directory] department must be attribute:NAME, ou or group:DN, not “{schema.department}”")
        self.codes = {
            name.casefold(): code for name, code in parse_pairs(settings.department_codes, "department_codes", "Human Resources=hr")
        }
        self.roles = dict(parse_pairs(settings.roles, "roles", "sales=info,orders"))
        self.mailboxes = dict(parse_pairs(settings.department_mailboxes, "department_mailboxes", "sales=desk@company.example"))
        self.default = settings.default_department
        self.known: dict[str, DepartmentEntry] = {}
        below = "," + dn_key(self.place)
        ours = [group for group in groups if self.kind == "group" and dn_key(group.dn).endswith(below)]
        self.by_member = members_of(ours, schema)
        self.heads = heads_of(ours, "cn", schema) | heads_of(units, "ou", schema)

    def code_of(self, entry: Entry) -> str:
        """The code of the department that a person is in. ValueError when its name gives none."""
        name = next(iter(self.names_of(entry)), "")[:LONGEST_NAME]
        return self.code(name if any(map(str.isalnum, name)) else self.default)

    def names_of(self, entry: Entry) -> list[str]:
        """The names of the departments as the directory writes them: the first one counts."""
        if self.kind == "attribute":
            return entry.texts(self.place)
        if self.kind == "ou":
            return [unit_above(entry.dn)]
        return self.by_member.get(dn_key(entry.dn), [])

    def code(self, name: str) -> str:
        """The code for a name, as the settings say, or made from its letters; names with one code are one department."""
        code = self.codes.get(name.casefold()) or code_from(name)
        if not CODE.fullmatch(code):
            raise ValueError(f"department “{name}” gives no code for addresses: name one in [directory] department_codes")
        return self.known.setdefault(code, DepartmentEntry(code=code, name=name)).code

    def all(self, uids: Mapping[str, str]) -> tuple[DepartmentEntry, ...]:
        """Lists the departments named by an entry or in the settings; `uids` are those of people by distinguished name."""
        for code in (*self.roles, *self.mailboxes):
            self.known.setdefault(code, DepartmentEntry(code=code, name=code))
        return tuple(self.equipped(self.known[code], uids) for code in sorted(self.known))

    def equipped(self, entry: DepartmentEntry, uids: Mapping[str, str]) -> DepartmentEntry:
        """A department with who is responsible, and with what the settings add to it."""
        responsible = uids.get(self.heads.get(entry.name, ""), "")
        roles = tuple(part.strip() for part in self.roles.get(entry.code, "").split(",") if part.strip())
        return replace(entry, roles=roles, mailbox=self.mailboxes.get(entry.code, ""), responsible=responsible)


def members_of(groups: Iterable[Entry], schema: Schema) -> dict[str, list[str]]:
    """Lists the groups of each member, by the member's distinguished name."""
    found: dict[str, list[str]] = {}
    for group in groups:
        for key in {dn_key(member) for attribute in schema.members for member in group.texts(attribute)}:
            found.setdefault(key, []).append(group.text("cn"))
    return found


def heads_of(entries: Iterable[Entry], naming: str, schema: Schema) -> dict[str, str]:
    """The distinguished name of who is responsible for a group or a unit, by its name."""
    return {entry.text(naming): dn_key(owner) for entry in entries for name in reversed(schema.owner) for owner in entry.texts(name)[:1]}


def code_from(name: str) -> str:
    """Small letters and digits; accents go, what lies between words becomes a hyphen: `Büro & Einkauf` is `buro-einkauf`.

    A name in another script is written as domain names are (RFC 3492): `東京` is `1lqs71d`.
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return "-".join(WORD.findall(plain) or WORD.findall(fold_text(name).encode("punycode").decode()))


def unit_above(dn: str) -> str:
    """The value of the nearest `ou` above an entry."""
    try:
        return next((value for attribute, value, _ in parse_dn(dn, escape=False)[1:] if attribute.lower() == "ou"), "")
    except LDAPInvalidDnError:
        return ""


def parse_pairs(given: tuple[str, ...], key: str, example: str) -> list[tuple[str, str]]:
    """Settings of the form NAME=VALUE; BadInput shows one."""
    found = [(name.strip(), value.strip()) for name, _, value in (one.partition("=") for one in given)]
    if not all(name and value for name, value in found):
        raise BadInput(f'[directory] {key} must be a list such as ["{example}"]')
    return found
