"""Rules on content over HTTP: tried, asked about, made, paused, written to a file, and tested by a file's own tests."""

from typing import Any

import pytest
from sqlmodel import Session

from tests.triage.arriving import DMARC_PASS
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.quarantine.rules import content_trial
from triage.times import utcnow

JOE, SALES = "it+joe.fern@company.example", "sales@supplier.example"
FRAUD = "Please note that our bank details have changed. Pay the invoice to the new account."
HOLD = {
    "effect": "hold",
    "match": "content",
    "value": "new-account",
    "scope": "company",
    "note": "a wave of fraud",
    "conditions": {"wording": ["bank-details"]},
}
PURGE = HOLD | {"effect": "purge"}
LINE = 'hold content:new-account wording=bank-details note="a wave of fraud"'


def test_it_is_tried_made_paused_and_removed(ana: Browser, came: Came, new_browser: NewBrowser) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    came(JOE, text="Hello", dmarc=DMARC_PASS, at=utcnow())
    tried = ana.post("/rules/preview", HOLD).json()
    assert (tried["came"], tried["changed"], tried["people"], len(tried["examples"]), tried["second_look"]) == (2, 1, 1, 1, [])
    assert tried["sentence"] == "In the last 30 days the rule would have held 1 message to 1 person, of 2 checked."
    made = ana.post("/rules", HOLD)
    assert (made.status_code, made.json()["conditions"], made.json()["paused_at"]) == (201, {"wording": ["bank-details"]}, None)
    place = f"/rules/{made.json()['id']}"
    (held,) = came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    assert ana.get(f"/deliveries/{held}").json()["verdict"]["rule"] == "held-by-content"
    assert [one["id"] for one in ana.get("/deliveries?q=rule:new-account").json()["items"]] == [held]
    assert ana.request("PATCH", place, json={"paused": True}).json()["paused_at"]
    assert ana.request("PATCH", place, json={"paused": False, "note": "x"}).json()["field"] == "paused"
    assert new_browser("ben").request("PATCH", place, json={"paused": False}).status_code == 403
    assert ana.request("PATCH", place, json={"note": "it is over", "paused": None}).json()["note"] == "it is over"
    assert ana.delete(place).status_code == 204


def test_what_removes_wanted_messages_asks_and_then_needs_a_second_person(ana: Browser, came: Came, new_browser: NewBrowser) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    asked = ana.post("/rules", PURGE)
    assert (asked.status_code, asked.json()["names"]) == (409, ["removes-wanted"])
    assert ana.post("/rules/preview", PURGE).json()["fence"] == asked.json()["fence"]
    said = {"confirm": ["removes-wanted"], "fence": asked.json()["fence"]}
    assert ana.post("/rules", PURGE | said | {"value": "another"}).status_code == 412
    waits = ana.post("/rules", PURGE | said)
    assert waits.status_code == 202
    says = "make the rule “new-account”, which removes messages with the wording “bank-details”, for the whole company and without an end"
    assert says in waits.json()["sentence"]
    ida = new_browser("ida")
    assert ida.post(f"/approvals/{waits.json()['id']}/confirm", {"reason": "yes"}).status_code == 409
    assert ida.post(f"/approvals/{waits.json()['id']}/confirm", {"reason": "yes"} | said).status_code == 200
    (gone,) = came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    assert ana.get(f"/deliveries/{gone}").json()["state"] == "purged"


def test_resuming_a_rule_asks_what_making_it_asks(ana: Browser, came: Came) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    made = ana.post("/rules", HOLD | {"conditions": {"author": ["*@supplier.*"]}, "paused": True})
    for _ in range(11):
        came(JOE, dmarc=DMARC_PASS, at=utcnow())
    place = f"/rules/{made.json()['id']}"
    asked = ana.request("PATCH", place, json={"paused": False})
    assert (asked.status_code, asked.json()["names"]) == (409, ["matches-many"])
    said = {"paused": False, "confirm": ["matches-many"], "fence": asked.json()["fence"]}
    assert ana.request("PATCH", place, json=said).json()["paused_at"] is None
    assert ana.request("PATCH", place, json={"paused": False}).status_code == 200


