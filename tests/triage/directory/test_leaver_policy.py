"""Destination of messages for former employees, as a table."""

import pytest

from triage.addressing.company import CompanyDirectory, DepartmentEntry, PersonEntry
from triage.directory.leaver_policy import Place, Places, find_policy_fault

PEOPLE = (
    PersonEntry("chief", "Chief", "board", "chief@company.example"),
    PersonEntry("boss", "Boss", "sales", "boss@company.example", manager="chief"),
    PersonEntry("former.boss", "Former Boss", "sales", "former.boss@company.example", active=False, manager="chief"),
    PersonEntry("under.boss", "A", "sales", "a@company.example", active=False, manager="boss"),
    PersonEntry("under.former", "B", "sales", "b@company.example", active=False, manager="former.boss"),
    PersonEntry("alone", "C", "sales", "c@company.example", active=False),
    PersonEntry("stray", "D", "closed-down", "d@company.example", active=False),
    PersonEntry("ring.one", "E", "it", "e@company.example", active=False, manager="ring.two"),
    PersonEntry("ring.two", "F", "it", "f@company.example", active=False, manager="ring.one"),
    PersonEntry("self", "G", "it", "g@company.example", active=False, manager="self"),
)
DEPARTMENTS = (
    DepartmentEntry("board", "Board", responsible="chief"),
    DepartmentEntry("sales", "Sales", "desk@company.example"),
    DepartmentEntry("it", "IT", responsible="former.boss"),
)
PLACES = Places(CompanyDirectory(DEPARTMENTS, PEOPLE, (), "postmaster@company.example"), {})
SALES = Place("sales", "", "desk@company.example")
IT = Place("it", "", "postmaster@company.example")
CHIEF = Place("board", "chief", "chief@company.example")


@pytest.mark.parametrize(
    ("uid", "rule", "expected"),
    [
        ("under.boss", "refuse", None),
        ("under.boss", "manager", Place("sales", "boss", "boss@company.example")),
        ("under.former", "manager", CHIEF),  # the manager has left too: the one above
        ("alone", "manager", SALES),  # nobody is named: the department's own folder
        ("stray", "manager", None),  # and no department either
        ("ring.one", "manager", IT),  # who manage each other manage nobody
        ("self", "manager", IT),
        ("under.boss", "folder:it", IT),  # its responsible person has left: the postmaster
        ("under.boss", "folder:board", Place("board", "", "chief@company.example")),
        ("under.boss", "folder:gone", SALES),
    ],
)
def test_where_it_goes(uid: str, rule: str, expected: Place | None) -> None:
    assert PLACES.of(PLACES.people[uid], rule) == expected


def test_the_manager_of_the_directory_before_counts_too() -> None:
    leaver = PersonEntry("x", "X", "sales", "x@company.example", active=False, manager="former.boss")
    earlier = {"former.boss": PEOPLE[2], "x": leaver}
    now = CompanyDirectory(DEPARTMENTS, PEOPLE[:2], (), "postmaster@company.example")
    assert Places(now, earlier).of(leaver, "manager") == CHIEF


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("refuse", ""),
        ("manager", ""),
        ("folder:it", ""),
        ("folder:hr", "there is no department “hr”; there are it, sales"),
        ("boss", "“boss” is none of refuse, manager and folder:CODE"),
        ("", "“” is none of refuse, manager and folder:CODE"),
    ],
)
def test_what_is_a_rule(rule: str, why: str) -> None:
    assert find_policy_fault(rule, frozenset({"it", "sales"})) == why
