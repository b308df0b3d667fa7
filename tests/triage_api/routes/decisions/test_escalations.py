"""Escalations over HTTP: whom to call, what is in the audit log, who confirms, and what a message suggests."""

import hashlib

from tests.triage.arriving import DMARC_PASS
from tests.triage_api.conftest import Browser, Came, NewBrowser

JOE = "it+joe.fern@company.example"
THREAT = "We have encrypted your files. Pay 2 bitcoin within 48 hours or we will publish your data."


def test_a_message_is_escalated_seen_and_confirmed(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    duties = ana.get("/duties").json()["items"]
    assert [(one["name"], one["title"], one["phone"]) for one in duties] == [
        ("security", "Security", ""),
        ("management", "Management", ""),
        ("legal", "Legal", ""),
        ("data-protection", "Data protection", ""),
    ]
    (delivery,) = came(JOE)
    order = {"select": {"ids": [delivery]}, "to": "legal", "reason": "a summons", "expect": 1}
    made = ana.post("/escalations", order)
    assert made.status_code == 201
    body = made.json()
    assert (body["title"], body["count"], body["deliveries"], body["confirmed_at"], body["may_confirm"]) == (
        "Legal",
        1,
        [delivery],
        None,
        True,
    )
    shown = ana.get(f"/deliveries/{delivery}").json()
    assert (shown["state"], shown["escalated"]["decision"], shown["escalated"]["by_name"]) == ("held", body["id"], "Ana Roth")
    assert ana.get("/triage?group=none").json()["items"][0]["lead"]["escalated"]["reason"] == "a summons"
    source = ana.get(f"/messages/{shown['message_id']}/source").content
    record = next(one for one in new_browser("ida").get("/audit").json()["items"] if one["act"] == "escalate")
    assert record["detail"]["sha256"] == {delivery: hashlib.sha256(source).hexdigest()}
    assert record["detail"]["hold"] == body["hold"]
    ida = new_browser("ida")
    assert [one["id"] for one in ida.get("/legal-holds").json()["items"]] == [body["hold"]]
    decision = ana.get(f"/decisions/{body['id']}").json()
    assert (decision["verb"], decision["undoable"], decision["to"]) == ("escalate", True, "Legal")
    assert [one["id"] for one in ida.get("/escalations").json()["items"]] == [body["id"]]
    assert new_browser("ben").get("/escalations").json()["items"] == []  # of another department
    assert new_browser("ben").post(f"/escalations/{body['id']}/confirm", {}).status_code == 404
    assert new_browser("otto").post(f"/escalations/{body['id']}/confirm", {}).status_code == 403
    confirmed = ida.post(f"/escalations/{body['id']}/confirm", {})
    assert (confirmed.status_code, confirmed.json()["confirmed_by_name"]) == (200, "Ida Lind")
    assert ana.get("/escalations").json()["items"] == []
    assert ana.post(f"/decisions/{body['id']}/undo").status_code == 409


def test_an_undo_ends_the_escalation_and_its_hold(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    (delivery,) = came(JOE)
    made = ana.post("/escalations", {"select": {"ids": [delivery]}, "to": "security", "reason": "a threat"}).json()
    undone = ana.post(f"/decisions/{made['id']}/undo")
    assert (undone.status_code, undone.json()["done"]) == (201, 1)
    assert ana.get(f"/deliveries/{delivery}").json()["escalated"] is None
    assert new_browser("ida").get("/legal-holds").json()["items"] == []
    assert ana.get("/escalations?confirmed=true").json()["items"][0]["ended_at"] is not None


def test_what_is_refused(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    (delivery,) = came(JOE)
    order = {"select": {"ids": [delivery]}, "to": "legal", "reason": "a summons"}
    assert ana.post("/escalations", order | {"to": "finance"}).json()["field"] == "to"
    assert ana.post("/escalations", order | {"reason": " "}).json()["field"] == "reason"
    assert ana.post("/escalations", order | {"expect": 2}).status_code == 412
    assert new_browser("ben").post("/escalations", order).status_code == 404
    assert new_browser("otto").post("/escalations", order).status_code == 403


def test_a_threat_suggests_whom_to_call(ana: Browser, came: Came) -> None:
    (threat,) = came(JOE, text=THREAT, author="ransom@stranger.example")
    (other,) = came(JOE, author="sales@supplier.example", dmarc=DMARC_PASS)
    suggested = ana.get(f"/deliveries/{threat}").json()["escalation"]
    assert suggested == {
        "duty": "security",
        "title": "Security",
        "phone": "",
        "reason": "It threatens somebody: do not answer it, and do not remove it.",
    }
    german = ana.get(f"/deliveries/{threat}", headers={"Accept-Language": "de"}).json()["escalation"]
    assert (german["title"], german["reason"]) == ("Sicherheit", "Sie droht jemandem: nicht antworten und nicht entfernen.")
    assert ana.get(f"/deliveries/{other}").json()["escalation"] is None
    ana.post("/escalations", {"select": {"ids": [threat]}, "to": "security", "reason": "a ransom note"})
    assert ana.get(f"/deliveries/{threat}").json()["escalation"] is None  # done
    german = ana.get(f"/deliveries/{threat}", headers={"Accept-Language": "de"}).json()["escalated"]
    assert german["title"] == "Sicherheit"
