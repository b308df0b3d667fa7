"""Deliveries, rows, folders, people, the queue and the record: shapes, filters, pages."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, update
from sqlmodel import col

from tests.effort import long
from tests.triage import tampering
from tests.triage.arriving import COMPANY, DMARC_PASS, NOW, SYNC
from tests.triage_api.conftest import STAFF, Browser, Came, NewBrowser
from triage import ids
from triage.addressing.company import GroupEntry
from triage.compliance.audit.hash_chain import seal_entries
from triage.config.settings import Settings
from triage.delivery import queue
from triage.directory import apply as directory
from triage.quarantine.search import search_stream
from triage.store.db import transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffMember
from triage.times import utcnow
from triage_api.schemas.pagination import cursor_of

JOE, MARA, INFO = "it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example"


@pytest.mark.parametrize("path", ["/deliveries", "/triage", "/triage/anchors", "/campaigns"])
def test_a_list_refuses_a_field_that_does_not_exist(ana: Browser, path: str) -> None:
    answer = ana.get(path, params={"q": "az:4711"})
    assert (answer.status_code, "no field az:" in answer.json()["detail"]) == (422, True)


def test_a_delivery_in_full(ana: Browser, came: Came) -> None:
    (shown,) = came(JOE, dmarc=DMARC_PASS)
    (one,) = ana.get("/deliveries").json()["items"]
    assert one["priority"] == 50 + sum(reason["points"] for reason in one["why_here"])
    assert {"name": "proven", "points": 10, "sentence": "Really from supplier.example."} in one["why_here"]
    assert {(signal["name"], tuple(signal["evidence"])) for signal in one["signals"]} >= {("first-contact", ("sales@supplier.example",))}
    assert (one["severity"], one["is_copy"]) == ("none", False)
    left_out = ("message_id", "size", "signals", "risk", "severity", "second_look", "is_copy", "priority", "why_here")
    assert {name: one[name] for name in one if name not in left_out} == {
        "id": shown,
        "state": "held",
        "received_at": "2026-11-24T09:30:00Z",
        "recipient": JOE,
        "department": "it",
        "department_name": "IT",
        "person": "joe.fern",
        "person_name": "Joe Fern",
        "mailbox": "joe.fern@company.example",
        "note": "",
        "author": "sales@supplier.example",
        "author_name": "Sales",
        "author_domain": "supplier.example",
        "claimed": False,
        "subject": "Your order",
        "attachments": 0,
        "comments": 0,
        "proof": "dmarc",
        "proven_as": "supplier.example",
        "time_limited_until": None,
        "lifetime_assumed": False,
        "verdict": {"disposition": "quarantine", "rule": "first-contact", "reason": one["verdict"]["reason"]},
        "withheld": "",
        "campaign": None,
        "flood": "",
        "assigned": None,
        "due_at": None,
        "attempts": 0,
        "last_reply": "",
        "decided": None,
        "confidential": False,
        "expires_at": None,
        "legal_hold": False,
        "escalated": None,
        "escalation": None,
        "suggested_act": "release",
    }
    detail = ana.get(f"/deliveries/{shown}").json()
    assert {name: detail[name] for name in one} == one
    assert [past["act"] for past in detail["history"]] == ["receive"]
    assert detail["attempts_made"] == []


FILTERS = [
    ("", ["joe", "mara", "info"]),
    ("state=held", ["joe", "info"]),
    ("state=purged&state=held", ["joe", "mara", "info"]),
    ("department=it", ["joe", "info"]),
    ("department=IT&person=joe.fern", ["joe"]),
    ("department=it&person=", ["info"]),
    ("person=mara.berg", ["mara"]),
    ("sender=JOE@one.example", ["joe"]),
    ("domain=one.example", ["joe", "mara"]),
    ("q=invoice", ["info"]),
    ("q=INVOICE+two", ["info"]),
    ("q=invoice+missing", []),
    ("q=%25", []),
    ("since=2026-11-24T09:30:01Z", []),
    ("until=2026-11-24T11:30:01%2B02:00", ["joe", "mara", "info"]),
]


def test_filters(ana: Browser, came: Came) -> None:
    named = {
        "joe": came(JOE, author="joe@one.example")[0],
        "mara": came(MARA, author="x@sub.one.example")[0],
        "info": came(INFO, author="y@two.example", subject="Invoice two")[0],
    }
    ana.post("/decisions", {"verb": "purge", "select": {"ids": [named["mara"]]}})
    for query, found in FILTERS:
        page = ana.get(f"/deliveries?{query}").json()
        assert (query, {one["id"] for one in page["items"]}) == (query, {named[name] for name in found})
        assert page["total_estimate"] == len(found)


def test_a_search_that_runs_out_of_time_says_how_far_it_looked(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    (wanted,) = came(JOE, author="rare@one.example")
    for _ in range(2):
        came(JOE, author="often@one.example")
    whole = ana.get("/deliveries?q=from:one.example").json()
    assert (whole["total_estimate"], whole["total_is_at_least"], whole["looked_back_to"], whole["next_cursor"]) == (3, False, None, None)
    for name, value in (("AT_ONCE", 2), ("LEAST", 1), ("PATIENCE", -1), ("PATIENCE_FURTHER", -1)):
        monkeypatch.setattr(search_stream, name, value)
    query = "/deliveries?q=from:one.example+-often"
    partly = ana.get(query).json()
    assert (partly["items"], partly["total_is_at_least"]) == ([], True)
    assert partly["looked_back_to"]
    further = ana.get(f"{query}&cursor={partly['next_cursor']}").json()
    assert [one["id"] for one in further["items"]] == [wanted]
    assert ana.get(f"/deliveries?cursor={partly['next_cursor']}").status_code == 422


def test_deliveries_of_one_rule(ana: Browser, came: Came) -> None:
    rule = ana.post("/rules", {"effect": "block", "match": "domain", "value": "one.example", "scope": "company"}).json()["id"]
    (blocked,) = came(JOE, author="a@one.example")
    came(JOE, author="a@two.example")
    assert [one["id"] for one in ana.get(f"/deliveries?rule_id={rule}").json()["items"]] == [blocked]
    assert [one["id"] for one in ana.get("/deliveries?rule=blocked-sender").json()["items"]] == [blocked]
    assert ana.get("/deliveries?rule=listed-client").json()["total_estimate"] == 0


def test_pages_meet(ana: Browser, came: Came) -> None:
    made = [came(JOE, author=f"a{number}@one.example")[0] for number in range(5)]
    assert [one["id"] for one in walked(ana, "/deliveries?")] == made[::-1]
    assert sorted(item["lead"]["id"] for item in walked(ana, "/triage?")) == made
    assert sorted(item["lead"]["id"] for item in walked(ana, "/triage?group=none&")) == made


def walked(browser: Browser, path: str) -> list[dict[str, Any]]:
    """All pages of a list, two items each."""
    found, cursor = [], ""
    while cursor is not None:
        page = browser.get(f"{path}limit=2{cursor and f'&cursor={cursor}'}").json()
        assert len(page["items"]) <= 2
        found += page["items"]
        cursor = page["next_cursor"]
    return found


def test_rows(ana: Browser, came: Came, engine: Engine) -> None:
    wave = [*came(JOE, MARA, author="wave@bad.example"), *came(JOE, author="wave@bad.example")]
    (code,) = came(INFO, author="code@good.example", subject="Your sign-in code")
    until = utcnow().replace(microsecond=0) + timedelta(minutes=10)
    with transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == ids.parse_id(code)).values(time_limited_until=until))
    page = ana.get("/triage").json()
    assert (page["total_items"], page["total_deliveries"], page["next_cursor"]) == (2, 4, None)
    first, second = page["items"]
    assert (first["key"], first["ids"], datetime.fromisoformat(first["time_limited_until"])) == ("code@good.example", [code], until)
    assert [(one["section"], one["lifetime_assumed"]) for one in (first, second)] == [("time-limited", False), ("rest", False)]
    assert [(one["delivered"], one["opened"]) for one in (first, second)] == [(0, None), (0, None)]
    assert (second["count"], second["people"], second["departments"]) == (3, 2, 2)
    assert (second["ids"], second["lead"]["id"]) == (sorted(wave, reverse=True), max(wave))
    assert ana.get("/triage?department=legal").json()["total_deliveries"] == 1
    assert ana.get("/triage?state=purged").json()["items"] == []
    assert ana.get("/triage?group=none").json()["total_items"] == 4
    for section, keys in (("act-now", []), ("time-limited", ["code@good.example"]), ("rest", ["wave@bad.example"])):
        assert [one["key"] for one in ana.get(f"/triage?section={section}").json()["items"]] == keys
    assert ana.get("/triage?section=soon").status_code == 422
    check_filters(ana, page["total_items"])


PARCEL = "Your parcel could not be handed over. Settle the customs charge and choose a new delivery slot today."


def check_filters(ana: Browser, rows: int) -> None:
    """The values that are offered show so many rows, and hide the others; a link that nobody could have copied is refused."""
    facets = ana.get("/triage?facets=true").json()["facets"]
    assert {one["name"] for one in facets} == {"severity", "verified", "attachments", "language"}
    for one in facets:
        found = ana.get(f"/triage?sort=risk&{one['name']}={one['value']}").json()
        assert (found["total_items"], found["hidden_items"]) == (one["rows"], rows - one["rows"])
    assert ana.get("/triage").json()["facets"] is None
    for wrong in ("sort=luck", "severity=bad", "language=klingon", "verified=maybe", "sort=wait&section=rest"):
        assert ana.get(f"/triage?{wrong}").status_code == 422


def test_rows_by_campaign_are_decided_as_they_say(ana: Browser, came: Came) -> None:
    forged = [came(place, author=f"{number}@host{number}.example", text=PARCEL)[0] for number, place in enumerate((JOE, INFO, MARA))]
    (real,) = came(JOE, author="post@supplier.example", text=PARCEL, dmarc=DMARC_PASS)
    first, second = sorted(ana.get("/triage?group=campaign").json()["items"], key=lambda item: -item["count"])
    assert (sorted(first["ids"]), first["apart"], second["ids"], second["apart"]) == (sorted(forged), 1, [real], 3)
    campaign = first["lead"]["campaign"]
    assert first["select"] == {"ids": [], "sender": "", "campaign": campaign, "proof": "none"}
    assert {one["id"] for one in ana.get(f"/deliveries?campaign={campaign}").json()["items"]} == {*forged, real}
    assert ana.get(f"/deliveries?campaign={campaign}&proof=supplier.example").json()["items"][0]["id"] == real
    assert ana.get(f"/triage?group=none&campaign={campaign}").json()["total_items"] == 4
    sheet = ana.post("/selections/preview", {"select": first["select"]}).json()
    assert (sheet["count"], sheet["apart"]) == (3, 1)
    order = {"verb": "purge", "select": first["select"] | {"states": ["held"]}, "expect": 3}
    assert ana.post("/decisions", order).json()["done"] == 3
    (left,) = ana.get("/triage?group=campaign").json()["items"]
    assert (left["ids"], left["apart"]) == ([real], 0)


def test_folders(ana: Browser, ben: Browser, came: Came) -> None:
    came(JOE, INFO, MARA)
    legal = {
        "code": "legal",
        "name": "Legal",
        "held": 1,
        "rows": 1,
        "known_rows": 0,
        "shared_held": 0,
        "shared_rows": 0,
        "people": [{"uid": "mara.berg", "name": "Mara Berg", "held": 1, "rows": 1, "known_rows": 0, "confidential": False}],
        "confidential": False,
    }
    joe = {"uid": "joe.fern", "name": "Joe Fern", "held": 1, "rows": 1, "known_rows": 0, "confidential": False}
    it = {
        "code": "it",
        "name": "IT",
        "held": 2,
        "rows": 1,
        "known_rows": 0,
        "shared_held": 1,
        "shared_rows": 1,
        "people": [joe],
        "confidential": False,
    }
    assert ana.get("/departments").json() == {"items": [it, legal], "rows": 1, "assigned_rows": 0, "known_rows": 0}
    assert ana.get("/departments?group=none").json()["rows"] == 3
    assert ben.get("/departments").json() == {"items": [legal], "rows": 1, "assigned_rows": 0, "known_rows": 0}


def test_people_are_for_everybody_who_redirects(ana: Browser, ben: Browser) -> None:
    """Beyond one's scope somebody is a name: the mailbox is found by who knows it, and told to nobody."""
    joe = {"uid": "joe.fern", "name": "Joe Fern", "department": "it", "department_name": "IT", "mailbox": "joe.fern@company.example"}
    assert ana.get("/people?q=joe").json() == {"items": [joe], "next_cursor": None}
    assert ben.get("/people?q=joe").json() == {"items": [joe | {"mailbox": ""}], "next_cursor": None}
    assert [one["mailbox"] for one in ben.get("/people").json()["items"]] == ["", "mara.berg@company.example"]
    for path in ("/people", "/recipients"):
        assert [len(ben.get(f"{path}?q={q}").json()["items"]) for q in ("joe.fern@company.example", "fern@company")] == [1, 0]


