"""A directory file's sections have known keys with values of their types, or one line says where and what to write."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from directory_sync.toml import toml_entries, toml_reader
from tests.directory_sync.company_toml import DOMAINS, GOOD, refusal
from tests.effort import examples
from triage.errors import BadInput

MISTAKES = [
    ("[[department]]", "[[department]", "is not TOML: Expected ']]' at the end of an array declaration (at line 5, column 13)"),
    ('uid = "jo"', 'uid = "jo', "is not TOML: Illegal character '\\n' (at line 16, column 10)"),
    ("[[department]]", "[[departmnet]]", "there is no section “departmnet”; did you mean “department”?"),
    ("[company]", "[[company]]", "write [company] once, with single brackets"),
    ("[[staff]]", "[staff]", "write [[staff]] with double brackets, once for each entry"),
    ("postmaster", "postmastre", "[company]: there is no key “postmastre”; did you mean “postmaster”?"),
    ("aliases", "alias", "[[person]] 1 (uid “jo”): there is no key “alias”; did you mean “aliases”?"),
    (
        'roles = ["info",',
        'zzz = ["info",',
        "[[department]] 2 (code “sales”): there is no key “zzz”; there are code, confidential, "
        "confidential_staff, mailbox, name, responsible, roles",
    ),
    ('name = "IT"', "sealed = true", "[[department]] 1 (code “it”): there is no key “sealed”; it is now confidential"),
    ('name = "IT"', "", "[[department]] 1 (code “it”): name is missing"),
    ('uid = "jo"', "", "[[person]] 1: uid is missing"),
    ('name = "IT"', 'name = ""', "[[department]] 1 (code “it”): name is empty or holds control characters"),
    ('name = "IT"', 'name = "I\\u001bT"', "[[department]] 1 (code “it”): name is empty or holds control characters"),
    ('name = "IT"', "name = 7", "[[department]] 1 (code “it”): name must be a text in quotes"),
    ("active = false", 'active = "no"', "[[person]] 2 (uid “left”): active must be true or false"),
    (
        '["joerg@company.test"]',
        '"joerg@company.test"',
        '[[person]] 1 (uid “jo”): aliases must be a list of texts, such as ["one", "two"]',
    ),
    ('code = "sales"', 'code = "it"', "[[department]] 2 (code “it”): code “it” is taken already by [[department]] 1 (code “it”)"),
    ('uid = "left"', 'uid = "Jo"', "[[person]] 2 (uid “Jo”): uid “Jo” is taken already by [[person]] 1 (uid “jo”)"),
    ("expand = false", 'expand = "no"', "[[group]] 2 (address “few@company.test”): expand must be true or false"),
]


@pytest.mark.parametrize(("instead_of", "written", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_says_where(tmp_path: Path, instead_of: str, written: str, message: str) -> None:
    assert refusal(tmp_path, instead_of, written) == message


def test_a_file_that_is_not_there_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"company\.toml cannot be read: No such file or directory\. Name the directory file in \[directory\] file"
    ):
        toml_entries.read_sections(tmp_path / "company.toml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_bytes(b'[company]\npostmaster = "j\xf6@company.example"\n')
    with pytest.raises(BadInput, match="is not TOML: 'utf-8' codec can't decode byte 0xf6"):
        toml_entries.read_sections(tmp_path / "company.toml")


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, len(GOOD)), length=st.integers(0, 12), noise=st.text(max_size=6))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, start: int, length: int, noise: str) -> None:
    path = tmp_path / "company.toml"
    path.write_bytes((GOOD[:start] + noise + GOOD[start + length :]).encode("utf-8", "surrogatepass"))
    try:
        said = str(toml_reader.read_directory(path, DOMAINS))
    except BadInput as refused:
        said = str(refused)
    assert len(said.splitlines()) == 1
