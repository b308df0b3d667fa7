"""A second look over HTTP: the preview names it, anything but exactly that is a 409 with the names, and it is kept in the decision."""

import importlib
from dataclasses import replace
from typing import Any

import pytest

from tests.peers.company import ROOT
from tests.triage.arriving import DMARC_FAIL, DMARC_PASS, NO_DMARC
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.config.settings import Settings
from triage.message.signals.scan_results import Scan
from triage.message.signals.second_look import NAMES

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
BOTH = ["dmarc-fails", "suspicious"]  # a stranger whose DMARC fails
TYPE = "urn:mailroom:second-look"
ALLOW = {"effect": "allow", "match": "address", "scope": "company"}


def look(browser: Browser, select: dict[str, Any], verb: str = "release", **more: Any) -> dict[str, Any]:
    """The preview of a decision."""
    answer = browser.post("/selections/preview", {"select": select, "verb": verb} | more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_the_preview_names_is_confirmed_with_its_fence_and_kept(ana: Browser, came: Came) -> None:
    (one,) = came(JOE, dmarc=DMARC_FAIL)
    order = {"verb": "release", "select": {"ids": [one]}}
    seen = look(ana, order["select"])  # type: ignore[arg-type]
    assert [asked["name"] for asked in seen["second_look"]] == BOTH
    first = seen["second_look"][0]
    assert (first["count"], first["example"], first["author"]) == (1, one, "sales@supplier.example")
    assert first["sentence"].startswith("Not really from supplier.example: DMARC fails")
    assert ana.get(f"/deliveries/{one}").json()["second_look"] == BOTH
    assert [item["second_look"] for item in ana.get("/triage").json()["items"]] == [BOTH]
    for said in (
        {},
        {"confirm": BOTH},  # without the fence
        {"fence": seen["fence"]},
        {"confirm": list(NAMES), "fence": seen["fence"]},  # a script that confirms everything
        {"confirm": ["suspicious"], "fence": seen["fence"]},
        {"confirm": ["whatever"], "fence": seen["fence"]},
    ):
        refused = ana.post("/decisions", order | said)
        problem = refused.json()
        assert (refused.status_code, problem["type"], problem["names"]) == (409, TYPE, BOTH), said
        assert (problem["second_look"], problem["fence"]) == (seen["second_look"], seen["fence"])
        assert ana.get(f"/deliveries/{one}").json()["state"] == "held"
    made = ana.post("/decisions", order | {"confirm": BOTH, "fence": seen["fence"]})
    assert (made.status_code, made.json()["done"], made.json()["confirmed"]) == (201, 1, BOTH)
    assert ana.get(f"/decisions/{made.json()['id']}").json()["confirmed"] == BOTH
    (released,) = [past for past in ana.get(f"/deliveries/{one}").json()["history"] if past["act"] == "release"]
    assert released["detail"]["confirmed"] == BOTH


def test_a_row_that_changed_since_is_a_412(ana: Browser, came: Came) -> None:
    came(JOE, dmarc=DMARC_FAIL)
    select = {"sender": "sales@supplier.example"}
    seen = look(ana, select)
    came(MARA, dmarc=DMARC_FAIL)
    refused = ana.post("/decisions", {"verb": "release", "select": select, "confirm": BOTH, "fence": seen["fence"]})
    assert refused.status_code == 412
    assert {one["state"] for one in ana.get("/deliveries").json()["items"]} == {"held"}


def test_the_same_key_twice_is_answered_alike(ana: Browser, came: Came) -> None:
    (one,) = came(JOE, dmarc=DMARC_FAIL)
    select, key = {"ids": [one]}, {"Idempotency-Key": "once"}
    assert ana.post("/decisions", {"verb": "release", "select": select}, headers=key).status_code == 409
    order = {"verb": "release", "select": select, "confirm": BOTH, "fence": look(ana, select)["fence"]}
    answers = [ana.post("/decisions", order, headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert ana.get("/decisions").json()["items"][0]["done"] == 1


def test_what_needs_no_look_asks_nothing_and_takes_no_confirmation(ana: Browser, came: Came) -> None:
    (one,) = came(JOE, dmarc=DMARC_PASS)
    select = {"ids": [one]}
    seen = look(ana, select)
    assert (seen["second_look"], seen["not_allowed"]) == ([], [])
    refused = ana.post("/decisions", {"verb": "release", "select": select, "confirm": list(NAMES), "fence": seen["fence"]})
    assert (refused.status_code, refused.json()["names"]) == (409, [])
    assert ana.post("/decisions", {"verb": "release", "select": select}).status_code == 201


def test_in_bulk_every_reason_is_named_with_its_number(ana: Browser, came: Came) -> None:
    ids = [
        *came(JOE, dmarc=DMARC_FAIL),
        *came(MARA, dmarc=DMARC_FAIL),
        *came(JOE, author="ceo@company.example"),
        *came(JOE, dmarc=DMARC_PASS),
    ]
    seen = look(ana, {"ids": ids})
    assert {asked["name"]: asked["count"] for asked in seen["second_look"]} == {
        "own-domain-forged": 1,
        "dmarc-fails": 2,
        "dangerous": 1,
        "suspicious": 2,
    }
    assert "This service is not set up to send as company.example. Ask IT to add it." in seen["second_look"][0]["sentence"]
    assert ana.post("/decisions", {"verb": "redirect", "to": MARA, "select": {"ids": ids}}).status_code == 409


def test_undo_of_a_removal_asks_before_it_lets_out_again(ana: Browser, came: Came) -> None:
    (one,) = came(JOE, dmarc=DMARC_FAIL)
    select = {"ids": [one]}
    ana.post("/decisions", {"verb": "release", "select": select, "confirm": BOTH, "fence": look(ana, select)["fence"]})
    removed = ana.post("/decisions", {"verb": "purge", "select": select}).json()
    path = f"/decisions/{removed['id']}/undo"
    refused = ana.post(path)
    problem = refused.json()
    assert (refused.status_code, problem["type"], problem["names"]) == (409, TYPE, BOTH)
    assert ana.post(path, {"confirm": BOTH}).status_code == 409
    assert ana.post(path, {"confirm": BOTH, "fence": "0" * 24}).status_code == 412
    undone = ana.post(path, {"confirm": BOTH, "fence": problem["fence"]})
    assert (undone.status_code, undone.json()["confirmed"]) == (201, BOTH)
    assert ana.get(f"/deliveries/{one}").json()["state"] == "queued"


@pytest.mark.parametrize(
    ("mail", "why", "instead"),
    [
        (
            {"author": "app@company.example", "dmarc": NO_DMARC},
            "own",
            "This service is not set up to send as company.example. Ask IT to add it.",
        ),
        ({"dmarc": NO_DMARC}, "unproven", "Release it without a rule. Allow the sender once one of its messages is proven"),
    ],
)
def test_allow_is_not_offered_and_refused_with_what_could_be_done(
    ana: Browser, came: Came, mail: dict[str, Any], why: str, instead: str
) -> None:
    (one,) = came(JOE, **mail)
    select = {"ids": [one]}
    seen = look(ana, select, rule=ALLOW)
    assert [(refused["why"], refused["count"]) for refused in seen["not_allowed"]] == [(why, 1)]
    assert seen["not_allowed"][0]["instead"].startswith(instead)
    names = [asked["name"] for asked in seen["second_look"]]
    refused = ana.post("/decisions", {"verb": "release", "select": select, "rule": ALLOW, "confirm": names, "fence": seen["fence"]})
    assert (refused.status_code, refused.json()["field"]) == (422, "rule")
    assert instead in refused.json()["detail"]
    assert ana.post("/rules/offers", {"select": select}).json()["items"] == []


VIRUS = ["danger-found", "dangerous"]
RULE = ALLOW | {"value": "sales@supplier.example"}
ASKED = {"match": "address", "value": "sales@supplier.example", "scope": "company", "proof": "dmarc", "names": VIRUS, "count": 1}


def test_rules_from_a_file_are_confirmed_with_its_fence(ana: Browser, came: Came) -> None:
    came(JOE, dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    lines = {"text": "allow sales@supplier.example\nallow rosa@customer.example\n"}
    seen = ana.post("/rules/import", lines | {"dry_run": True}).json()
    assert (seen["made"], seen["rules"], [one["name"] for one in seen["second_look"]]) == (2, [ASKED], VIRUS)
    for said in ({}, {"confirm": VIRUS}, {"confirm": list(NAMES), "fence": seen["fence"]}):
        refused = ana.post("/rules/import", lines | said)
        problem = refused.json()
        assert (refused.status_code, problem["type"], problem["names"], problem["rules"]) == (409, TYPE, VIRUS, [ASKED]), said
        assert problem["fence"] == seen["fence"]
    assert ana.post("/rules/import", lines | {"confirm": VIRUS, "fence": "0" * 24}).status_code == 412
    assert ana.get("/rules").json()["items"] == []
    made = ana.post("/rules/import", lines | {"confirm": VIRUS, "fence": seen["fence"]})
    assert (made.status_code, made.json()["made"]) == (200, 2)
    again = ana.post("/rules/import", {"text": ana.get("/rules/export").text})
    assert (again.status_code, again.json()["kept"]) == (200, 2)


def test_a_recipe_leaves_out_the_rules_that_ask(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "recipes")
    recipe = importlib.import_module("mailroom_api")

    def post(_: object, path: str, order: dict[str, Any]) -> Any:
        answer = ana.post(path, order)
        if answer.status_code >= 300:
            raise recipe.Refused(answer.status_code, answer.json())
        return answer.json()

    monkeypatch.setattr(recipe.Mailroom, "post", post)
    came(JOE, dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    wanted = [{"effect": "allow", "sender": one} for one in ("rosa@customer.example", "Sales@Supplier.example", ".supplier.example", "a b")]
    for dry_run in (True, False):
        made, kept, refused = recipe.Mailroom("http://x", "").make_rules(wanted, dry_run=dry_run)
        assert (made, kept, sorted(refused)) == (1, 0, [".supplier.example", "Sales@Supplier.example", "a b"])
        assert refused[".supplier.example"] == "this needs a second look (danger-found, dangerous)"
    assert [one["value"] for one in ana.get("/rules").json()["items"]] == ["rosa@customer.example"]


def test_a_change_that_lets_in_more_is_confirmed_with_its_fence(ana: Browser, came: Came) -> None:
    path = f"/rules/{ana.post('/rules', RULE).json()['id']}"
    came(JOE, dmarc=DMARC_PASS, scan=Scan(virus="Eicar"))
    assert ana.request("PATCH", path, json={"note": "theirs"}).status_code == 200
    refused = ana.request("PATCH", path, json={"risky": True})
    problem = refused.json()
    assert (refused.status_code, problem["type"], problem["names"], problem["rules"]) == (409, TYPE, VIRUS, [ASKED])
    assert ana.request("PATCH", path, json={"risky": True, "confirm": VIRUS}).status_code == 409
    assert ana.get(path).json()["risky"] is False
    changed = ana.request("PATCH", path, json={"risky": True, "confirm": VIRUS, "fence": problem["fence"]})
    assert (changed.status_code, changed.json()["risky"]) == (200, True)


@pytest.fixture
def two(settings: Settings, database_url: str) -> Settings:
    """A company that lets nobody release alone what pretends to be one of us."""
    policy = replace(settings.policy, approvals=("risky-release",))
    return replace(settings, database=replace(settings.database, url=database_url), policy=policy)


class TestTwoPeople:
    """Both confirm."""

    @pytest.fixture
    def api_settings(self, two: Settings) -> Settings:
        """Settings of the company with two people."""
        return two

    def test_the_second_person_confirms_what_the_first_one_did(self, ana: Browser, came: Came, new_browser: NewBrowser) -> None:
        (one,) = came(JOE, author="ceo@company.example")
        select, names = {"ids": [one]}, ["own-domain-forged", "dangerous"]
        said = {"confirm": names, "fence": look(ana, select)["fence"]}
        waits = ana.post("/decisions", {"verb": "release", "select": select} | said)
        assert (waits.status_code, waits.json()["confirmed"]) == (202, names)
        ida, path = new_browser("ida"), f"/approvals/{waits.json()['id']}/confirm"
        refused = ida.post(path)
        assert (refused.status_code, refused.json()["names"]) == (409, names)
        done = ida.post(path, {"confirm": names, "fence": refused.json()["fence"]})
        assert (done.status_code, done.json()["state"]) == (200, "confirmed")
        assert ida.get(f"/decisions/{done.json()['result_id']}").json()["confirmed"] == names