@pytest.fixture
def grouped(app: FastAPI, engine: Engine, api_settings: Settings) -> None:
    """The app's company with groups."""
    groups = (
        GroupEntry(
            "all@company.example", "Everybody", "legal", ("mara.berg", "joe.fern"), ("p@partner.example",), ("everyone@company.example",)
        ),
        GroupEntry("far@company.example", "Far away", "it", ("mara.berg",), expand=False),
    )
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, groups=groups), api_settings.company, by=SYNC, now=NOW)


@pytest.mark.usefixtures("grouped")
def test_groups_are_for_everybody_who_redirects(ana: Browser, ben: Browser) -> None:
    everybody = {
        "address": "all@company.example",
        "name": "Everybody",
        "department": "legal",
        "department_name": "Legal",
        "expand": True,
        "closed": False,
        "aliases": ["everyone@company.example"],
        "members": ["mara.berg@company.example", "joe.fern@company.example", "p@partner.example"],
    }
    first = ben.get("/distribution-lists?limit=1").json()
    assert first["items"] == [everybody]
    second = ben.get(f"/distribution-lists?limit=1&cursor={first['next_cursor']}").json()
    assert [(one["name"], one["members"], one["expand"]) for one in second["items"]] == [("Far away", [], False)]
    assert second["next_cursor"] is None
    assert ben.get("/distribution-lists?q=every").json()["items"] == [everybody]


