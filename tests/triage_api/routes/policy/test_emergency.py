"""The emergency over HTTP: everybody hears of it, administrators open and close it, a monitor sees it."""

from datetime import timedelta

import pytest

from tests.triage_api.conftest import Came, NewBrowser
from triage.times import utcnow
from triage_api.routes.operations import metrics


def test_opened_seen_by_all_and_closed(new_browser: NewBrowser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH", 0.0)
    ida, ben, monitor = new_browser("ida"), new_browser("ben"), new_browser(address="127.0.0.1")
    assert ben.get("/emergency").json() == {"emergency": None}
    assert "mailroom_emergency_open 0" in monitor.get("//metrics").text
    until = (utcnow() + timedelta(hours=2)).isoformat()
    opened = ida.request("PUT", "/emergency", json={"until": until, "reason": "nobody is here"})
    assert opened.status_code == 200
    assert opened.json()["emergency"]["reason"] == "nobody is here"
    assert ben.get("/emergency").json() == opened.json()
    assert "mailroom_emergency_open 1" in monitor.get("//metrics").text
    assert ben.request("DELETE", "/emergency").status_code == 403
    assert ida.request("DELETE", "/emergency").status_code == 204
    assert ben.get("/emergency").json() == {"emergency": None}


def test_a_time_without_an_offset_is_refused_with_the_field(new_browser: NewBrowser) -> None:
    refused = new_browser("ida").request("PUT", "/emergency", json={"until": "2026-11-24T18:00:00", "reason": "x"})
    assert (refused.status_code, refused.json()["field"]) == (422, "until")
