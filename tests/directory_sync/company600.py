"""A company of 600 in 16 departments with nested groups and everything that goes wrong in directories, as LDAP entries."""

from typing import Any

from directory_sync.ldap.ldap_connection import Entry
from tests.directory_sync.entries import GROUPS, PEOPLE, group, person

DEPARTMENTS = (
    "Sales", "Marketing", "Büro & Einkauf", "IT", "Human Resources", "Legal", "Finance", "Research",
    "Production", "Quality", "Logistics", "Service", "Press", "Board", "Works Council", "Reception",
)  # fmt: skip
CREATED = "20200101000000Z"  # all at once: of entries that claim the same address none is older
HOSTILE: tuple[dict[str, Any], ...] = (
    {"mail": "x@elsewhere.example"},
    {"mail": "hostile%p1@company.example"},
    {"mail": "p1@company.example"},  # somebody else's
    {"departmentNumber": "a\x1b[31mb"},
    {"mail": [f"flood{number}@company.example" for number in range(300)]},
    {"uid": "*)(objectClass=*"},
)


def people() -> list[Entry]:
    """600 people: every department equally, each head the manager of its department, heads assisted by the next person."""
    return [colleague(number) for number in range(600)]


def colleague(number: int, **values: object) -> Entry:
    """Entry of one of 600 people."""
    head = number % 16
    given = {
        "mail": [f"p{number}@company.example", f"person.{number}@company.example"],
        "departmentNumber": DEPARTMENTS[head],
        "manager": f"uid=p{head},{PEOPLE}",
        "secretary": f"uid=p{number + 16},{PEOPLE}" if number < 16 else None,
        "createTimestamp": CREATED,
    }
    return person(f"p{number}", **(given | values))


def hostile() -> list[Entry]:
    """Entries that must be refused one by one."""
    return [person(f"z.hostile{number}", createTimestamp=CREATED, **values) for number, values in enumerate(HOSTILE)]


def groups() -> list[Entry]:
    """Lists in lists, a cycle, and who is staff."""
    return [
        *(group(f"dept{one}", *(f"p{number}" for number in range(one, 600, 16)), mail=f"all-{one}@company.example") for one in range(16)),
        group("everybody", *(f"cn=dept{one},{GROUPS}" for one in range(16)), f"cn=circle,{GROUPS}", mail="everybody@company.example"),
        group("circle", f"cn=everybody,{GROUPS}", mail="circle@company.example"),
        group("reception", "p15", "p31"),
    ]