@pytest.mark.usefixtures("grouped")
def test_a_list_of_others_is_an_address(app: FastAPI, engine: Engine, api_settings: Settings, ana: Browser, ben: Browser) -> None:
    """A redirect needs neither the members of another department's list nor its further addresses."""
    theirs = GroupEntry("all@company.example", "Everybody", "it", ("mara.berg", "joe.fern"), (), ("everyone@company.example",))
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, groups=(theirs,)), api_settings.company, by=SYNC, now=NOW)
    (mine,), (ours,) = (browser.get("/distribution-lists").json()["items"] for browser in (ben, ana))
    assert (mine["address"], mine["members"], mine["aliases"]) == ("all@company.example", [], [])
    assert (len(ours["members"]), ours["aliases"]) == (2, ["everyone@company.example"])
    department = next(one for one in ben.get("/recipients?q=department:it").json()["items"] if one["kind"] == "department")
    assert (department["to"], department["mailbox"]) == ("department:it", "")


@pytest.mark.usefixtures("grouped")
def test_a_redirect_finds_people_departments_and_groups_by_name_or_address(ben: Browser, came: Came) -> None:
    def found(q: str) -> list[tuple[str, str]]:
        return [(one["kind"], one["to"]) for one in ben.get(f"/recipients?q={q}").json()["items"]]

    assert found("") == [
        ("person", "person:joe.fern"),
        ("person", "person:mara.berg"),
        ("list", "all@company.example"),
        ("list", "far@company.example"),
        ("department", "department:it"),
    ]
    assert found("everybody") == [("list", "all@company.example")]
    assert found("it@company.example") == [("department", "department:it")]
    for _, to in found(""):
        (mail,) = came(MARA)
        assert ben.post("/decisions", {"verb": "redirect", "select": {"ids": [mail]}, "to": to}).status_code == 201


