"""Libraries: each that runs here has its reason on the page, is imported or asked for, and has a licence that allows what we do."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata

import pytest

from tests.libraries import library_table as libraries
from tests.libraries.library_table import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
DECLARED = {re.split(r"[\[<>=]", one)[0] for one in PROJECT["project"]["dependencies"]}
EXTRAS = {re.split(r"[<>=]", one)[0] for part in PROJECT["project"]["optional-dependencies"].values() for one in part}
UNBUILT = {"ldap": "python-ldap"}  # needs a compiler, so it is not installed everywhere
UNIMPORTED = {"pyasn1": "ldap3 imports it"}
BROUGHT = {"starlette": "fastapi", "pydantic-core": "pydantic"}  # imported by us, and pinned by who brings it
ALLOWED = {  # licences under which the program may be given away with what it imports
    *("Apache-2.0", "Apache-2.0 AND BSD-2-Clause", "Apache-2.0 OR BSD-3-Clause", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"),
    *("MIT-CMU", "PSF-2.0", "Zlib"),
    "LGPL-3.0-only",  # as libraries beside ours, which everybody can replace: ldap3, psycopg
    "MPL-2.0",  # its files stay under it: publicsuffixlist
}
COPYLEFT = {"ldap3", "psycopg", "psycopg-binary", "publicsuffixlist"}


def imported() -> Iterator[str]:
    """Top-level modules that a product module imports from elsewhere."""
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (one.name.partition(".")[0] for one in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]


def distributions() -> set[str]:
    """Distributions of what is imported."""
    known = metadata.packages_distributions()
    outside = {*imported()} - OURS - sys.stdlib_module_names
    return {UNBUILT.get(name) or known[name][0].lower().replace("_", "-") for name in outside}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    found = distributions()
    assert found - DECLARED - EXTRAS == BROUGHT.keys()
    assert [name for name, bringer in BROUGHT.items() if bringer not in libraries.needed_by(name) or bringer not in DECLARED] == []
    assert DECLARED - found == UNIMPORTED.keys()


def test_each_has_its_reason_on_the_page() -> None:
    named = {
        name
        for row in re.findall(r"^\| ([a-z0-9, -]+) \|", libraries.PAGE.read_text("utf-8").partition(libraries.BEGIN)[0], re.MULTILINE)
        for name in row.split(", ")
    } - {"library"}
    assert not named & libraries.reasons().keys()
    assert named | libraries.reasons().keys() == DECLARED | {"authheaders"}


def test_the_page_lists_all_that_is_installed() -> None:
    rows = set(re.findall(r"^\| ([a-z0-9-]+) \|", libraries.page(), re.MULTILINE))
    named = {name for name in libraries.locked() if f"{name}" in libraries.PAGE.read_text("utf-8").partition(libraries.BEGIN)[0]}
    assert libraries.locked().keys() <= rows | named


def test_who_brings_the_others_is_known() -> None:
    brought = libraries.locked().keys() - DECLARED
    assert [name for name in sorted(brought) if not libraries.needed_by(name)] == []


@pytest.mark.parametrize("name", sorted(libraries.locked()))
def test_its_licence_is_allowed(name: str) -> None:
    licence = libraries.licence_of(name)
    assert licence in ALLOWED, "look at it, and add it here or do without the library"
    assert (licence.startswith(("LGPL", "MPL"))) is (name in COPYLEFT)
