"""Ends of several rules changed in one request: all or none, and one request takes them back exactly."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from tests.triage_api.conftest import Browser, Came, NewBrowser
from tests.triage_api.routes.policy.test_restored_rules import ALLOW, BLOCK, make
from triage.ids import parse_id
from triage.store.db import transaction
from triage.store.models.rules import Rule
from triage.times import utcnow

GONE = "0000000000007"
DATE = (utcnow() + timedelta(days=40)).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def ends_of(browser: Browser) -> dict[str, tuple[str | None, int]]:
    return {one["id"]: (one["until"], one["lapse_days"]) for one in browser.get("/rules").json()["items"]}


def test_one_request_changes_them_and_one_takes_it_back(ana: Browser, new_browser: NewBrowser, engine: Engine) -> None:
    made = make(ana, BLOCK, ALLOW | {"lapse_days": 100}, BLOCK | {"value": "other.example", "until": DATE})
    with transaction(engine) as session:  # its last message is long ago
        days = {"until": utcnow() + timedelta(days=7)}
        session.execute(update(Rule).where(Rule.id == parse_id(made[1])).values(days))  # type: ignore[arg-type]
    before = ends_of(ana)
    ends = [{"rule": one, "lapse_days": 30} for one in made]
    shown = ana.post("/rules/ends", {"ends": ends, "dry_run": True}).json()
    assert ([one["id"] for one in shown["rules"]], shown["count"], ends_of(ana)) == (made[::-1], 3, before)
    changed = ana.post("/rules/ends", {"ends": ends, "rules_fence": shown["rules_fence"]}).json()
    assert ([days for _, days in ends_of(ana).values()], changed["former"]) == ([30] * 3, shown["former"])
    assert ana.post("/rules/ends", {"ends": changed["former"], "rules_fence": changed["rules_fence"]}).status_code == 200
    assert ends_of(ana) == before, "also how long is left of one that lapses"
    acts = new_browser("ida").get("/audit?act=change-rule").json()["items"]
    assert sorted(one["subject"] for one in acts) == sorted(f"rule:{one}" for one in made * 2)


def test_what_has_changed_since_is_not_overwritten(ana: Browser, new_browser: NewBrowser) -> None:
    one, other = make(ana, BLOCK, ALLOW)
    ends = [{"rule": one, "until": DATE}, {"rule": other, "until": DATE}]
    changed = ana.post("/rules/ends", {"ends": ends}).json()
    assert new_browser("ida").request("PATCH", f"/rules/{one}", json={"lapse_days": 5, "until": None}).status_code == 200
    refused = ana.post("/rules/ends", {"ends": changed["former"], "rules_fence": changed["rules_fence"]})
    assert (refused.status_code, ends_of(ana)[one][1], ends_of(ana)[other][0]) == (412, 5, DATE)


@pytest.mark.parametrize("dry_run", [True, False])
def test_all_or_none(ana: Browser, new_browser: NewBrowser, dry_run: bool) -> None:
    made = make(ana, BLOCK | {"scope": "department:legal"}, ALLOW)
    before = ends_of(ana)
    ends = [{"rule": one, "lapse_days": 9} for one in made]
    more = {"dry_run": dry_run}
    assert new_browser("ben").post("/rules/ends", {"ends": ends} | more).status_code == 403
    assert ana.post("/rules/ends", {"ends": [*ends, {"rule": GONE}]} | more).status_code == 404
    assert ana.post("/rules/ends", {"ends": []} | more).status_code == 422
    assert ends_of(ana) == before


def test_a_rule_that_cannot_have_the_end_is_named_and_none_changes(ana: Browser, came: Came) -> None:
    made = make(ana, BLOCK, ALLOW)
    before = ends_of(ana)
    refused = ana.post("/rules/ends", {"ends": [{"rule": made[0], "lapse_days": 30}, {"rule": made[1], "lapse_days": 9000}]})
    assert (refused.status_code, refused.json()["field"]) == (422, "ends")
    assert refused.json()["detail"].startswith("ends: sales@supplier.example: between 0 (never) and 3,650 days")
    assert ends_of(ana) == before
