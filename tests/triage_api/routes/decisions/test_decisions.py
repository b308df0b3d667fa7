"""Deciding over HTTP: the evidence sheet, the fence, the late click, the same key twice, undo, rules, the pipes."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from tests.triage.arriving import DMARC_PASS, NO_DMARC
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage import ids
from triage.config.settings import Settings
from triage.message.authentication import Dmarc, Result
from triage.message.summary import Attachment
from triage.quarantine.decisions import bulk_decisions, decision_plan
from triage.runtime.wakeup import WakeupPipe
from triage.store.db import transaction
from triage.times import utcnow

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"


def find_woken(settings: Settings) -> set[str]:
    """Wake-ups since the last call."""
    found = set()
    for name in ("relay", "door", "change"):
        pipe = WakeupPipe(settings.spool.directory, name)
        if pipe.wait(0):
            found.add(name)
        pipe.close()
    return found


def line_up(settings: Settings) -> set[str]:
    """Wake-ups without a cause: over PostgreSQL the connection to other machines, once it is up."""
    return {"change"} if settings.database.url.startswith("postgresql") else set()


def test_what_became_of_each_is_told_page_after_page(ana: Browser, ben: Browser, came: Came) -> None:
    messages = sorted(one for _ in range(3) for one in came(JOE, MARA))
    ana.post("/decisions", {"verb": "release", "select": {"ids": messages[:2]}})
    made = ana.post("/decisions", {"verb": "release", "select": {"ids": messages}}).json()
    told, path = [], f"/decisions/{made['id']}/items?limit=4"
    page = ana.get(path).json()
    while True:
        told += page["items"]
        if not page["next_cursor"]:
            break
        page = ana.get(f"{path}&cursor={page['next_cursor']}").json()
    assert told == made["items"]
    assert [one["delivery"] for one in told] == messages
    assert [one["delivery"] for one in ana.get(f"{path}&outcome=done").json()["items"]] == messages[2:]
    assert len(ben.get(path).json()["items"]) == 3, "of his department"
    assert ana.get(f"/decisions/{messages[0]}/items").status_code == 404


def test_release_and_undo(ana: Browser, came: Came, app: FastAPI, api_settings: Settings) -> None:
    (joe,) = came(JOE)
    answer = ana.post("/decisions", {"verb": "release", "select": {"ids": [joe]}, "reason": "she called"})
    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in made if name not in ("id", "at", "sentence")} == {
        "by": "person:ana",
        "by_name": "Ana Roth",
        "verb": "release",
        "select": {"ids": [joe]},
        "reason": "she called",
        "count": 1,
        "done": 1,
        "in_flight": 0,
        "recalling": 0,
        "restoring": 0,
        "already_gone": 0,
        "out_of_reach": 0,
        "passed_on": [],
        "refused": 0,
        "mailboxes": 0,
        "mailboxes_left": 0,
        "left": 0,
        "related": 0,
        "unsent": 1,
        "in_mailboxes": 0,
        "agreed": {"rules": [], "left_out": []},
        "confirmed": [],
        "not_searched": [],
        "second_by_name": "",
        "outside": 0,
        "confidential": "",
        "to": "",
        "rules": [],
        "blocked": {},
        "refused_meanwhile": 0,
        "undone_by": None,
        "undoes": None,
        "undoable": True,
        "items": [{"delivery": joe, "before": "held", "outcome": "done", "why": ""}],
    }
    assert made["sentence"].startswith("Released ")
    assert find_woken(api_settings) == {"relay", "door", "change"}
    one = ana.get(f"/deliveries/{joe}").json()
    assert (one["state"], one["decided"]["decision"], one["decided"]["by_name"], one["decided"]["undone"]) == (
        "queued",
        made["id"],
        "Ana Roth",
        False,
    )
    undone = ana.post(f"/decisions/{made['id']}/undo")
    assert (undone.status_code, undone.json()["undoes"], undone.json()["done"]) == (201, made["id"], 1)
    assert ana.get(f"/deliveries/{joe}").json()["state"] == "held"
    assert ana.get(f"/decisions/{made['id']}").json()["undone_by"] == undone.json()["id"]
    again = ana.post(f"/decisions/{made['id']}/undo", {"reason": "twice"})
    assert (again.status_code, again.json()["detail"][:18]) == (409, "Undone by Ana Roth")
    assert [one["id"] for one in ana.get("/decisions").json()["items"]] == [undone.json()["id"], made["id"]]
    assert "items" not in ana.get("/decisions").json()["items"][0]


def test_the_late_click_is_told_what_happened(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    (joe,) = came(JOE)
    ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe]}})
    late = new_browser("ida").post("/decisions", {"verb": "release", "select": {"ids": [joe]}})
    assert late.status_code == 409
    assert late.json()["detail"].startswith("Removed by Ana Roth ")
    assert late.json()["items"] == [{"delivery": joe, "before": "purged", "outcome": "refused", "why": late.json()["detail"]}]
    assert len(ana.get("/decisions").json()["items"]) == 1


def test_decisions_are_listed_by_whose_mail_they_are_about(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    text = "Your parcel could not be handed over: settle the open customs charge and choose another delivery slot before tomorrow evening."
    (joe,), (mara,) = came(JOE, author="wave@bad.example", text=text), came(MARA, author="surge@bad.example", text=text)
    (other,) = came(MARA, author="else@fine.example")
    first, second, third = (ana.post("/decisions", {"verb": "purge", "select": {"ids": [one]}}).json()["id"] for one in (joe, mara, other))
    campaign = ana.get(f"/deliveries/{joe}").json()["campaign"]

    def made(browser: Browser, path: str) -> list[str]:
        return [one["id"] for one in browser.get(path).json()["items"]]

    assert made(ana, "/decisions?sender=wave@bad.example") == [first]
    assert made(ana, f"/decisions?campaign={campaign}") == [second, first]
    assert made(ana, f"/deliveries?decision={third}") == [other]
    ben = new_browser("ben")  # of Legal, as Mara is
    assert made(ben, f"/decisions?campaign={campaign}") == [second]
    assert made(ben, f"/deliveries?decision={first}") == []


def test_the_same_key_is_the_same_decision_and_another_s_key_is_not(ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    (joe,), (other,) = came(JOE), came(JOE)
    order = {"verb": "release", "select": {"ids": [joe]}}
    answers = [ana.post("/decisions", order, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    theirs = new_browser("ida").post("/decisions", {"verb": "release", "select": {"ids": [other]}}, headers={"Idempotency-Key": "k1"})
    assert theirs.json()["select"] == {"ids": [other]}


def test_evidence_and_fence(ana: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example", subject="Win")
    ana.post("/rules", {"effect": "allow", "match": "domain", "value": "bad.example", "scope": "company"})
    select = {"sender": "wave@bad.example"}
    sheet = ana.post("/selections/preview", {"select": select}).json()
    assert (sheet["count"], sheet["people"], sheet["departments"], sheet["by_state"]) == (2, 2, 2, {"held": 2})
    assert (sheet["in_mailboxes"], sheet["out_of_reach"], sheet["proven"]) == (0, 0, 0)
    assert sheet["senders"] == [{"author": "wave@bad.example", "count": 2}]
    assert sheet["subjects"] == [{"subject": "Win", "count": 2}]
    assert {one["id"] for one in sheet["examples"]} == {joe, mara}
    assert [rule["value"] for rule in sheet["rules_contradicted"]] == ["bad.example"]
    came(JOE, author="wave@bad.example")
    order = {"verb": "purge", "select": select}
    assert ana.post("/decisions", order | {"fence": sheet["fence"]}).status_code == 412
    assert ana.post("/decisions", order | {"expect": 2}).status_code == 412
    fresh = ana.post("/selections/preview", {"select": select}).json()
    made = ana.post("/decisions", order | {"fence": fresh["fence"], "expect": 3})
    assert (made.status_code, made.json()["done"]) == (201, 3)


def test_looking_changes_nothing_and_rings_nothing(ana: Browser, came: Came, api_settings: Settings) -> None:
    came(JOE)
    ana.post("/selections/preview", {"select": {"department": "it"}})
    assert find_woken(api_settings) <= line_up(api_settings)


def test_purge_and_block_makes_a_rule(ana: Browser, came: Came) -> None:
    (joe,) = came(JOE, author="wave@bad.example")
    rule = {"effect": "block", "match": "domain", "scope": "company", "note": "phish"}
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe]}, "rule": rule}).json()
    assert [(one["value"], one["unproven_only"], one["note"], one["author"]) for one in made["rules"]] == [
        ("bad.example", True, "phish", "Ana Roth")
    ]
    assert came(JOE, author="next@bad.example")
    states = {one["author"]: one["state"] for one in ana.get("/deliveries").json()["items"]}
    assert states == {"wave@bad.example": "purged", "next@bad.example": "purged"}


def test_release_and_allow_lets_the_next_one_through(ana: Browser, came: Came) -> None:
    (joe,) = came(JOE, dmarc=DMARC_PASS)
    rule = {"effect": "allow", "match": "address", "scope": "person:joe.fern"}
    made = ana.post("/decisions", {"verb": "release", "select": {"ids": [joe]}, "rule": rule}).json()
    assert [(one["value"], one["proof"], one["scope"]) for one in made["rules"]] == [("sales@supplier.example", "dmarc", "person:joe.fern")]
    (following,) = came(JOE, dmarc=DMARC_PASS)
    assert ana.get(f"/deliveries/{following}").json()["state"] == "queued"


def test_a_password_by_phone_lets_further_encrypted_files_pass_until_it_is_undone(ana: Browser, came: Came) -> None:
    encrypted = Attachment(1, "plans.zip", "application/zip", 10, "", ("plan.pdf",), closed=True, locked=True)
    program = replace(encrypted, names=("plan.pdf", "setup.exe"))

    def state(to: str, file: Attachment = encrypted, **more: Any) -> str:
        (one,) = came(to, attachments=(file,), **{"dmarc": DMARC_PASS} | more)
        return str(ana.get(f"/deliveries/{one}").json()["state"])

    known = ana.post("/rules", {"effect": "allow", "match": "address", "value": "sales@supplier.example", "scope": "company"}).json()["id"]
    came(JOE, dmarc=DMARC_PASS)
    (held,) = came(JOE, attachments=(encrypted,), dmarc=DMARC_PASS)
    assert ana.get(f"/deliveries/{held}").json()["verdict"]["rule"] == "encrypted-attachment"
    rule = {"effect": "allow", "match": "address", "scope": "", "encrypted": True}
    order = {"verb": "release", "select": {"ids": [held]}, "rule": rule}
    sheet = ana.post("/selections/preview", order).json()
    said = "sales@supplier.example allowed for Joe Fern, also with encrypted files, until 90 days after the last message"
    assert (sheet["allow"]["only_encrypted"], sheet["allow"]["sentences"]) == (True, [f"{said}."])
    assert [one["scope"] for one in sheet["allow"]["reaches"]] == ["person:joe.fern"]
    made = ana.post("/decisions", order | {"reason": "The password was given by phone.", "fence": sheet["fence"]}).json()
    assert (made["reason"], made["agreed"]["rules"]) == ("The password was given by phone.", sheet["allow"]["rules"])
    assert said in made["sentence"]
    assert [(one["encrypted"], one["lapse_days"]) for one in made["rules"]] == [(True, 90)]
    assert [state(JOE), state(JOE, program), state(MARA), state(JOE, dmarc=NO_DMARC)] == ["queued", "held", "held", "held"]
    assert state(JOE, author="other@supplier.example") == "held"
    exported = ana.get("/rules/export").text
    assert ana.post("/rules/import", {"text": exported, "dry_run": True}).json()["kept"] == 2
    assert ana.post(f"/decisions/{made['id']}/undo").status_code == 201
    assert [one["id"] for one in ana.get("/rules").json()["items"]] == [known]
    assert (ana.get(f"/deliveries/{held}").json()["state"], state(JOE)) == ("held", "held")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"scope": "company"}, "scope"), ({"match": "domain", "value": "supplier.example"}, "encrypted"), ({"proof": "aligned"}, "encrypted")],
)
def test_encrypted_files_pass_for_one_address_and_one_folder_only(ana: Browser, wrong: dict[str, str], field: str) -> None:
    rule = {"effect": "allow", "match": "address", "value": "sales@supplier.example", "scope": "department:it", "encrypted": True}
    refused = ana.post("/rules", rule | wrong)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_the_preview_names_whom_a_release_lets_in_and_the_decision_takes_exactly_those(ana: Browser, came: Came) -> None:
    ids = [
        came(JOE, author=author, dmarc=replace(DMARC_PASS, domain=author.rpartition("@")[2]))[0]
        for author in ("a@a.example", "b@b.example")
    ]
    select, rule = {"ids": ids}, {"effect": "allow", "match": "address", "scope": ""}
    unnamed = ana.post("/decisions", {"verb": "release", "select": select, "rule": rule})
    assert (unnamed.status_code, unnamed.json()["field"]) == (422, "rule")
    sheet = ana.post("/selections/preview", {"select": select, "verb": "release", "rule": rule}).json()
    assert [(one["sender"], one["proof"], one["chosen"], one["count"]) for one in sheet["allow"]["senders"]] == [
        ("a@a.example", "genuine", True, 1),
        ("b@b.example", "genuine", True, 1),
    ]
    one = rule | {"senders": ["a@a.example"], "without": ["b@b.example"]}
    sheet = ana.post("/selections/preview", {"select": select, "verb": "release", "rule": one}).json()
    assert (sheet["allow"]["count"], [made["value"] for made in sheet["allow"]["rules"]]) == (1, ["a@a.example"])
    order = {"verb": "release", "select": select, "rule": one, "fence": sheet["fence"]}
    assert ana.post("/decisions", order | {"rule": rule | {"senders": ["a@a.example"]}}).status_code == 412
    made = ana.post("/decisions", order | {"expect": 1}).json()
    assert made["agreed"] == {"rules": sheet["allow"]["rules"], "left_out": [{"sender": "b@b.example", "count": 1}]}
    assert [ana.get(f"/deliveries/{one}").json()["state"] for one in ids] == ["queued", "held"]
    for wrong in ({"effect": "block"}, {"value": "a@a.example"}):
        assert ana.post("/decisions", order | {"rule": one | wrong}).status_code == 422
        assert ana.post("/selections/preview", {"select": select, "verb": "release", "rule": one | wrong}).status_code == 422


def test_the_last_one_of_mine_is_never_a_colleagues(ana: Browser, ben: Browser, came: Came) -> None:
    (mara,) = came(MARA)
    made = ana.post("/decisions", {"verb": "release", "select": {"ids": [mara]}}).json()
    refused = ben.post(f"/decisions/{made['id']}/undo", {"mine": True})
    assert (refused.status_code, refused.json()["detail"][:24]) == (403, "Ana Roth decided this, n")
    assert ana.get(f"/deliveries/{mara}").json()["state"] == "queued"
    assert ben.post(f"/decisions/{made['id']}/undo").json()["undoes"] == made["id"]


@pytest.mark.parametrize(("to", "mailbox"), [("mara.berg", "mara.berg@company.example"), ("info@company.example", "it@company.example")])
def test_redirect(ana: Browser, came: Came, to: str, mailbox: str) -> None:
    (joe,) = came(JOE)
    made = ana.post("/decisions", {"verb": "redirect", "select": {"ids": [joe]}, "to": to}).json()
    assert (made["to"], ana.get(f"/deliveries/{joe}").json()["mailbox"]) == (mailbox, mailbox)


def test_redirect_to_the_outside_is_refused(ana: Browser, came: Came) -> None:
    (joe,) = came(JOE)
    answer = ana.post("/decisions", {"verb": "redirect", "select": {"ids": [joe]}, "to": "x@gmail.com"})
    assert (answer.status_code, answer.json()["field"]) == (422, "to")


def test_a_refused_decision_rings_nothing_and_leaves_nothing(ana: Browser, came: Came, api_settings: Settings) -> None:
    (joe,) = came(JOE)
    assert ana.post("/decisions", {"verb": "release", "select": {"ids": [joe]}, "expect": 9}).status_code == 412
    assert find_woken(api_settings) <= line_up(api_settings)
    assert ana.get("/decisions").json()["items"] == []


def test_mine_are_mine(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA)
    ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe, mara]}})
    ben.post("/decisions", {"verb": "restore", "select": {"ids": [mara]}})
    assert [[one["verb"] for one in browser.get("/decisions?mine=true").json()["items"]] for browser in (ana, ben)] == [
        ["purge"],
        ["restore"],
    ]
    newest = ana.get("/decisions?limit=1").json()
    older = ana.get(f"/decisions?limit=1&cursor={newest['next_cursor']}").json()
    assert [page["items"][0]["verb"] for page in (newest, older)] == ["restore", "purge"]
    assert older["next_cursor"] is None


def test_rules(ana: Browser, ben: Browser, api_settings: Settings) -> None:
    order = {"effect": "block", "match": "domain", "value": "Bad.Example", "scope": "company", "until": "2999-01-01T00:00:00Z", "note": "x"}
    answer = ana.post("/rules", order)
    rule = answer.json()
    assert answer.status_code == 201
    assert {name: rule[name] for name in rule if name not in ("id", "created_at")} == {
        "effect": "block",
        "match": "domain",
        "value": "bad.example",
        "scope": "company",
        "proof": "",
        "unproven_only": False,
        "risky": False,
        "unchecked": False,
        "encrypted": False,
        "conditions": {},
        "paused_at": None,
        "author": "Ana Roth",
        "origin": "staff",
        "note": "x",
        "until": "2999-01-01T00:00:00Z",
        "lapse_days": 0,
        "holds_until": None,
        "refused": 0,
        "used": 0,
        "first_used_at": None,
        "last_used_at": None,
        "doubt": "",
        "clashes": [],
        "recipient": "",
        "target": "",
        "delivered": None,
    }
    assert find_woken(api_settings) == {"door", "change"}
    other = ana.post("/rules", {"effect": "allow", "match": "address", "value": "a@b.example", "scope": "department:it"}).json()
    for made in (rule, other):
        del made["delivered"]  # it is told of a new rule only
    assert [one["id"] for one in ana.get("/rules").json()["items"]] == [other["id"], rule["id"]]
    assert [one["id"] for one in ben.get("/rules").json()["items"]] == [rule["id"]]
    assert ana.get("/rules?q=b.ex").json()["items"] == [other]
    first = ana.get("/rules?limit=1").json()
    assert ana.get(f"/rules?limit=1&cursor={first['next_cursor']}").json() == {"items": [rule], "next_cursor": None}
    assert ben.delete(f"/rules/{other['id']}").status_code == 404
    assert ben.delete(f"/rules/{rule['id']}").status_code == 403
    assert ana.delete(f"/rules/{rule['id']}").status_code == 204
    assert [one["id"] for one in ana.get("/rules").json()["items"]] == [other["id"]]


PROVEN = {"dmarc": Dmarc(Result.PASS, "supplier.example", "supplier.example", "reject", ("spf",)), "spf": Result.PASS}


def test_a_sender_is_told_no(ana: Browser, came: Came, app: FastAPI, api_settings: Settings) -> None:
    app.state.office.settings = replace(api_settings, relay=replace(api_settings.relay, smarthost="smtp://smarthost:25"))
    (proven,), (forged,) = came(JOE, **PROVEN), came(JOE)
    templates = ana.get("/rejections/templates").json()["items"]
    assert [one["name"] for one in templates] == ["not-wanted", "wrong-address", "no-such-attachments"]
    order = {"select": {"ids": [proven, forged]}, "template": "wrong-address"}
    seen = ana.post("/rejections/preview", order).json()
    assert (seen["messages"], seen["deliveries"], [one["to"] for one in seen["notices"]]) == (1, 1, ["sales@supplier.example"])
    assert f"{JOE} is not the right address" in seen["notices"][0]["text"]
    assert seen["refused"][0]["count"] == 1
    find_woken(api_settings)
    made = ana.post("/decisions", order | {"verb": "reject", "reason": "somebody else has to approve"}).json()
    assert (made["done"], made["refused"]) == (1, 1)
    assert [one["why"][:9] for one in made["items"] if one["outcome"] == "refused"] == ["No notice"]
    assert {"relay", "change"} <= find_woken(api_settings)
    assert ana.get(f"/deliveries/{proven}").json()["state"] == "rejected"
    assert ana.post("/decisions", order | {"verb": "reject", "template": "unknown"}).status_code == 422
    assert ana.post("/rejections/preview", order | {"template": ""}).status_code == 422


@pytest.mark.parametrize(
    ("proof", "status", "said"),
    [
        ("dkim:Lists.example", 201, "dkim:lists.example"),
        (
            "arc:Lists.example",
            422,
            "lists.example is not a trusted forwarder; ask an administrator of the server to add it",
        ),
        ("", 422, "a mailing list needs dkim:DOMAIN, which signs its posts, or arc:DOMAIN, which seals them"),
    ],
)
def test_what_proves_a_list(ana: Browser, proof: str, status: int, said: str) -> None:
    answer = ana.post("/rules", {"effect": "allow", "match": "list", "value": "dev.lists.example", "scope": "company", "proof": proof})
    assert answer.status_code == status
    assert said in answer.text


def test_a_very_large_decision_is_carried_out_behind_the_answer(
    ana: Browser, came: Came, engine: Engine, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 2)
    for _ in range(3):
        came(JOE, author="wave@bad.example")
    order = {"verb": "purge", "select": {"sender": "wave@bad.example"}, "expect": 3}
    assert ana.post("/decisions", order | {"expect": 2}).status_code == 412
    made = ana.post("/decisions", order, headers={"Idempotency-Key": "x"})
    assert (made.status_code, made.json()["left"], made.json()["done"]) == (201, 3, 0)
    assert ana.post("/decisions", order, headers={"Idempotency-Key": "x"}).json() == made.json()
    for number in range(3):
        came(JOE, author="wave@bad.example", subject=f"late {number}")
    assert ana.post("/decisions", order, headers={"Idempotency-Key": "x"}).json() == made.json()  # though more are selected by now
    with transaction(engine) as session:
        bulk_decisions.go_on(session, ids.parse_id(made.json()["id"]), now=utcnow(), settings=api_settings)
    shown = ana.get(f"/decisions/{made.json()['id']}").json()
    assert (shown["left"], shown["done"], len(shown["items"])) == (0, 3, 3)
    undone = ana.post(f"/decisions/{made.json()['id']}/undo").json()
    assert (undone["left"], undone["verb"]) == (3, "undo")
