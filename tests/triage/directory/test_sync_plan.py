"""Changes that a directory import would make, in words; and imports that are refused as implausible."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from triage.addressing.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry
from triage.directory.sync_plan import Kind, plan_sync

ANA = PersonEntry("ana", "Ana", "it", "ana@company.example", ("a@company.example",))
GONE = PersonEntry("gone", "Gone", "it", "gone@company.example", active=False)


def company(*people: PersonEntry, postmaster: str = "ana@company.example", **values: object) -> CompanyDirectory:
    return replace(CompanyDirectory((DepartmentEntry("it", "IT"),), people, (), postmaster), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (company(ANA), company(ANA), []),
        (company(), company(ANA), ["ana joins: Ana, it"]),
        (company(ANA), company(), ["ana leaves: Ana"]),
        (company(ANA), company(replace(ANA, active=False)), ["ana leaves: Ana"]),
        (company(GONE), company(), []),
        (company(), company(GONE), []),
        (company(GONE), company(replace(GONE, active=True)), ["gone returns: Gone, it"]),
        (company(ANA), company(replace(ANA, department="hr")), ["ana moves: from it to hr"]),
        (company(ANA), company(replace(ANA, name="Ann")), ["ana is renamed: from Ana to Ann"]),
        (company(ANA), company(replace(ANA, aliases=())), ["ana loses addresses: a@company.example"]),
        (company(ANA), company(replace(ANA, aliases=(*ANA.aliases, "b@company.example"))), ["ana gets addresses: b@company.example"]),
        (
            company(ANA),
            company(replace(ANA, mailbox="a@company.example", aliases=("ana@company.example",))),
            ["ana gets another mailbox: a@company.example instead of ana@company.example"],
        ),
        (company(ANA), company(replace(ANA, assistants=("bo",))), ["ana gets other assistants: bo"]),
        (company(), company(departments=()), ["department it: removed"]),
        (company(), company(staff=(StaffEntry("ana", "Ana", "admin", ("company",)),)), ["staff ana: new"]),
        (company(), company(postmaster="bo@company.example"), ["postmaster bo@company.example"]),
    ],
)
def test_the_plan_reads_aloud(before: CompanyDirectory, after: CompanyDirectory, says: list[str]) -> None:
    assert [str(change) for change in plan_sync(before, after).changes] == says


def crowd(number: int, **values: object) -> list[PersonEntry]:
    return [replace(PersonEntry(f"p{one}", "P", "it", f"p{one}@company.example"), **values) for one in range(number)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("people", "touched", "values", "believed"),
    [
        (10, 5, {"active": False}, True),
        (10, 6, {"active": False}, False),
        (600, 30, {"active": False}, True),
        (600, 31, {"active": False}, False),
        (600, 31, {"department": "hr"}, False),
        (600, 600, {"name": "Q"}, True),
        (600, 600, {"aliases": ("x@company.example",)}, True),
    ],
)
def test_a_directory_that_changes_too_much_is_not_believed(people: int, touched: int, values: dict[str, object], believed: bool) -> None:
    before = crowd(people)
    after = [*crowd(touched, **values), *before[touched:]]
    why = plan_sync(company(*before), company(*after)).too_much()
    assert (why == "") is believed, why
    assert believed or f"{touched} of {people} people" in why


@pytest.mark.parametrize(("gone", "believed"), [(5, True), (6, False)])
def test_a_directory_that_loses_many_groups_is_not_believed(gone: int, believed: bool) -> None:
    groups = tuple(GroupEntry(f"g{number}@company.example", "G", "it") for number in range(40))
    why = plan_sync(company(ANA, groups=groups), company(ANA, groups=groups[gone:])).too_much()
    assert why == ("" if believed else "remove 6 of 40 distribution lists")


people = st.builds(
    PersonEntry,
    uid=st.sampled_from("abcdef"),
    name=st.sampled_from(["X", "Y"]),
    department=st.sampled_from(["it", "hr"]),
    mailbox=st.sampled_from(["1@x", "2@x", "3@x"]),
    aliases=st.lists(st.sampled_from(["4@x", "5@x"]), unique=True).map(tuple),
    active=st.booleans(),
)
directories = st.lists(people, unique_by=lambda one: one.uid).map(lambda some: company(*some))


@given(directories, directories)
def test_everybody_who_differs_is_in_the_plan_and_nobody_else(before: CompanyDirectory, after: CompanyDirectory) -> None:
    was, will = ({one.uid: one for one in side.people if one.active} for side in (before, after))
    changed = {one.who for one in plan_sync(before, after).changes}
    shown = {uid: (one.name, one.department, one.mailbox, {one.mailbox, *one.aliases}) for uid, one in was.items()}
    shall = {uid: (one.name, one.department, one.mailbox, {one.mailbox, *one.aliases}) for uid, one in will.items()}
    assert changed == {uid for uid in shown.keys() | shall.keys() if shown.get(uid) != shall.get(uid)}
    assert plan_sync(before, before).changes == ()
    joins = {one.who for one in plan_sync(before, after).changes if one.kind in (Kind.JOINS, Kind.RETURNS)}
    assert joins == {one.who for one in plan_sync(after, before).changes if one.kind is Kind.LEAVES}