def test_the_queue_and_trying_again(ana: Browser, ben: Browser, came: Came, engine: Engine, api_settings: Settings) -> None:
    (joe,), (mara,), (held,) = came(JOE), came(MARA), came(JOE)
    ana.post("/decisions", {"verb": "release", "select": {"ids": [joe, mara]}})
    assert ana.post(f"/outgoing/{held}/retry").status_code == 409
    with transaction(engine) as session:
        later = utcnow() + timedelta(minutes=1)
        for claim in queue.claim_deliveries(session, limit=5, settings=api_settings, now=later):
            outcome = queue.Outcome("bounced" if ids.format_id(claim.delivery_id) == joe else "deferred", "no", "smtp://inner")
            queue.settle_claim(session, claim, outcome, settings=api_settings, now=later)
    assert [one["next_hop"] for one in ana.get(f"/deliveries/{joe}").json()["attempts_made"]] == ["former-server"]
    assert "smtp://inner" not in ana.get(f"/deliveries/{joe}").text  # its address is for administrators
    assert {one["next_hop"] for one in ana.get(f"/messages/{joe}/trace").json()["steps"]} == {"", "former-server"}
    waiting = {(one["id"], one["state"], one["last_reply"]) for one in ana.get("/outgoing").json()["items"]}
    assert waiting == {(joe, "bounced", "no"), (mara, "queued", "no")}
    assert [one["id"] for one in ben.get("/outgoing").json()["items"]] == [mara]
    for one in (joe, mara):
        answer = ana.post(f"/outgoing/{one}/retry")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert datetime.fromisoformat(answer.json()["due_at"]) <= utcnow()


