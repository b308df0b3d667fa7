"""Recognition of renamed people, of reused names, and of a directory that was merely rebuilt."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry, StaffEntry
from triage.directory.renames import Former, Renaming, find_renames, match_people, named_today, with_identities


def person(uid: str, identity: str = "", name: str = "", **values: object) -> PersonEntry:
    return replace(PersonEntry(uid, name or uid.title(), "it", f"{uid}@company.example", identity=identity), **values)  # type: ignore[arg-type]


def company(*people: PersonEntry, **values: object) -> CompanyDirectory:
    return replace(CompanyDirectory((), people, (), "ana@company.example"), **values)  # type: ignore[arg-type]


MARA, LIND = person("mara", "A", "Mara Berg"), person("lind", "A", "Mara Lind")
AWAY = replace(MARA, active=False)
TWIN = person("mara", "B", "Mara Berg")  # the same names, another account
OTHER = person("mara", "B", "Mara Oyen")


@pytest.mark.parametrize(
    ("before", "after", "moves", "aside"),
    [
        pytest.param([MARA], [MARA], {}, {}, id="nothing"),
        pytest.param([MARA], [LIND], {"mara": "lind"}, {}, id="a marriage"),
        pytest.param([AWAY], [LIND], {"mara": "lind"}, {}, id="back under another name"),
        pytest.param([MARA], [LIND, OTHER], {"mara": "lind"}, {}, id="somebody new has the name at once"),
        pytest.param([MARA], [LIND, person("mara")], {"mara": "lind"}, {}, id="somebody new whose entry says nothing has the name"),
        pytest.param(
            [MARA, person("joe", "B")], [person("joe", "A"), person("mara", "B")], {"mara": "joe", "joe": "mara"}, {}, id="a swap"
        ),
        pytest.param(
            [person("a", "1"), person("b", "2"), person("c", "3")],
            [person("b", "1"), person("c", "2"), person("d", "3")],
            {"a": "b", "b": "c", "c": "d"},
            {},
            id="a chain",
        ),
        pytest.param([person("mara")], [LIND], {}, {}, id="known by name only: another person"),
        pytest.param([person("mara")], [MARA], {}, {}, id="an identity is said for the first time"),
        pytest.param([MARA], [person("mara")], {}, {}, id="an identity is not said this time"),
        pytest.param([MARA], [TWIN], {}, {}, id="an account made anew"),
        pytest.param([MARA], [replace(TWIN, name="Berg, Mara")], {}, {}, id="the same, the name written otherwise"),
        pytest.param([MARA], [OTHER], {}, {"mara": "mara~1"}, id="somebody else under the name"),
        pytest.param([AWAY], [TWIN], {}, {"mara": "mara~1"}, id="a namesake after a long time"),
        pytest.param([AWAY], [replace(OTHER, active=False)], {}, {"mara": "mara~1"}, id="somebody else who has left as well"),
        pytest.param([AWAY], [replace(TWIN, active=False)], {}, {}, id="a leaver whose entry was made anew"),
        pytest.param([replace(AWAY, uid="soon")], [replace(TWIN, uid="soon")], {}, {}, id="back within the days, the account made anew"),
        pytest.param(
            [MARA, replace(OTHER, uid="lind", active=False)], [LIND], {"mara": "lind"}, {"lind": "lind~1"}, id="a leaver had the new name"
        ),
        pytest.param(
            [MARA, person("lind", active=False)],
            [LIND],
            {"mara": "lind"},
            {"lind": "lind~1"},
            id="a leaver of no identity had the new name",
        ),
        pytest.param(
            [AWAY, replace(AWAY, uid="mara~1", identity="C")], [TWIN], {}, {"mara": "mara~2"}, id="the name was given away before"
        ),
        pytest.param([replace(AWAY, uid="mara~1")], [LIND], {"mara~1": "lind"}, {}, id="who was set aside is back"),
    ],
)
def test_names_change_with_those_who_have_them(
    before: list[PersonEntry], after: list[PersonEntry], moves: dict[str, str], aside: dict[str, str]
) -> None:
    made, _ = recognised(before, after)
    known = {one.uid for one in before}
    assert made.people == moves
    assert {was: now for was, now in made.people_aside.items() if was in known} == aside
    assert len(set(made.uids.values())) == len(made.uids), "no two get one name"


def recognised(
    before: list[PersonEntry], after: list[PersonEntry], accounts: Mapping[str, bool] | None = None, former: Former | None = None
) -> tuple[Renaming, CompanyDirectory]:
    was, will = company(*before), company(*after)
    were = match_people(was, will, {"soon"})
    return find_renames(was, will, were, accounts or {}, (former or {}, former or {})), with_identities(will, were)


def test_an_identity_is_kept_while_it_is_not_said_and_only_by_who_had_it() -> None:
    _, after = recognised([MARA, person("joe", "J")], [LIND, person("mara"), person("joe")])
    assert [(one.uid, one.identity) for one in after.people] == [("lind", "A"), ("mara", ""), ("joe", "J")]


def test_a_name_that_only_leftovers_have_is_cleared_first() -> None:
    made, _ = recognised([MARA], [LIND])
    assert made.uids == {"mara": "lind", "lind": "lind~1"}
    assert [str(change) for change in made.changes({"mara"})] == ["mara gets another uid: lind"]


@pytest.mark.parametrize(
    ("before", "after", "accounts", "logins"),
    [
        pytest.param([MARA], [LIND], {}, {"mara": "lind", "lind": "lind~1"}, id="the uid is the login"),
        pytest.param([MARA], [LIND], {"mara": True}, {}, id="an account of ours keeps its login"),
        pytest.param([MARA], [LIND], {"lind": True}, {}, id="the new login is an account of ours"),
        pytest.param([MARA], [LIND], {"mara": False, "lind": False}, {}, id="it is somebody's who is no person"),
        pytest.param([replace(MARA, login="m1")], [replace(LIND, login="m1")], {}, {}, id="the login stays"),
        pytest.param(
            [MARA, person("joe", "B", login="lind")], [LIND, person("joe", "B", login="lind")], {}, {}, id="somebody else signs in so"
        ),
        pytest.param(
            [replace(MARA, login="m1")], [replace(MARA, login="m2")], {}, {"m1": "m2", "m2": "m2~1"}, id="the login alone changes"
        ),
        pytest.param(
            [MARA, person("joe", "B")], [person("joe", "A"), person("mara", "B")], {}, {"mara": "joe", "joe": "mara"}, id="a swap"
        ),
        pytest.param([AWAY], [TWIN], {}, {"mara": "mara~1"}, id="somebody else has it now"),
        pytest.param([AWAY], [replace(TWIN, login="m9")], {}, {}, id="somebody else has the uid, not the login"),
        pytest.param(
            [replace(AWAY, login="m1")], [person("joe", "B", login="m1")], {}, {"m1": "m1~1"}, id="somebody else has the login, not the uid"
        ),
        pytest.param([replace(MARA, login="m1")], [person("joe", login="m1")], {}, {}, id="nobody knows whether it is somebody else"),
        pytest.param(
            [replace(AWAY, uid="soon", login="m1")], [replace(TWIN, uid="soon", login="m1")], {}, {}, id="the login of an account made anew"
        ),
        pytest.param([AWAY], [LIND], {}, {"mara": "lind", "lind": "lind~1"}, id="back under another name"),
        pytest.param(
            [AWAY, person("joe", "B", login="mara")],
            [LIND, person("joe", "B", login="mara")],
            {},
            {},
            id="back: the login is another's",
        ),
        pytest.param([AWAY], [LIND], {"mara": False}, {}, id="back: the login is that of no person"),
        pytest.param([AWAY], [MARA], {}, {}, id="back"),
    ],
)
def test_logins_change_with_those_who_sign_in(
    before: list[PersonEntry], after: list[PersonEntry], accounts: dict[str, bool], logins: dict[str, str]
) -> None:
    made, _ = recognised(before, after, accounts)
    assert made.signs_in == logins


def test_who_is_new_under_a_former_name_gets_none_of_its_leftovers() -> None:
    made, _ = recognised([LIND], [LIND, OTHER], former={"mara": ["lind"], "old": ["lind"]})
    assert (made.people_aside, made.logins_aside, made.people) == ({"mara": "mara~1"}, {"mara": "mara~1"}, {})
    assert list(made.changes({"lind"})) == []
    assert recognised([LIND, OTHER], [LIND, OTHER], former={"mara": ["lind"]})[0] == Renaming()


def test_a_name_that_is_one_person_s_uid_and_was_another_one_s_login_is_each_for_itself() -> None:
    made, _ = recognised([MARA, person("joe", "B", login="j1")], [LIND, person("joe", "B", login="mara")])
    assert (made.people, made.logins) == ({"mara": "lind"}, {"mara": "lind", "j1": "mara"})
    made, _ = recognised(
        [replace(MARA, login="m1"), person("joe", "B", login="j1")], [replace(LIND, login="m1"), person("joe", "B", login="mara")]
    )
    assert (made.people, made.logins_aside) == ({"mara": "lind"}, {"mara": "mara~1"}), "leftovers of a login say nothing of a person"


def test_a_login_that_changes_alone_is_told() -> None:
    made, _ = recognised([replace(MARA, login="m1")], [replace(MARA, login="m2")])
    assert [str(change) for change in made.changes({"mara"})] == ["m1 gets another login: m2"]


HANA, LEO = StaffEntry("hana.ito", "Hana Ito", "triage", ("person:mara",)), StaffEntry("leo", "Leo", "triage", ("company",))


@pytest.mark.parametrize(
    ("people", "sealed", "seals"),
    [
        pytest.param([LIND], [("person:mara", ("hana",))], [("person:lind", "hana.ito")], id="who had the name"),
        pytest.param([LIND, OTHER], [("person:mara", ("leo",))], [("person:lind", "leo"), ("person:mara", "leo")], id="and who has it now"),
        pytest.param(
            [LIND],
            [("person:mara", ("hana",)), ("person:lind", ("leo",))],
            [("person:lind", "leo")],
            id="who is named goes by that",
        ),
        pytest.param([OTHER], [("department:it", ("hana",))], [("department:it", "hana.ito")], id="a department"),
        pytest.param([OTHER], [("person:gone", ("leo",))], [("person:gone", "leo")], id="somebody whom nobody knows"),
    ],
)
def test_settings_that_name_people_as_they_were_called_seal_them(
    people: list[PersonEntry], sealed: list[tuple[str, tuple[str, ...]]], seals: list[tuple[str, str]]
) -> None:
    said = company(*people, staff=(HANA, LEO), sealed=tuple(ConfidentialEntry(*one) for one in sealed))
    after = named_today(said, {"mara": ["lind"]}, {"hana": ["hana.ito"]})
    assert [(one.folder, *one.staff) for one in after.sealed] == seals


@pytest.mark.parametrize(
    ("people", "former", "scope"),
    [
        pytest.param([LIND], {"mara": ["lind"]}, "person:lind", id="who had the name"),
        pytest.param([LIND, OTHER], {"mara": ["lind"]}, "person:mara", id="somebody has it now"),
        pytest.param([LIND, person("oyen")], {"mara": ["lind", "oyen"]}, "person:mara", id="two had it: nobody knows who is meant"),
    ],
)
def test_a_right_that_settings_give_by_a_former_name_is_for_one_person(
    people: list[PersonEntry], former: dict[str, list[str]], scope: str
) -> None:
    after = named_today(company(*people, staff=(HANA,)), former, {})
    assert after.staff[0].scope == (scope,)
