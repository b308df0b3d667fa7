"""Proposals over HTTP: one's own rows, an answer, and who was faster."""

import pytest
from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_api.conftest import Browser, NewBrowser
from triage.policy.suggestions import rule_suggestions
from triage.policy.suggestions.threshold import Candidate, Evidence, Kind
from triage.store import db


@pytest.fixture
def proposed(engine: Engine, ana: Browser) -> None:
    """Twelve domains that send sign-in messages."""

    def candidate(number: int) -> Candidate:
        evidence = Evidence(messages=number, dmarc=number, time_limited=1, would_pass=number)
        return Candidate(Kind.SIGN_IN, "domain", f"portal{number}.example", "dmarc", evidence)

    found = [candidate(number) for number in range(1, 13)]
    with db.transaction(engine) as session:
        rule_suggestions.refresh_suggestions(session, found, now=NOW)


@pytest.mark.usefixtures("proposed")
def test_the_list_has_the_weightiest_first(ana: Browser) -> None:
    first = ana.get("/rules/proposals?limit=10").json()
    assert [one["value"] for one in first["items"]][:2] == ["portal12.example", "portal11.example"]
    assert (first["total_estimate"], first["items"][0]["evidence"]["would_pass"]) == (12, 12)
    rest = ana.get(f"/rules/proposals?limit=10&cursor={first['next_cursor']}").json()
    assert ([one["value"] for one in rest["items"]], rest["next_cursor"]) == (["portal2.example", "portal1.example"], None)


@pytest.mark.usefixtures("proposed")
def test_two_people_share_the_work(ana: Browser, new_browser: NewBrowser) -> None:
    ida = new_browser("ida")
    anas, idas = ana.post("/rules/proposals/batch").json(), ida.post("/rules/proposals/batch").json()
    assert (len(anas["items"]), len(idas["items"]), idas["open"], idas["answered"]) == (10, 2, 12, 0)
    theirs = idas["items"][0]["id"]
    late = ana.post(f"/rules/proposals/{theirs}", {"answer": "accept"})
    assert (late.status_code, late.json()["detail"]) == (409, "Ida Lind is working on this suggestion")
    accepted = ida.post(f"/rules/proposals/{theirs}", {"answer": "accept"}).json()
    assert (accepted["state"], accepted["answered_by_name"]) == ("accepted", "Ida Lind")
    assert [one["id"] for one in ida.get("/rules").json()["items"]] == [accepted["rule_id"]]
    assert ida.post(f"/rules/proposals/{theirs}", {"answer": "open"}).json()["state"] == "open"
    assert ida.get("/rules").json()["items"] == []
    assert ida.delete("/rules/proposals/batch").status_code == 204
    assert len(ana.post("/rules/proposals/batch").json()["items"]) == 10
    assert ana.post(f"/rules/proposals/{theirs}", {"answer": "refuse"}).json()["state"] == "refused"
    assert ana.post(f"/rules/proposals/{theirs}", {"answer": "never"}).status_code == 422
