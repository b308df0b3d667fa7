"""Saying that one is away, over HTTP, and who is told that nobody looks."""

from datetime import timedelta

from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_api.conftest import NewBrowser
from triage.store import restore_pause
from triage.store.db import transaction


def test_when_everybody_is_away_administrators_are_told(new_browser: NewBrowser) -> None:
    ida, ana, ben = new_browser("ida"), new_browser("ana"), new_browser("ben")
    assert ida.get("/coverage").json()["uncovered"] == []
    logins = {login for folder in ida.get("/coverage").json()["folders"] for login in folder["on_duty"]}
    for login in logins:
        assert ida.request("PUT", "/away", json={"login": login, "until": "2099-01-01T00:00:00Z"}).status_code == 204
    assert [(one["code"], one["on_duty"]) for one in ida.get("/coverage").json()["uncovered"]] == [("it", []), ("legal", [])]
    assert ana.get("/coverage").json()["uncovered"] == []
    mine = ben.get("/coverage").json()
    assert ([one["code"] for one in mine["folders"]], mine["away_until"]) == (["legal"], "2099-01-01T00:00:00Z")
    assert ben.request("PUT", "/away", json={"until": None}).status_code == 204
    assert [one["code"] for one in ida.get("/coverage").json()["uncovered"]] == ["it"]
    assert ben.request("PUT", "/away", json={"until": "2020-01-01T00:00:00Z"}).status_code == 422
    assert ben.request("PUT", "/away", json={"login": "ana", "until": None}).status_code == 403


def test_everybody_is_told_that_a_restored_system_sends_nothing_yet(new_browser: NewBrowser, engine: Engine) -> None:
    ben = new_browser("ben")
    assert ben.get("/coverage").json()["restored"] is None
    with transaction(engine) as session:
        restore_pause.pause_delivery(session, backup_at=NOW, now=NOW + timedelta(days=1))
    assert ben.get("/coverage").json()["restored"] == {"since": "2026-11-25T09:30:00Z", "backup_at": "2026-11-24T09:30:00Z"}
    with transaction(engine) as session:
        restore_pause.end_pause(session)
    assert ben.get("/coverage").json()["restored"] is None