def test_the_queue_held_given_up_and_tried_as_a_whole(
    new_browser: NewBrowser, ana: Browser, ben: Browser, came: Came, api_settings: Settings
) -> None:
    (joe,), (mara,), (other,) = came(JOE), came(MARA), came(MARA)
    ana.post("/decisions", {"verb": "release", "select": {"ids": [joe, mara, other]}})
    queue = ben.get("/outgoing").json()
    assert {one["next_hop"] for one in queue["items"]} == {"server-1"}  # its address is for administrators
    assert [(one["next_hop"], one["waiting"], one["unreachable"]) for one in queue["next_hops"]] == [("server-1", 2, 0)]
    assert {one["next_hop"] for one in ben.get("/outgoing/unsent").json()["items"]} == {"server-1"}
    assert {one["next_hop"] for one in new_browser("ida").get("/outgoing").json()["items"]} == {api_settings.relay.next_hop}
    assert [(ben.post(f"/outgoing/{one}/give-up").status_code) for one in (joe, mara, mara)] == [404, 202, 409]
    assert ana.get(f"/deliveries/{mara}").json()["last_reply"] == "given up by Ben Okafor"
    assert ben.post("/outgoing/retry", {"next_hop": "server-1"}).json() == {"count": 1}  # his own scope
    assert ana.post(f"/outgoing/{other}/hold").json()["state"] == "held"
    assert ana.post("/outgoing/hold", {"next_hop": "server-1"}).json() == {"count": 1}
    assert ana.get("/decisions").json()["items"][0]["verb"] == "hold"  # and can be undone
    assert ana.post("/outgoing/hold", {"next_hop": "server-1"}).json() == {"count": 0}
    assert ana.post("/outgoing/give-up", {"next_hop": "server-1"}).json() == {"count": 0}


@pytest.mark.parametrize("path", ["retry", "give-up", "hold"])
def test_who_only_looks_leaves_the_queue_alone(
    new_browser: NewBrowser, came: Came, ana: Browser, api_settings: Settings, path: str
) -> None:
    (joe,) = came(JOE)
    ana.post("/decisions", {"verb": "release", "select": {"ids": [joe]}})
    otto = new_browser("otto")
    assert otto.post(f"/outgoing/{joe}/{path}").status_code == 403
    assert otto.post(f"/outgoing/{path}", {"next_hop": "server-1"}).status_code == 403


