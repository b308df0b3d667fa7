"""Signals about the addresses that replies and bounces go to."""

from typing import Any

import pytest

from tests.triage.message.signals.seeing import FORGED, PROVEN, seen
from triage.message.authentication import Authentication

POST: dict[str, Any] = {
    "author": "dev@lists.example",
    "authors": ("dev@lists.example",),
    "list_id": "dev.lists.example",
    "reply_to": ("anna@sender.example",),
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reply_to": ("ann@other.example",)}, True),
        ({"reply_to": ("desk@mail.sender.example",)}, False),
        ({"reply_to": ("news@lists.example",), "list_id": "news.lists.example"}, False),
        ({"reply_to": ()}, False),
    ],
)
def test_reply_to_elsewhere(changes: dict[str, Any], said: bool) -> None:
    assert ("reply-elsewhere" in seen(**changes)) is said


def test_a_list_that_speaks_for_its_author_is_said_so_once() -> None:
    found = seen(**POST, author_name="Anna Roth via Dev")
    assert found["through-a-list"] == (
        "Written by Anna Roth (anna@sender.example), says the mailing list dev.lists.example, which sends it in its own name."
    )
    assert "reply-elsewhere" not in found
    assert "through-a-list" not in seen(**POST | {"author": "ann@sender.example"}, author_name="Anna Roth via Dev")


@pytest.mark.parametrize(
    ("authentication", "path", "changes", "said"),
    [
        (FORGED, "bulk@other.example", {}, True),
        (FORGED, "ann@mail.sender.example", {}, False),
        (FORGED, "", {}, False),
        (FORGED, "bulk@other.example", {"list_id": "dev.other.example"}, False),
        (PROVEN, "bounces@newsletter.example", {}, False),  # who is proven may have it sent by others
    ],
)
def test_return_path_elsewhere(authentication: Authentication, path: str, changes: dict[str, Any], said: bool) -> None:
    assert ("return-path-elsewhere" in seen(authentication, beside={"reverse_path": path}, **changes)) is said
