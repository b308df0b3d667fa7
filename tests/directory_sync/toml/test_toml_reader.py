"""A directory file becomes the company that the house knows."""

from pathlib import Path

from directory_sync.toml import toml_reader
from tests.directory_sync.company_toml import GOOD, read, refusal
from triage.addressing.company import CompanyDirectory, ConfidentialEntry, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry


def test_everything_in_the_file_becomes_a_value(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == CompanyDirectory(
        departments=(
            DepartmentEntry("it", "IT"),
            DepartmentEntry("sales", "Sales & Marketing", "sales-desk@company.example", ("info", "press@company.test")),
        ),
        people=(
            PersonEntry("jo", "Jörg Żółw", "it", "jo@company.example", ("joerg@company.test",), identity="4711"),
            PersonEntry("left", "Gone Away", "sales", "jo@company.example", active=False),
        ),
        staff=(StaffEntry("ana", "Ana", "triage", ("department:sales", "person:jo"), "$argon2id$v=19$m=65536"),),
        postmaster="jo@company.example",
        groups=(
            GroupEntry(
                "everybody@company.example",
                "Everybody",
                "sales",
                ("jo", "info@company.example", "few@company.test"),
                ("partner@elsewhere.example",),
                ("all@company.test",),
            ),
            GroupEntry("few@company.test", "Few", "it", expand=False, closed=True),
        ),
    )


def test_the_example_for_administrators_can_be_read() -> None:
    company = toml_reader.read_directory(Path(__file__).parents[3] / "deploy" / "company.toml", ("company.example",))
    assert [one.uid for one in company.people] == ["dario.montefusco"]
    assert [one.login for one in company.staff] == ["ana"]


def test_assistants_who_are_staff_see_the_mail_of_those_they_assist(tmp_path: Path) -> None:
    named = GOOD.replace('name = "Gone Away"', 'name = "Gone Away"\nmanager = "jo"\nassistants = ["jo"]')
    by_uid, by_login = named.replace('login = "ana"', 'login = "ana"\nperson = "jo"'), named.replace('login = "ana"', 'login = "jo"')
    for text in (by_uid, by_login):
        found = read(tmp_path, text)
        assert found.staff[0].scope == ("department:sales", "person:jo", "person:left")
        assert (found.people[1].manager, found.people[1].assistants) == ("jo", ("jo",))
    assert read(tmp_path, named).staff[0].scope == ("department:sales", "person:jo"), "the assistant is no staff"
    watching = by_login.replace('role = "triage"', 'role = "auditor"')
    assert read(tmp_path, watching).staff[0].scope == ("department:sales", "person:jo"), "an auditor assists nobody"


def test_what_is_sealed_names_who_sees_it(tmp_path: Path) -> None:
    text = GOOD.replace('code = "it"', 'code = "it"\nresponsible = "jo"\nconfidential = true').replace(
        'uid = "jo"', 'uid = "jo"\nconfidential = true\nconfidential_staff = ["Ana"]'
    )
    found = read(tmp_path, text)
    assert found.sealed == (ConfidentialEntry("department:it"), ConfidentialEntry("person:jo", ("Ana",)))
    assert found.departments[0].responsible == "jo"


def test_a_departments_mailbox_is_one_of_ours(tmp_path: Path) -> None:
    assert refusal(tmp_path, '"sales-desk@company.example"', '"desk@elsewhere.example"') == (
        "[[department]] 2 (code “sales”): mailbox: “desk@elsewhere.example” is outside the company's domains "
        "(company.example, company.test)"
    )
