"""LDAP entries for tests, as values and as LDIF."""

import base64
from collections.abc import Iterable
from typing import Any

from directory_sync.ldap.ldap_connection import Entry
from tests.peers.slapd import BASE

PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"


def person(name: str, **values: Any) -> Entry:
    """An inetOrgPerson of company.example; a value of None takes an attribute away."""
    given = {"objectClass": "inetOrgPerson", "uid": name, "cn": f"Name of {name}", "sn": name, "mail": f"{name}@company.example"}
    return entry(f"uid={name},{PEOPLE}", **(given | {"departmentNumber": "it", "entryUUID": f"id of {name}"} | values))


def group(name: str, *members: str, **values: Any) -> Entry:
    """A groupOfNames with these members: uids of people, or whole distinguished names."""
    names = [member if "=" in member else f"uid={member},{PEOPLE}" for member in members]
    return entry(
        f"cn={name},{GROUPS}",
        **({"objectClass": ["groupOfNames", "extensibleObject"], "cn": name, "member": names, "entryUUID": f"id of {name}"} | values),
    )


def entry(dn: str, **values: Any) -> Entry:
    """Any entry. Texts, bytes, or lists of them."""
    listed = {name.lower(): value if isinstance(value, list) else [value] for name, value in values.items() if value is not None}
    return Entry.of(dn, {name: tuple(one if isinstance(one, bytes) else one.encode() for one in value) for name, value in listed.items()})


def ldif(*entries: Entry) -> str:
    """The company's trunk and these entries, as slapadd reads them (RFC 2849)."""
    trunk = [
        entry(BASE, objectClass=["dcObject", "organization"], o="Company", dc="company"),
        entry(PEOPLE, objectClass="organizationalUnit", ou="people"),
        entry(GROUPS, objectClass="organizationalUnit", ou="groups"),
    ]
    return "\n".join("\n".join(lines(one)) + "\n" for one in (*trunk, *entries))


def lines(one: Entry) -> Iterable[str]:
    """An entry line by line; identities are the server's to give."""
    yield f"dn:: {base64.b64encode(one.dn.encode()).decode()}"
    for name in one.places:
        if name != "entryuuid":
            yield from (f"{name}:: {base64.b64encode(value).decode()}" for value in one.get(name))
