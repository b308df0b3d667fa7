"""Rights that a directory gives: named in the file, or after the scope of an LDAP group."""

from pathlib import Path

import pytest

from directory_sync.ldap.staff import parse_grants
from directory_sync.toml.toml_reader import read_directory
from triage.actor import Role
from triage.config.group_grants import Grant
from triage.config.settings import Directory
from triage.errors import BadInput

GROUP = "cn=security,dc=company,dc=example"


@pytest.mark.parametrize(
    ("words", "scope", "rights"),
    [
        ("admin company", ("company",), ()),
        ("admin company remove-delivered", ("company",), ("remove-delivered",)),
        ("triage remove-delivered department:it own-department", ("department:it", "own-department"), ("remove-delivered",)),
    ],
)
def test_a_group_of_ldap_gives_rights_behind_the_scope(words: str, scope: tuple[str, ...], rights: tuple[str, ...]) -> None:
    assert parse_grants(Directory(staff_groups=(f"{GROUP} => {words}",))) == [Grant(GROUP, Role(words.split()[0]), scope, rights)]


def test_a_right_alone_is_no_scope() -> None:
    with pytest.raises(BadInput, match="it has no scope"):
        parse_grants(Directory(staff_groups=(f"{GROUP} => admin remove-delivered",)))


FILE = """
[company]
postmaster = "jo@company.example"
[[department]]
code = "it"
name = "IT"
[[person]]
uid = "jo"
name = "Jo"
department = "it"
mailbox = "jo@company.example"
[[staff]]
login = "jo"
name = "Jo"
role = "admin"
scope = ["company"]
rights = ["RIGHT"]
"""


def test_a_file_names_them(tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text(FILE.replace("RIGHT", "remove-delivered"), "utf-8")
    assert [one.rights for one in read_directory(file, ("company.example",)).staff] == [("remove-delivered",)]
    file.write_text(FILE.replace("RIGHT", "purge-all"), "utf-8")
    with pytest.raises(BadInput, match="rights: there is no right “purge-all”; there are remove-delivered"):
        read_directory(file, ("company.example",))
