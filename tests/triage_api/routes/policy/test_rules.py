"""Rules over HTTP: changed without losing what somebody else changed, as files, and explained."""

from sqlalchemy import Engine, update

from tests.triage.arriving import DMARC_PASS
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.store.db import transaction
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

JOE = "joe.fern@company.example"
UNASKED: dict[str, object] = {"second_look": [], "rules": [], "fence": "", "lines": []}
ALLOW = {"effect": "allow", "match": "address", "value": "sales@supplier.example", "scope": "company"}


def test_a_change_that_somebody_else_has_made_first_is_not_lost(ana: Browser, new_browser: NewBrowser) -> None:
    rule = ana.post("/rules", ALLOW).json()["id"]
    seen = ana.get(f"/rules/{rule}")
    tag = seen.headers["etag"]
    changed = ana.request("PATCH", f"/rules/{rule}", json={"note": "mine", "until": "2999-01-01T00:00:00Z"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["note"], changed.headers["etag"] != tag) == (200, "mine", True)
    late = new_browser("ida").request("PATCH", f"/rules/{rule}", json={"note": "hers"}, headers={"If-Match": tag})
    assert (late.status_code, ana.get(f"/rules/{rule}").json()["note"]) == (412, "mine")
    again = new_browser("ida").request("PATCH", f"/rules/{rule}", json={"until": None}, headers={"If-Match": changed.headers["etag"]})
    assert (again.status_code, again.json()["until"], again.json()["note"]) == (200, None, "mine")
    assert ana.request("PATCH", f"/rules/{rule}", json={"risky": True}).json()["risky"] is True


def test_a_rule_that_lapses_gets_its_old_end_back(ana: Browser) -> None:
    rule = ana.post("/rules", ALLOW | {"lapse_days": 30}).json()
    path, old = f"/rules/{rule['id']}", {name: rule[name] for name in ("until", "lapse_days")}
    assert ana.request("PATCH", path, json={"until": None, "lapse_days": 0}).json()["until"] is None
    back = ana.request("PATCH", path, json=old).json()
    assert {name: back[name] for name in old} == old


def test_uses_do_not_make_a_rule_another_one(ana: Browser, came: Came) -> None:
    rule = ana.post("/rules", ALLOW | {"effect": "block", "lapse_days": 30}).json()["id"]
    tag = ana.get(f"/rules/{rule}").headers["etag"]
    came("it+joe.fern@company.example", author="sales@supplier.example")
    after = ana.get(f"/rules/{rule}")
    assert (after.json()["used"], after.json()["first_used_at"] is not None, after.headers["etag"]) == (1, True, tag)


def test_whose_scope_a_change_needs(ana: Browser, new_browser: NewBrowser) -> None:
    company = ana.post("/rules", ALLOW).json()["id"]
    it = ana.post("/rules", ALLOW | {"scope": "department:it"}).json()["id"]
    ben = new_browser("ben")
    assert ben.request("PATCH", f"/rules/{company}", json={"note": "x"}).status_code == 403
    assert ben.request("PATCH", f"/rules/{it}", json={"note": "x"}).status_code == 404
    assert new_browser("otto").request("PATCH", f"/rules/{company}", json={"note": "x"}).status_code == 403
    wrong = ana.request("PATCH", f"/rules/{company}", json={"proof": "trust"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "proof")
    assert ana.request("PATCH", f"/rules/{company}", json={"value": "other@supplier.example"}).status_code == 422


def test_a_file_and_its_typos(ana: Browser, new_browser: NewBrowser) -> None:
    ana.post("/rules", ALLOW | {"note": "from Ana"})
    exported = ana.get("/rules/export")
    assert exported.headers["content-type"].startswith("application/x-ndjson")
    newest = new_browser("ida").get("/audit").json()["items"]
    assert [(act["by"], act["subject"]) for act in newest if act["act"] == "export"] == [("person:ana", "rules")]
    assert ana.post("/rules/import", {"text": exported.text}).json() == {"made": 0, "kept": 1, "delivered": [], "left_out": []} | UNASKED
    refused = ana.post("/rules/import", {"text": "block x@junk.example\nalow a@b.example\n"})
    assert refused.status_code == 422
    assert refused.json()["lines"] == [{"line": 2, "reason": "effect: a rule allows, blocks, redirects or holds, not “alow”"}]
    lines = "# from the old filter\nallow sales@supplier.example scope=company\n\nblock gmail.com\nblock x@junk.example"
    looked = ana.post("/rules/import", {"text": lines, "dry_run": True}).json()
    assert (looked["made"], looked["kept"]) == (2, 1)
    refused = ana.post("/rules/import", {"text": "block x@junk.example\nallow docusign.net", "dry_run": True})
    assert [one["line"] for one in refused.json()["lines"]] == [2], "a platform is refused as by itself, and before anything is made"
    assert [(one["line"], one["is_new"], one["rule"]["effect"], one["rule"]["value"]) for one in looked["lines"]] == [
        (2, False, "allow", "sales@supplier.example"),
        (4, True, "block", "gmail.com"),
        (5, True, "block", "x@junk.example"),
    ]
    assert [bool(one["rule"]["doubt"]) for one in looked["lines"]] == [False, True, False], (
        "a public mail provider is named before it is blocked"
    )
    assert len(ana.get("/rules").json()["items"]) == 1
    assert (
        ana.post("/rules/import", {"text": "block x@junk.example"}).json()
        == {"made": 1, "kept": 0, "delivered": [], "left_out": []} | UNASKED
    )
    assert len(ana.get("/rules").json()["items"]) == 2


def test_a_sender_is_held_from_now_on(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    ana.post("/rules", ALLOW)
    hold = ALLOW | {"effect": "hold", "until": "2999-12-12T00:00:00Z", "note": "their mailbox was hacked"}
    tried = ana.post("/rules/preview", hold).json()
    assert (tried["sentence"], [one["kind"] for one in tried["clashes"]]) == (
        "No message from this sender came in the last 30 days.",
        ["exception"],
    )
    made = ana.post("/rules", hold).json()
    assert (made["effect"], made["until"][:10], made["note"], made["proof"]) == ("hold", "2999-12-12", "their mailbox was hacked", "")
    told = ana.post("/rules/explain", {"sender": "sales@supplier.example", "to": JOE}).json()["cases"]
    assert {(one["disposition"], one["rule"], one["rule_id"]) for one in told} == {("quarantine", "held-sender", made["id"])}
    assert told[0]["reason"].endswith("to hold every message from sales@supplier.example until 12 Dec 2999: their mailbox was hacked")
    held = next(one for one in ana.get("/rules").json()["items"] if one["effect"] == "allow")["clashes"]
    assert [one["kind"] for one in held] == ["shadowed"]
    assert new_browser("ben").delete(f"/rules/{made['id']}").status_code == 403
    assert ana.delete(f"/rules/{made['id']}").status_code == 204
    assert ana.post("/rules", hold | {"note": ""}).json()["field"] == "note"
    assert ana.post("/rules", hold | {"until": "2001-01-01T00:00:00Z"}).json()["field"] == "until"


def test_explained(ana: Browser, came: Came) -> None:
    rule = ana.post("/rules", ALLOW).json()["id"]
    told = ana.post("/rules/explain", {"sender": "sales@supplier.example", "to": JOE}).json()
    assert [(one["proof"], one["rule"], one["rule_id"]) for one in told["cases"]] == [
        ("dmarc", "allowed-sender", rule),
        ("aligned", "unproven-known-sender", None),
    ]
    assert told["cases"][1]["other_rules"][0]["rule_id"] == rule
    (mail,) = came("it+joe.fern@company.example", author="sales@supplier.example")
    past = ana.post("/rules/explain", {"delivery": mail}).json()
    assert (past["delivery"], past["then"]["rule"], past["today"]["rule"]) == (mail, "unproven-known-sender", "unproven-known-sender")
    assert ana.post("/rules/explain", {"sender": "x", "to": JOE}).json()["field"] == "sender"


def test_a_rule_is_tried_out_before_it_is_made_and_says_what_stands_in_its_way(ana: Browser, came: Came) -> None:
    (mail,) = came("it+joe.fern@company.example", author="sales@supplier.example", at=utcnow())
    block = ana.post("/rules", {"effect": "block", "match": "address", "value": "sales@supplier.example", "scope": "company"}).json()["id"]
    tried = ana.post("/rules/preview", ALLOW).json()
    assert (tried["came"], tried["changed"], tried["order"]["proof"]) == (1, 0, "dmarc")
    assert "The last message from there fails dmarc" in tried["doubt"]
    assert [(one["kind"], one["rule_id"]) for one in tried["clashes"]] == [("shadowed", block)]
    made = ana.post("/rules", ALLOW).json()
    assert (made["doubt"], made["clashes"]) == (tried["doubt"], tried["clashes"])
    listed = {one["id"]: one for one in ana.get("/rules").json()["items"]}
    assert (listed[made["id"]]["clashes"], listed[block]["clashes"][0]["kind"]) == (made["clashes"], "exception")
    assert ana.post("/rules/offers", {"select": {"ids": [mail]}}).json()["items"] == []  # no rule could rest on it
    (mail,) = came("it+joe.fern@company.example", author="sales@supplier.example", dmarc=DMARC_PASS)
    offers = ana.post("/rules/offers", {"select": {"ids": [mail]}}).json()["items"]
    assert [one["order"]["scope"] for one in offers][:3] == ["person:joe.fern", "department:it", "company"]


def test_a_new_block_offers_what_was_delivered_lately(ana: Browser, came: Came, engine: Engine) -> None:
    came("it+joe.fern@company.example", "legal+mara.berg@company.example", author="crook@evil.example", at=utcnow())
    with transaction(engine) as session:
        session.execute(update(Delivery).values(state="delivered"))
    block = {"effect": "block", "match": "address", "value": "crook@evil.example", "scope": "company"}
    made = ana.post("/rules", block).json()
    offered = made["delivered"]
    said = "2 messages in 2 mailboxes, 0 opened. Remove them too?"
    assert [offered[name] for name in ("rule", "messages", "mailboxes", "opened", "sentence")] == [made["id"], 2, 2, 0, said]
    assert ana.get(f"/rules/{made['id']}/delivered").json() == offered
    assert ana.post("/selections/preview", {"select": offered["select"]}).json()["count"] == 2
    assert ana.post("/rules", block | {"value": "nobody@evil.example"}).json()["delivered"] is None
    assert ana.post("/rules", ALLOW).json()["delivered"] is None
    loaded = ana.post("/rules/import", {"text": "block evil.example\nblock other.example"}).json()
    assert [(one["value"], one["messages"]) for one in loaded["delivered"]] == [("evil.example", 2)]
    assert ana.post("/rules/import", {"text": "block evil.test", "dry_run": True}).json()["delivered"] == []
