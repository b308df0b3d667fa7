"""A directory file is read whole, or refused in one line that says where and what to write."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from directory_sync import toml_file
from triage.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry, SealedEntry, StaffEntry
from triage.errors import BadInput

DOMAINS = ("company.example", "company.test")
GOOD = """
[company]
postmaster = "jo@company.example"

[[department]]
code = "it"
name = "IT"

[[department]]
code = "sales"
name = "Sales & Marketing"
mailbox = "sales-desk@company.example"
roles = ["info", "press@company.test"]

[[person]]
uid = "jo"
name = "Jörg Żółw"
department = "it"
mailbox = "Jo@Company.Example"
aliases = ["joerg@company.test"]
identity = "4711"

[[person]]
uid = "left"
name = "Gone Away"
department = "sales"
mailbox = "jo@company.example"
active = false

[[group]]
address = "Everybody@company.example"
name = "Everybody"
department = "sales"
members = ["jo", "Info@company.example", "few@company.test"]
external = ["Partner@Elsewhere.example"]
aliases = ["all@company.test"]

[[group]]
address = "few@company.test"
name = "Few"
department = "it"
expand = false
closed = true

[[staff]]
login = "ana"
name = "Ana"
role = "triage"
scope = ["department:sales", "person:jo"]
password_hash = "$argon2id$v=19$m=65536"
"""


def read(tmp_path: Path, text: str) -> CompanyDirectory:
    """The directory in this text."""
    path = tmp_path / "company.toml"
    path.write_text(text, "utf-8")
    return toml_file.read(path, DOMAINS)


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


def test_with_another_delimiter_a_uid_or_code_may_hold_a_plus(tmp_path: Path) -> None:
    path = tmp_path / "company.toml"
    path.write_text(GOOD.replace('code = "it"', 'code = "i+t"').replace('department = "it"', 'department = "i+t"'), "utf-8")
    assert toml_file.read(path, DOMAINS, "-").departments[0].code == "i+t"


GROUP = "[[group]] 1 (address 'Everybody@company.example'): "
MISTAKES = [
    ("[[department]]", "[[department]", "is not TOML: Expected ']]' at the end of an array declaration (at line 5, column 13)"),
    ('uid = "jo"', 'uid = "jo', "is not TOML: Illegal character '\\n' (at line 16, column 10)"),
    ("[[department]]", "[[departmnet]]", "there is no section 'departmnet'; did you mean 'department'?"),
    ("[company]", "[[company]]", "write [company] once, with single brackets"),
    ("[[staff]]", "[staff]", "write [[staff]] with double brackets, once for each entry"),
    ("active = false", 'identity = "4711"', "[[person]] 2 (uid 'left'): identity '4711' is that of [[person]] 1 (uid 'jo') already"),
    ("postmaster", "postmastre", "[company]: there is no key 'postmastre'; did you mean 'postmaster'?"),
    ("aliases", "alias", "[[person]] 1 (uid 'jo'): there is no key 'alias'; did you mean 'aliases'?"),
    (
        'roles = ["info",',
        'zzz = ["info",',
        "[[department]] 2 (code 'sales'): there is no key 'zzz'; there are code, mailbox, name, responsible, roles, sealed, sealed_staff",
    ),
    ('name = "IT"', "", "[[department]] 1 (code 'it'): name is missing"),
    ('uid = "jo"', "", "[[person]] 1: uid is missing"),
    ('name = "IT"', 'name = ""', "[[department]] 1 (code 'it'): name is empty or holds control characters"),
    ('name = "IT"', 'name = "I\\u001bT"', "[[department]] 1 (code 'it'): name is empty or holds control characters"),
    ('name = "IT"', "name = 7", "[[department]] 1 (code 'it'): name must be a text in quotes"),
    ("active = false", 'active = "no"', "[[person]] 2 (uid 'left'): active must be true or false"),
    (
        '["joerg@company.test"]',
        '"joerg@company.test"',
        '[[person]] 1 (uid \'jo\'): aliases must be a list of texts, such as ["one", "two"]',
    ),
    ('code = "sales"', 'code = "it"', "[[department]] 2 (code 'it'): code 'it' is taken already by [[department]] 1 (code 'it')"),
    ('uid = "left"', 'uid = "Jo"', "[[person]] 2 (uid 'Jo'): uid 'Jo' is taken already by [[person]] 1 (uid 'jo')"),
    ('uid = "jo"', 'uid = "Jo"', "[[person]] 1 (uid 'Jo'): uid 'Jo' stands in addresses: write it in small letters"),
    ('code = "it"', 'code = "i+t"', "[[department]] 1 (code 'i+t'): code 'i+t' stands before '+' in addresses: write it without '+'"),
    ('uid = "jo"', 'uid = "j o"', "[[person]] 1 (uid 'j o'): uid: 'j o@company.example' is not a mail address"),
    ('department = "sales"', 'department = "sale"', "[[person]] 2 (uid 'left'): there is no department 'sale'; did you mean 'sales'?"),
    ('"Jo@Company.Example"', '"jo"', "[[person]] 1 (uid 'jo'): mailbox: 'jo' is not a mail address"),
    (
        '"Jo@Company.Example"',
        '"jo@elsewhere.example"',
        "[[person]] 1 (uid 'jo'): mailbox: 'jo@elsewhere.example' is outside the company's domains (company.example, company.test)",
    ),
    (
        '"sales-desk@company.example"',
        '"desk@elsewhere.example"',
        "[[department]] 2 (code 'sales'): mailbox: 'desk@elsewhere.example' is outside the company's domains "
        "(company.example, company.test)",
    ),
    ("active = false", "", "[[person]] 2 (uid 'left'): jo@company.example belongs already to [[person]] 1 (uid 'jo')"),
    ('"info", ', '"jo", ', "[[department]] 2 (code 'sales'): jo@company.example belongs already to [[person]] 1 (uid 'jo')"),
    ('"info", ', '"it+jo", ', "[[department]] 2 (code 'sales'): it+jo@company.example belongs already to [[person]] 1 (uid 'jo')"),
    ('"info", ', '"abuse", ', "[[department]] 2 (code 'sales'): abuse@company.example belongs already to [company]"),
    ('"all@company.test"', '"jo@company.example"', GROUP + "jo@company.example belongs already to [[person]] 1 (uid 'jo')"),
    ('"few@company.test"]', '"some@company.test"]', GROUP + "members: 'some@company.test' is nobody's address here"),
    ('members = ["jo"', 'members = ["joe"', GROUP + "members: there is no person 'joe'; did you mean 'jo'?"),
    (
        'members = ["jo"',
        'members = ["a@elsewhere.example"',
        GROUP + "members: 'a@elsewhere.example' is outside the company's domains; name it in external if that is meant",
    ),
    (
        '"Partner@Elsewhere.example"',
        '"jo@company.example"',
        GROUP + "external: 'jo@company.example' is in the company's own domains; name it in members",
    ),
    ('department = "sales"\nmembers', 'department = "sals"\nmembers', GROUP + "there is no department 'sals'; did you mean 'sales'?"),
    ("expand = false", 'expand = "no"', "[[group]] 2 (address 'few@company.test'): expand must be true or false"),
    ('role = "triage"', 'role = "traige"', "[[staff]] 1 (login 'ana'): there is no role 'traige'; did you mean 'triage'?"),
    (
        '"person:jo"',
        '"people:jo"',
        "[[staff]] 1 (login 'ana'): scope 'people:jo' is not a scope; write company, department:CODE or person:UID",
    ),
    ('"person:jo"', '"person:joe"', "[[staff]] 1 (login 'ana'): scope: there is no person 'joe'; did you mean 'jo'?"),
    ("department:sales", "department:sails", "[[staff]] 1 (login 'ana'): scope: there is no department 'sails'; did you mean 'sales'?"),
    (
        'scope = ["department:sales", "person:jo"]',
        "",
        '[[staff]] 1 (login \'ana\'): scope is missing; write ["company"], or any of "department:CODE" and "person:UID"',
    ),
    ("$argon2id$", "$2b$", "[[staff]] 1 (login 'ana'): password_hash is not an argon2id hash: it must start with $argon2id$"),
]


@pytest.mark.parametrize(("instead_of", "written", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_says_where(tmp_path: Path, instead_of: str, written: str, message: str) -> None:
    assert instead_of in GOOD
    with pytest.raises(BadInput) as refused:
        read(tmp_path, GOOD.replace(instead_of, written, 1))
    assert str(refused.value).removeprefix(str(tmp_path / "company.toml")).lstrip(": ") == message
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"company\.toml cannot be read: No such file or directory\. Name the directory file in \[directory\] file"
    ):
        toml_file.read(tmp_path / "company.toml", DOMAINS)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_bytes(b'[company]\npostmaster = "j\xf6@company.example"\n')
    with pytest.raises(BadInput, match="is not TOML: 'utf-8' codec can't decode byte 0xf6"):
        toml_file.read(tmp_path / "company.toml", DOMAINS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, len(GOOD)), length=st.integers(0, 12), noise=st.text(max_size=6))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, start: int, length: int, noise: str) -> None:
    path = tmp_path / "company.toml"
    path.write_bytes((GOOD[:start] + noise + GOOD[start + length :]).encode("utf-8", "surrogatepass"))
    try:
        said = str(toml_file.read(path, DOMAINS))
    except BadInput as refused:
        said = str(refused)
    assert len(said.splitlines()) == 1


def test_the_example_for_administrators_can_be_read() -> None:
    company = toml_file.read(Path(__file__).parents[2] / "deploy" / "company.toml", ("company.example",))
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
    text = GOOD.replace('code = "it"', 'code = "it"\nresponsible = "jo"\nsealed = true').replace(
        'uid = "jo"', 'uid = "jo"\nsealed = true\nsealed_staff = ["Ana"]'
    )
    found = read(tmp_path, text)
    assert found.sealed == (SealedEntry("department:it"), SealedEntry("person:jo", ("Ana",)))
    assert found.departments[0].responsible == "jo"


@pytest.mark.parametrize(
    ("instead_of", "written", "says"),
    [
        ('code = "it"', 'code = "it"\nsealed = true\nsealed_staff = ["anna"]', "there is no staff 'anna'; did you mean 'ana'"),
        ('code = "it"', 'code = "it"\nsealed_staff = ["ana"]', "sealed_staff stands here without sealed = true"),
        ('code = "it"', 'code = "it"\nresponsible = "joe"', "responsible: there is no person 'joe'"),
        ('uid = "jo"', 'uid = "jo"\nassistants = ["joe"]', "assistants: there is no person 'joe'"),
        ('uid = "jo"', 'uid = "jo"\nmanager = "joe"', "manager: there is no person 'joe'"),
        ('login = "ana"', 'login = "ana"\nperson = "joe"', "person: there is no person 'joe'"),
    ],
)
def test_who_is_named_must_exist(tmp_path: Path, instead_of: str, written: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(tmp_path, GOOD.replace(instead_of, written, 1))