def test_what_was_not_looked_at_is_said_and_asked(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    came(JOE, author="other@else.example", at=utcnow())
    monkeypatch.setattr(content_trial, "LOOKED_AT", 1)
    tried = ana.post("/rules/preview", PURGE).json()
    assert (tried["came"], tried["changed"], [one["name"] for one in tried["second_look"]]) == (1, 0, ["not-all-looked-at"])
    assert tried["sentence"].startswith("Of the newest 1 messages, since ")
    assert ana.post("/rules/preview", HOLD).json()["second_look"] == []
    found = ana.post("/rules/preview", PURGE | {"conditions": {"author": ["supplier.example"]}}).json()
    assert (found["came"], found["changed"], [one["name"] for one in found["second_look"]]) == (2, 1, ["removes-wanted"])


def test_a_trial_ends_in_time_and_says_so(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        came(JOE, text=FRAUD, at=utcnow())
    monkeypatch.setattr(content_trial, "SECONDS", 0.0)
    tried = ana.post("/rules/preview", PURGE).json()
    assert (tried["came"], tried["changed"], [one["name"] for one in tried["second_look"]]) == (1, 1, ["not-all-looked-at"])


def test_a_trial_is_made_before_the_transaction_that_writes(ana: Browser, came: Came, monkeypatch: pytest.MonkeyPatch) -> None:
    came(JOE, text=FRAUD, at=utcnow())
    reading: list[bool] = []
    read = content_trial.newest_rows

    def watched(session: Session, *given: Any) -> Any:
        reading.append(session.connection().get_execution_options().get("reading", False))
        return read(session, *given)

    monkeypatch.setattr(content_trial, "newest_rows", watched)
    assert ana.post("/rules", HOLD | {"paused": True}).status_code == 201
    rule = ana.get("/rules").json()["items"][0]["id"]
    assert ana.request("PATCH", f"/rules/{rule}", json={"paused": False}).status_code == 200
    waits = ana.post("/rules", PURGE | {"value": "away"})
    assert waits.status_code == 202
    assert ana.post("/rules/import", {"text": LINE.replace("new-account", "third")}).json()["made"] == 1
    assert reading == [True] * 4


def test_the_second_person_reads_where_messages_would_go(ana: Browser, came: Came) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    came(JOE, text=FRAUD, dmarc=DMARC_PASS, at=utcnow())
    order = HOLD | {"effect": "redirect", "to": "person:mara.berg", "scope": "department:it", "until": "2099-12-24T00:00:00Z"}
    asked = ana.post("/rules", order).json()
    assert [one["sentence"] for one in asked["second_look"]] == ["It would have redirected 1 message that was not held."]
    waits = ana.post("/rules", order | {"confirm": asked["names"], "fence": asked["fence"]}).json()
    assert waits["rule"] == {
        **{name: order[name] for name in ("effect", "match", "value", "scope", "conditions", "to", "until", "note")},
        "trial": "In the last 30 days the rule would have redirected 1 message to 1 person, of 1 checked.",
    }
    assert "bank-details” to Mara Berg, for the department IT and until 24 Dec 2099" in waits["sentence"]
    assert [one["sentence"] for one in ana.get("/approvals").json()["items"]] == [waits["sentence"]]


def test_a_rule_that_would_hold_nearly_everything_asks(ana: Browser, came: Came) -> None:
    ana.post("/rules", {"effect": "allow", "match": "address", "value": SALES, "scope": "company"})
    for _ in range(11):
        came(JOE, dmarc=DMARC_PASS, at=utcnow())
    asked = ana.post("/rules", HOLD | {"conditions": {"author": ["*@supplier.*"]}}).json()
    assert [(one["name"], one["sentence"]) for one in asked["second_look"]] == [
        ("matches-many", "The rule would have acted on 11 of 11 messages.")
    ]


def test_typos_are_named_with_a_remedy(ana: Browser) -> None:
    for more, field in (
        ({"conditions": {"wording": ["bank-detail"]}}, "wording"),
        ({"conditions": {"author": ["*"]}}, "author"),
        ({"conditions": {}}, "conditions"),
        ({"note": ""}, "note"),
    ):
        refused = ana.post("/rules", HOLD | more)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert ana.get("/rules").json()["items"] == []


def test_a_file_is_read_back_and_a_typo_changes_nothing(ana: Browser) -> None:
    assert ana.post("/rules/import", {"text": LINE}).json()["made"] == 1
    exported = ana.get("/rules/export").text
    assert '"sender": "content:new-account"' in exported
    assert ana.post("/rules/import", {"text": exported}).json() | {"rules": []} == ana.post("/rules/import", {"text": LINE}).json()
    changed = LINE.replace("a wave", "two waves") + "\ntest fraud.eml expect=hold"
    assert ana.post("/rules/import", {"text": changed}).json()["made"] == 1
    assert [one["note"] for one in ana.get("/rules").json()["items"]] == ["two waves of fraud"]
    wrong = ana.post("/rules/import", {"text": f"{LINE}\nhold content:b wordin=gift-cards note=x\nmark content:c signal=bulks note=x"})
    assert [(one["line"], one["reason"]) for one in wrong.json()["lines"]] == [
        (2, "there is no “wordin”; did you mean “wording”?"),
        (3, "signal: there is no “bulks”; did you mean “bulk”?"),
    ]
    assert len(ana.get("/rules").json()["items"]) == 1


def test_a_file_with_a_rule_that_needs_approval_is_read_back(ana: Browser, new_browser: NewBrowser) -> None:
    waits = ana.post("/rules", PURGE | {"value": "away"}).json()
    assert new_browser("ida").post(f"/approvals/{waits['id']}/confirm", {"reason": "yes"}).status_code == 200
    exported = ana.get("/rules/export").text
    kept = ana.post("/rules/import", {"text": f"{exported}{LINE}"}).json()
    assert (kept["made"], kept["kept"], kept["left_out"]) == (1, 1, [])
    for dry_run in (True, False):
        changed = ana.post("/rules/import", {"text": exported.replace("bank-details", "gift-cards"), "dry_run": dry_run}).json()
        assert (changed["made"], changed["kept"], [one["line"] for one in changed["left_out"]]) == (0, 0, [1])
    assert {one["value"]: one["conditions"] for one in ana.get("/rules").json()["items"]}["away"] == {"wording": ["bank-details"]}


def test_a_purge_goes_before_what_a_test_of_a_file_expects(ana: Browser, came: Came) -> None:
    (one,) = came(JOE, text=FRAUD)
    effects = ("purge", "hold", "mark", "none")
    rules = (LINE, LINE.replace("hold", "mark", 1).replace("new-account", "marked"), LINE.replace("hold content:new", "purge content:old"))
    text = "\n".join((*rules, *(f"test {one} expect={effect}" for effect in effects)))
    assert [test["passed"] for test in ana.post("/rules/test", {"text": text}).json()["items"]] == [True, False, False, False]


def test_tests_of_a_file_name_messages_here(ana: Browser, came: Came, ben: Browser) -> None:
    (one,) = came(JOE, text=FRAUD)
    samples = (f"{one} expect=hold rule=new-account", f"{one} expect=none", "0APD2ZK9R1XQ3 expect=hold", "fraud.eml expect=hold")
    text = "\n".join((LINE, *(f"test {sample}" for sample in samples)))
    found = ana.post("/rules/test", {"text": text}).json()["items"]
    assert [(test["line"], test["passed"]) for test in found] == [(2, True), (3, False), (4, False)]
    assert found[1]["sentence"] == f"{one}: expected none, found hold (new-account)"
    assert [test["passed"] for test in ben.post("/rules/test", {"text": text}).json()["items"]] == [False, False, False]
    wrong = ana.post("/rules/test", {"text": f"{LINE}\ntest {one} expect=held"})
    assert (wrong.status_code, wrong.json()["lines"][0]["line"]) == (422, 2)
