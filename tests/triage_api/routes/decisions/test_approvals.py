"""Asking for a second person's approval over HTTP, and turning it."""

from dataclasses import replace

import pytest

from tests.triage_api.conftest import Browser, NewBrowser
from triage.config.settings import Settings

RULE = {"effect": "allow", "match": "domain", "value": "dell.example", "scope": "company", "note": "our supplier"}


@pytest.fixture
def api_settings(settings: Settings, database_url: str) -> Settings:
    """A company that lets nobody allow a whole domain alone."""
    policy = replace(settings.policy, approvals=("domain-allow",))
    return replace(settings, database=replace(settings.database, url=database_url), policy=policy)


def test_a_rule_waits_and_is_made_when_somebody_else_confirms_it(ana: Browser, ben: Browser, new_browser: NewBrowser) -> None:
    answer = ana.post("/rules", RULE)
    asked = answer.json()
    assert (answer.status_code, asked["state"], asked["mine"]) == (202, "waiting", True)
    ida = new_browser("ida")
    assert [(one["id"], one["mine"]) for one in ida.get("/approvals").json()["items"]] == [(asked["id"], False)]
    assert ben.get("/approvals").json()["items"] == []
    assert ana.post(f"/approvals/{asked['id']}/confirm").status_code == 403
    assert ida.get("/rules").json()["items"] == []
    done = ida.post(f"/approvals/{asked['id']}/confirm", {"reason": "I know them"}).json()
    (rule,) = ida.get("/rules").json()["items"]
    assert (done["state"], done["result_id"], rule["value"], rule["author"]) == ("confirmed", rule["id"], "dell.example", "Ana Roth")
    assert ida.post(f"/approvals/{asked['id']}/decline").status_code == 409
    assert ida.get("/approvals").json()["items"] == []
