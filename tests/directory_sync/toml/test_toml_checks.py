"""Entries of a directory file that do not go together are refused in one line that says where and what to write."""

from pathlib import Path

import pytest

from directory_sync.toml import toml_reader
from tests.directory_sync.company_toml import DOMAINS, GOOD, refusal

GROUP = "[[group]] 1 (address “Everybody@company.example”): "
MISTAKES = [
    ("active = false", 'identity = "4711"', "[[person]] 2 (uid “left”): identity “4711” is that of [[person]] 1 (uid “jo”) already"),
    ('uid = "jo"', 'uid = "Jo"', "[[person]] 1 (uid “Jo”): uid “Jo” stands in addresses: write it in small letters"),
    ('code = "it"', 'code = "i+t"', "[[department]] 1 (code “i+t”): code “i+t” stands before “+” in addresses: write it without “+”"),
    ('uid = "jo"', 'uid = "j o"', "[[person]] 1 (uid “j o”): uid: “j o@company.example” is not an email address"),
    ('department = "sales"', 'department = "sale"', "[[person]] 2 (uid “left”): there is no department “sale”; did you mean “sales”?"),
    ('"Jo@Company.Example"', '"jo"', "[[person]] 1 (uid “jo”): mailbox: “jo” is not an email address"),
    (
        '"Jo@Company.Example"',
        '"jo@elsewhere.example"',
        "[[person]] 1 (uid “jo”): mailbox: “jo@elsewhere.example” is outside the company's domains (company.example, company.test)",
    ),
    ("active = false", "", "[[person]] 2 (uid “left”): jo@company.example belongs already to [[person]] 1 (uid “jo”)"),
    ('"info", ', '"jo", ', "[[department]] 2 (code “sales”): jo@company.example belongs already to [[person]] 1 (uid “jo”)"),
    ('"info", ', '"it+jo", ', "[[department]] 2 (code “sales”): it+jo@company.example belongs already to [[person]] 1 (uid “jo”)"),
    ('"info", ', '"abuse", ', "[[department]] 2 (code “sales”): abuse@company.example belongs already to [company]"),
    ('"all@company.test"', '"jo@company.example"', GROUP + "jo@company.example belongs already to [[person]] 1 (uid “jo”)"),
    ('"few@company.test"]', '"some@company.test"]', GROUP + "members: “some@company.test” is nobody's address here"),
    ('members = ["jo"', 'members = ["joe"', GROUP + "members: there is no person “joe”; did you mean “jo”?"),
    (
        'members = ["jo"',
        'members = ["a@elsewhere.example"',
        GROUP + "members: “a@elsewhere.example” is outside the company's domains; name it in external if that is meant",
    ),
    (
        '"Partner@Elsewhere.example"',
        '"jo@company.example"',
        GROUP + "external: “jo@company.example” is in the company's own domains; name it in members",
    ),
    ('department = "sales"\nmembers', 'department = "sals"\nmembers', GROUP + "there is no department “sals”; did you mean “sales”?"),
    ('role = "triage"', 'role = "traige"', "[[staff]] 1 (login “ana”): there is no role “traige”; did you mean “triage”?"),
    (
        '"person:jo"',
        '"people:jo"',
        "[[staff]] 1 (login “ana”): scope “people:jo” is not a scope; write company, department:CODE or person:UID",
    ),
    ('"person:jo"', '"person:joe"', "[[staff]] 1 (login “ana”): scope: there is no person “joe”; did you mean “jo”?"),
    ("department:sales", "department:sails", "[[staff]] 1 (login “ana”): scope: there is no department “sails”; did you mean “sales”?"),
    (
        'scope = ["department:sales", "person:jo"]',
        "",
        '[[staff]] 1 (login “ana”): scope is missing; write ["company"], or any of "department:CODE" and "person:UID"',
    ),
    ("$argon2id$", "$2b$", "[[staff]] 1 (login “ana”): password_hash is not an argon2id hash: it must start with $argon2id$"),
]


@pytest.mark.parametrize(("instead_of", "written", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_says_where(tmp_path: Path, instead_of: str, written: str, message: str) -> None:
    assert refusal(tmp_path, instead_of, written) == message


def test_with_another_delimiter_a_uid_or_code_may_hold_a_plus(tmp_path: Path) -> None:
    path = tmp_path / "company.toml"
    path.write_text(GOOD.replace('code = "it"', 'code = "i+t"').replace('department = "it"', 'department = "i+t"'), "utf-8")
    assert toml_reader.read_directory(path, DOMAINS, "-").departments[0].code == "i+t"


@pytest.mark.parametrize(
    ("instead_of", "written", "says"),
    [
        ('members = ["jo"', 'members = [""', "members: there is no person “”"),
        ('code = "it"', 'code = "it"\nconfidential = true\nconfidential_staff = ["anna"]', "there is no staff “anna”; did you mean “ana”"),
        ('code = "it"', 'code = "it"\nconfidential_staff = ["ana"]', "confidential_staff stands here without confidential = true"),
        ('code = "it"', 'code = "it"\nresponsible = "joe"', "responsible: there is no person “joe”"),
        ('uid = "jo"', 'uid = "jo"\nassistants = ["joe"]', "assistants: there is no person “joe”"),
        ('uid = "jo"', 'uid = "jo"\nmanager = "joe"', "manager: there is no person “joe”"),
        ('login = "ana"', 'login = "ana"\nperson = "joe"', "person: there is no person “joe”"),
    ],
)
def test_who_is_named_must_exist(tmp_path: Path, instead_of: str, written: str, says: str) -> None:
    assert says in refusal(tmp_path, instead_of, written)
