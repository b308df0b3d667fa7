"""The start list over HTTP: a category, its act and the undo, and a list of one's own."""

import pytest
from sqlalchemy import Engine

from tests.triage import arriving
from tests.triage_api.conftest import Browser, NewBrowser
from triage.config.settings import Settings
from triage.message.authentication import Dmarc, Result
from triage.store import db
from triage.times import utcnow

LIST = "mailroom-start-list 2027-01-04\nchase.com category=banks sends=codes dkim=chase.com source=our-own-list subdomains\n"


@pytest.fixture
def seen(engine: Engine, settings: Settings, ana: Browser) -> None:
    """Proven messages of two banks and of a platform came in."""
    assert ana
    with db.transaction(engine) as session:
        for domain in ("chase.com", "citi.com", "paypal.com"):
            dmarc = Dmarc(Result.PASS, domain, domain, "none", ("dkim",))
            arriving.arrive(session, settings, "joe.fern@company.example", author=f"x@{domain}", dmarc=dmarc, at=utcnow())


@pytest.mark.usefixtures("seen")
def test_one_act_allows_a_category_and_one_undo_takes_it_back(ana: Browser) -> None:
    found = ana.get("/start-list").json()
    (banks,) = (one for one in found["categories"] if one["name"] == "banks")
    assert (banks["title"], banks["offered"], banks["allowed"], found["acts"]) == ("Banks, cards and insurance", 2, 0, [])
    shown = ana.get("/start-list/banks").json()
    offered = [one["domain"] for one in shown["items"] if one["standing"] == "offered"]
    assert (offered, shown["fence"], shown["items"][0]["sends"]) == (
        ["chase.com", "citi.com"],
        banks["fence"],
        ["sign-in codes", "notices"],
    )
    assert ana.post("/start-list/banks", {"fence": "another"}).status_code == 412
    act = ana.post("/start-list/banks", {"fence": shown["fence"]})
    assert (act.status_code, act.json()["domains"]) == (201, offered)
    assert {one["value"] for one in ana.get("/rules").json()["items"]} == set(offered)
    empty = ana.get("/start-list/banks").json()
    assert (empty["offered"], empty["allowed"], empty["sentence"]) == (0, 2, "No sender of this category can be allowed now.")
    assert ana.post("/start-list/banks", {"fence": empty["fence"]}).status_code == 409
    undone = ana.post(f"/start-list/acts/{act.json()['id']}/undo").json()
    assert (undone["undone_by_name"], ana.get("/rules").json()["items"]) == ("Ana Roth", [])
    assert [one["id"] for one in ana.get("/start-list").json()["acts"]] == [undone["id"]]


def test_a_list_of_ones_own(ana: Browser, new_browser: NewBrowser) -> None:
    ida = new_browser("ida")
    assert ana.post("/start-list/import", {"text": LIST}).status_code == 403
    wrong = ida.post("/start-list/import", {"text": LIST + "paypal.com category=banks sends=codes dkim=paypal.com source=abc\n"})
    assert (wrong.status_code, [one["line"] for one in wrong.json()["lines"]]) == (422, [3])
    planned = ida.post("/start-list/import", {"text": LIST, "dry_run": True}).json()
    assert (planned["changed"], ida.get("/start-list").json()["imported_at"]) == (["chase.com"], None)
    assert ida.post("/start-list/import", {"text": LIST}).json() == planned
    assert [ida.get("/start-list").json()[name] for name in ("senders", "imported_by_name")] == [1, "Ida Lind"]


def test_a_category_that_there_is_not(ana: Browser) -> None:
    assert [ana.get("/start-list/bank").status_code, ana.post("/start-list/bank", {"fence": "x"}).status_code] == [404, 404]
    assert ana.post("/start-list/acts/0000000000000/undo").status_code == 404
