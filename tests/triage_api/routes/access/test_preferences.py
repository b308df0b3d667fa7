"""Choosing for one's own console over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage import ids
from triage.store.db import read_transaction
from triage.store.models.deliveries import Delivery

JOE = "it+joe.fern@company.example"


def chosen(browser: Browser) -> dict[str, Any]:
    """Chosen preferences, as the console gets them at its start."""
    return {name: value for name, value in browser.get("/me").json()["preferences"].items() if value is not None}


def test_a_choice_follows_the_account(ana: Browser, new_browser: NewBrowser) -> None:
    answer = ana.request("PATCH", "/preferences", json={"theme": "dark", "keys": {"release": "w", "undo": "z, Ctrl+z"}})
    assert answer.status_code == 200
    assert ana.request("PATCH", "/preferences", json={"language": "de"}).status_code == 200
    assert chosen(new_browser("ana")) == {"theme": "dark", "keys": {"release": "w", "undo": "z, Ctrl+z"}, "language": "de"}
    assert chosen(new_browser("ida")) == {}
    ana.request("PATCH", "/preferences", json={"theme": None, "keys": None})
    assert chosen(ana) == {"language": "de"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"theme": "pink"},
        {"undo_seconds": 4},
        {"undo_seconds": 61},
        {"keys": {"rm -rf": "x"}},
        {"keys": {f"name{'x' * number}": "x" for number in range(201)}},
        {"language": "German"},
        {"colour": "red"},
    ],
    ids=["theme", "too soon", "too late", "command", "too many", "language", "unknown"],
)
def test_nonsense_is_refused(ana: Browser, wrong: dict[str, Any]) -> None:
    assert ana.request("PATCH", "/preferences", json=wrong).status_code == 422
    assert chosen(ana) == {}


def test_what_is_released_waits_as_long_as_whoever_released_it_chose(ana: Browser, came: Came, engine: Engine) -> None:
    assert ana.request("PATCH", "/preferences", json={"undo_seconds": 45}).status_code == 200
    assert ana.get("/me").json()["undo_seconds"] == 45
    (joe,) = came(JOE)
    made = ana.post("/decisions", {"verb": "release", "select": {"ids": [joe]}})
    assert made.status_code == 201
    with read_transaction(engine) as session:
        assert session.get_one(Delivery, ids.parse_id(joe)).due_at == datetime.fromisoformat(made.json()["at"]) + timedelta(seconds=45)
