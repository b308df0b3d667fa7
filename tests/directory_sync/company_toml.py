"""A directory file for tests, and what is said of one with a mistake in it."""

from pathlib import Path

import pytest

from directory_sync.toml import toml_reader
from triage.addressing.company import CompanyDirectory
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
    return toml_reader.read_directory(path, DOMAINS)


def refusal(tmp_path: Path, instead_of: str, written: str) -> str:
    """Error for the good file with this mistake, without the file's name: always one line."""
    assert instead_of in GOOD
    with pytest.raises(BadInput) as refused:
        read(tmp_path, GOOD.replace(instead_of, written, 1))
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix(str(tmp_path / "company.toml")).lstrip(": ")
