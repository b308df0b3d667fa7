"""Folders as lists print them are taken wherever a folder or a scope is asked for."""

from typing import Any

import pytest

from triage_cli.commands.selection_options import folder_of, scope_of


@pytest.mark.parametrize(
    ("department", "person", "folder"),
    [
        ("it+russell.c", None, {"department": "it", "person": "russell.c"}),
        (None, "it+russell.c", {"department": "it", "person": "russell.c"}),
        ("it", "russell.c", {"department": "it", "person": "russell.c"}),
        ("it", None, {"department": "it"}),
        ("it", "", {"department": "it", "person": ""}),
        (None, None, {}),
    ],
)
def test_a_folder_is_read_as_lists_print_it(department: str | None, person: str | None, folder: dict[str, Any]) -> None:
    assert folder_of(department, person) == folder


@pytest.mark.parametrize(
    ("text", "scope"),
    [("it", "department:it"), ("it+russell.c", "person:russell.c"), ("company", "company"), ("person:ana", "person:ana"), ("", "")],
)
def test_a_scope_may_be_a_folder(text: str, scope: str) -> None:
    assert scope_of(text) == scope