@pytest.mark.parametrize("key", ["\0", "\ud800"])
def test_a_cursor_with_what_is_no_text_is_refused(ana: Browser, key: str) -> None:
    cursor = cursor_of((NOW, 1, NOW, key))
    for path in ("/triage?cursor=", "/triage?at=", "/triage?group=none&cursor="):
        answer = ana.get(f"{path}{cursor}")
        assert (answer.status_code, "this cursor does not belong" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("login", ["ida", "otto"])
def test_the_record(new_browser: NewBrowser, came: Came, login: str) -> None:
    came(JOE)
    browser = new_browser(login)
    newest, *_ = page = browser.get("/audit?limit=2").json()["items"]
    assert (newest["by"], newest["act"], newest["subject"]) == (f"person:{login}", "sign-in", f"staff:{login}")
    assert len(page) == 2
    found: list[Any] = []
    cursor = ""
    while cursor is not None:
        got = browser.get(f"/audit?limit=1{cursor and f'&cursor={cursor}'}").json()
        found, cursor = found + got["items"], got["next_cursor"]
    assert [one["act"] for one in found] == ["sign-in", "receive", "directory", *["sync-staff"] * 10]
    for asked, acts in (
        ({"by": login}, ["sign-in"]),
        ({"by": f"person:{login}", "act": "receive"}, []),
        ({"act": "receive"}, ["receive"]),
        ({"subject": f"staff:{login}"}, ["sign-in", "sync-staff"]),
    ):
        assert [one["act"] for one in browser.get("/audit", params=asked).json()["items"]] == acts, asked
    assert found[2]["at"] == NOW.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(("login", "status"), [("ida", 200), ("otto", 200), ("ana", 403), ("uma", 403)])
def test_the_record_is_proven_whole(new_browser: NewBrowser, came: Came, engine: Engine, login: str, status: int) -> None:
    came(JOE)
    browser = new_browser(login)
    with transaction(engine) as session:
        seal_entries(session)
    answer = browser.get("/audit/verify?state=true")
    assert answer.status_code == status
    if status == 200:
        found = answer.json()
        assert (found["records"], found["unchained"], found["fault"], found["checkpoints"]) == (13, 0, "", 0)
        assert found["state"] == {"compared": 11, "differences": [], "different": 0, "unproven": 0, "forgotten": 0}


def test_a_fault_of_the_record_goes_on_it(new_browser: NewBrowser, came: Came, engine: Engine) -> None:
    came(JOE)
    ida = new_browser("ida")
    with transaction(engine) as session:
        seal_entries(session)
        tampering.unguard(session)
        session.execute(update(AuditRecord).values(subject="another"))
    fault = ida.get("/audit/verify").json()["fault"]
    assert fault == "entry 1 has been changed"
    (found,) = ida.get("/audit", params={"act": "audit-tampered"}).json()["items"]
    assert (found["by"], found["detail"]["fault"]) == ("person:ida", fault)


def test_a_change_by_sql_is_named_and_goes_on_the_record(new_browser: NewBrowser, engine: Engine) -> None:
    ida = new_browser("ida")
    with transaction(engine) as session:
        session.execute(update(StaffMember).where(col(StaffMember.login) == "ana").values(role="admin"))
    assert ida.get("/audit/verify").json()["state"] is None
    found = ida.get("/audit/verify?state=true", headers={"Accept-Language": "de"}).json()["state"]
    assert [found["compared"], found["different"]] == [9, 1]
    assert "staff:ana: Rolle oder Zuständigkeit – abweichend von Eintrag" in found["differences"][0]
    (entry,) = ida.get("/audit", params={"act": "audit-tampered"}).json()["items"]
    assert "the database differs from the audit log: staff:ana: its role or scope differ from entry" in entry["detail"]["fault"]


def test_what_came_in_is_counted_by_day_and_rule(ana: Browser, ben: Browser, came: Came) -> None:
    came(JOE, MARA)
    came(JOE)
    day = {"day": "2026-11-24", "rule": "first-contact", "disposition": "quarantine", "withheld": ""}
    within = "since=2026-11-24T00:00:00Z&until=2026-11-25T00:00:00Z"
    assert ana.get(f"/reports/arrivals?{within}").json() == {"items": [day | {"count": 3}]}
    assert ben.get(f"/reports/arrivals?{within}").json() == {"items": [day | {"count": 1}]}
    assert ana.get("/reports/arrivals?since=2026-11-25T00:00:00Z&until=2026-11-26T00:00:00Z").json() == {"items": []}
    assert ana.get("/reports/arrivals?since=yesterday").status_code == 422


def test_a_long_list_is_entered_at_an_anchor(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.quarantine.triage_items.item_list.ANCHOR_EVERY", 2)
    for number in range(5):
        came(JOE, author=f"one{number}@good.example")
    whole = [item["key"] for item in ana.get("/triage").json()["items"]]
    found = ana.get("/triage/anchors").json()
    assert (found["total_items"], [one["position"] for one in found["items"]]) == (5, [0, 2, 4])
    for one in found["items"]:
        page = ana.get("/triage", params={"at": one["at"], "limit": 2}).json()
        assert [item["key"] for item in page["items"]] == whole[one["position"] : one["position"] + 2]
    assert ana.get("/triage", params={"at": "nonsense"}).status_code == 422
    last = ana.get("/triage", params={"end": True, "limit": 2}).json()
    assert ([item["key"] for item in last["items"]], last["next_cursor"], last["total_items"]) == (whole[-2:], None, 5)


@pytest.mark.parametrize("group", ["sender", *map(long, ("campaign", "none"))])
@pytest.mark.parametrize("asked", [{}, long({"department": "it"}), long({"q": "good"})])
def test_a_long_list_is_entered_at_a_position_and_read_in_both_directions(
    ana: Browser, came: Came, group: str, asked: dict[str, str]
) -> None:
    for number in range(5):
        came(JOE, author=f"one{number}@good.example", subject=f"Letter {number} that is like no other {number * 7919}")

    def page(**words: object) -> tuple[list[str], dict[str, Any]]:
        found = ana.get("/triage", params={"group": group, "limit": 2} | asked | words).json()
        return [item["key"] for item in found["items"]], found

    whole, top = page(limit=50)
    assert (len(whole), top["position"], top["previous_cursor"], top["next_cursor"]) == (5, 0, None, None)
    for position in range(5):
        keys, there = page(position=position)
        assert (keys, there["position"]) == (whole[position : position + 2], position)
        assert (there["previous_cursor"] is None) == (position == 0)
    keys, last = page(position=99)  # there are not so many: the end
    assert (keys, last["position"], last["next_cursor"]) == (whole[3:], 3, None)
    assert page(end=True)[0] == whole[3:]
    keys, upwards = page(before=last["previous_cursor"])
    assert (keys, upwards["position"]) == (whole[1:3], None)
    assert page(cursor=upwards["next_cursor"])[0] == whole[3:]
    keys, first = page(before=upwards["previous_cursor"])
    assert (keys, first["previous_cursor"]) == (whole[:1], None)
    assert ana.get("/triage", params={"before": "nonsense"}).status_code == 422


@pytest.mark.parametrize(
    "path", ["/people", "/outgoing", "/substitutes", "/approvals", "/deliveries", "/triage", "/distribution-lists", "/decisions", "/rules"]
)
def test_pages_meet_in_every_list(ana: Browser, came: Came, path: str) -> None:
    for number in range(3):
        (mail,) = came(JOE, author=f"one{number}@good.example")
        ana.post("/decisions", {"verb": "release", "select": {"ids": [mail]}})
        came(JOE, author=f"two{number}@good.example")
        ana.post("/rules", {"effect": "block", "match": "domain", "value": f"bad{number}.example", "scope": "company"})
        ana.post("/substitutes", {"substitute": "sam", "starts_at": f"2098-01-0{number + 1}T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"})
    whole = ana.get(path).json()
    seen: list[object] = []
    cursor: str | None = None
    for _ in range(len(whole["items"]) + 1):
        page = ana.get(path, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (seen, cursor) == (whole["items"], None)
    assert ana.get(path, params={"cursor": "nonsense"}).status_code == 422
