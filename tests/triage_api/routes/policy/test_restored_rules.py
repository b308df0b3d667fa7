"""Removed rules back in force: the same rows, all or none, for whoever removed them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, update

from tests.triage.arriving import DMARC_PASS
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.ids import parse_id
from triage.message.signals.scan_results import Scan
from triage.store.db import transaction
from triage.store.models.rules import Rule
from triage.times import utcnow

BLOCK: dict[str, Any] = {"effect": "block", "match": "domain", "value": "bad.example", "scope": "company", "note": "junk"}
ALLOW: dict[str, Any] = {"effect": "allow", "match": "address", "value": "sales@supplier.example", "scope": "company"}


def make(browser: Browser, *orders: dict[str, Any]) -> list[str]:
    return [browser.post("/rules", one).json()["id"] for one in orders]


def remove(browser: Browser, *rules: str) -> None:
    assert [browser.request("DELETE", f"/rules/{one}").status_code for one in rules] == [204] * len(rules)


def in_force(browser: Browser) -> list[str]:
    return sorted(one["id"] for one in browser.get("/rules").json()["items"])


def test_the_same_rules_with_their_uses(ana: Browser, came: Came, new_browser: NewBrowser) -> None:
    made = make(ana, BLOCK, ALLOW)
    came("it+joe.fern@company.example", author="x@bad.example")
    before = [ana.get(f"/rules/{one}").json() for one in made]
    assert before[0]["used"] == 1
    remove(ana, *made)
    assert ana.post("/rules/restore", {"rules": made}).json() == {"count": 2}
    assert [ana.get(f"/rules/{one}").json() for one in made] == before
    assert ana.post("/rules/restore", {"rules": made}).json() == {"count": 0}, "they are in force already"
    acts = new_browser("ida").get("/audit?act=restore-rule").json()["items"]
    assert sorted((one["by"], one["subject"]) for one in acts) == sorted(("person:ana", f"rule:{one}") for one in made)
    assert {one["detail"]["value"] for one in acts} == {"bad.example", "sales@supplier.example"}
    came("it+joe.fern@company.example", author="y@bad.example")
    assert ana.get(f"/rules/{made[0]}").json()["used"] == 2


def test_who_may_and_until_when(ana: Browser, new_browser: NewBrowser, engine: Engine) -> None:
    late, early = make(ana, BLOCK, ALLOW)
    remove(ana, late, early)
    ida = new_browser("ida").post("/rules/restore", {"rules": [late]})
    assert (ida.status_code, ida.json()["detail"]) == (
        409,
        "only the person who removed a rule can restore it, within 24 hours; make a new rule",
    )
    with transaction(engine) as session:
        session.execute(update(Rule).where(Rule.id == parse_id(late)).values(removed_at=utcnow() - timedelta(hours=25)))  # type: ignore[arg-type]
    assert ana.post("/rules/restore", {"rules": [early, late]}).status_code == 409
    assert in_force(ana) == [], "all or none"
    assert ana.post("/rules/restore", {"rules": [early, "0000000000007"]}).status_code == 404
    assert ana.post("/rules/restore", {"rules": []}).status_code == 422
    assert ana.post("/rules/restore", {"rules": [early]}).json() == {"count": 1}


def test_what_somebody_made_anew_stays_the_only_one(ana: Browser, new_browser: NewBrowser) -> None:
    made = make(ana, BLOCK, ALLOW)
    remove(ana, *made)
    (again,) = make(new_browser("ida"), BLOCK)
    assert ana.post("/rules/restore", {"rules": made}).json() == {"count": 1}
    assert in_force(ana) == sorted([again, made[1]])


def test_blocks_of_an_undone_removal_stay_removed(ana: Browser, came: Came) -> None:
    (message,) = came("it+joe.fern@company.example", author="x@bad.example")
    order = {"verb": "purge", "select": {"ids": [message]}, "rule": {"effect": "block", "match": "address", "scope": "company"}}
    decision = ana.post("/decisions", order).json()
    (rule,) = in_force(ana)
    assert ana.post(f"/decisions/{decision['id']}/undo").status_code == 201
    refused = ana.post("/rules/restore", {"rules": [rule]})
    assert (refused.status_code, in_force(ana)) == (409, [])


def test_held_messages_that_need_a_second_look_are_confirmed(ana: Browser, came: Came) -> None:
    """A restored allow rule is asked about as a new one is."""
    (made,) = make(ana, ALLOW | {"proof": "dmarc"})
    remove(ana, made)
    came("it+joe.fern@company.example", dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    asked = ana.post("/rules/restore", {"rules": [made]})
    assert (asked.status_code, asked.json()["type"], in_force(ana)) == (409, "urn:mailroom:second-look", [])
    sure = {"rules": [made], "confirm": asked.json()["names"], "fence": asked.json()["fence"]}
    assert ana.post("/rules/restore", sure).json() == {"count": 1}
