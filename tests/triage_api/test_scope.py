"""Role × scope × every operation of the OpenAPI document: nobody learns of anything outside their scope."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI

from tests.triage_api.conftest import Browser, Came, NewBrowser

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SECRETS = ("Secret plan", "secret@only-it.example", "secret.example")
DECIDING = ("ana", "ida")  # for the whole company: triage, admin
READING = ("otto",)  # auditor
OUTSIDE = ("ben", "eva", "leo", "uma")  # IT is not in their scope; triage, triage, admin, auditor


@dataclass
class Secret:
    """Everything about one mail to IT, which only the company's staff may know of."""

    delivery: str
    message: str
    decision: str
    rule: str

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.delivery, self.message, self.decision, self.rule)


@dataclass
class Call:
    """How an operation is called about the secret. `says`: it answers everybody, and then without the secret."""

    json: Any = None
    says: bool = False


CALLS = {
    "create_session": Call(json={"login": "nobody", "password": "x"}, says=True),
    "delete_session": Call(says=True),
    "get_me": Call(says=True),
    "list_departments": Call(says=True),
    "list_people": Call(says=True),
    "list_addressees": Call(says=True),
    "list_groups": Call(says=True),
    "list_deliveries": Call(says=True),
    "get_delivery": Call(),
    "list_cards": Call(says=True),
    "get_message": Call(),
    "view_message": Call(),
    "get_headers": Call(),
    "download_source": Call(),
    "download_attachment": Call(),
    "preview_selection": Call(json={"select": {"sender": "secret@only-it.example"}}, says=True),
    "create_decision": Call(),
    "list_decisions": Call(says=True),
    "get_decision": Call(),
    "undo_decision": Call(),
    "list_rules": Call(says=True),
    "create_rule": Call(json={"effect": "block", "match": "domain", "value": "x.example", "scope": "department:it"}),
    "delete_rule": Call(),
    "list_templates": Call(says=True),
    "preview_rejection": Call(json={"select": {"sender": "secret@only-it.example"}, "template": "not-wanted"}, says=True),
    "get_queue": Call(says=True),
    "retry_delivery": Call(),
    "give_up_delivery": Call(),
    "hold_delivery": Call(),
    "retry_all": Call(json={"next_hop": "nowhere:"}),
    "give_up_all": Call(json={"next_hop": "nowhere:"}),
    "hold_all": Call(json={"next_hop": "nowhere:"}),
    "list_acts": Call(),
    "count_arrivals": Call(says=True),
    "healthz": Call(says=True),
    "readyz": Call(says=True),
}
NOT_MINE = {403, 404}  # an auditor's role is looked at first
FORBIDDEN = {
    "create_rule": {403},
    "list_acts": {403},
    "create_decision": NOT_MINE,
    "undo_decision": NOT_MINE,
    "retry_delivery": NOT_MINE,
    "give_up_delivery": NOT_MINE,
    "hold_delivery": NOT_MINE,
    "retry_all": {422},  # a next hop of its own; test_lists.py walks scope and role
    "give_up_all": {422},
    "hold_all": {422},
}
STREAM = "stream_events"  # tells a number and nothing else; tests/triage_api/test_events.py


def operations(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """(name, method, path) of every operation."""
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


@pytest.fixture
def secret(ana: Browser, came: Came) -> Secret:
    """A mail to IT that was released, with a rule for IT; and a mail to legal beside it."""
    came(MARA, subject="For legal")
    (delivery,) = came(JOE, author="secret@only-it.example", subject="Secret plan")
    decision = ana.post("/decisions", {"verb": "release", "reason": "Secret plan", "select": {"ids": [delivery]}}).json()
    rule = ana.post("/rules", {"effect": "block", "match": "domain", "value": "secret.example", "scope": "department:it"}).json()
    return Secret(delivery, ana.get(f"/deliveries/{delivery}").json()["message_id"], decision["id"], rule["id"])


def called(browser: Browser, secret: Secret, name: str, method: str, path: str) -> Any:
    """The answer to an operation that is called about the secret."""
    about = {"delivery_id": secret.delivery, "message_id": secret.message, "decision_id": secret.decision, "rule_id": secret.rule}
    body = CALLS[name].json
    if name == "create_decision":
        body = {"verb": "hold", "select": {"ids": [secret.delivery]}}
    return browser.request(method, "/" + path.format(**about, number=1), json=body)


def test_every_operation_has_its_line_here(app: FastAPI) -> None:
    assert {name for name, _, _ in operations(app)} == {*CALLS, STREAM}


def test_without_a_session_nothing_is_said(app: FastAPI, secret: Secret, new_browser: NewBrowser) -> None:
    nobody = new_browser()
    for name, method, path in operations(app):
        if name in ("create_session", "healthz", "readyz"):
            continue
        answer = nobody.get("/events") if name == STREAM else called(nobody, secret, name, method, path)
        assert (name, answer.status_code) == (name, 401)


@pytest.mark.parametrize("login", OUTSIDE)
def test_outside_the_scope_there_is_nothing(app: FastAPI, secret: Secret, new_browser: NewBrowser, login: str) -> None:
    browser = new_browser(login)
    for name, method, path in sorted(operations(app), key=lambda one: one[0] == "delete_session"):
        if name == STREAM:
            continue
        answer = called(browser, secret, name, method, path)
        if not CALLS[name].says:
            assert (name, answer.status_code) in {(name, status) for status in FORBIDDEN.get(name, {404})}
        said = answer.text.replace(path, "")
        for word in (*SECRETS, *(secret.ids if CALLS[name].says else ())):
            assert word not in said, (name, said)


@pytest.mark.parametrize("login", [*DECIDING, *READING])
def test_within_the_scope_each_operation_does_its_work(app: FastAPI, secret: Secret, new_browser: NewBrowser, login: str) -> None:
    browser = new_browser(login)
    changes = {"create_decision", "undo_decision", "create_rule", "delete_rule", "retry_delivery", "give_up_delivery", "hold_delivery"}
    expected = {"create_session": 401, "download_attachment": 404, "retry_all": 422, "give_up_all": 422, "hold_all": 422}
    if login in READING:
        expected |= dict.fromkeys(changes, 403)
    if login == "ana":
        expected["list_acts"] = 403
    order = ["give_up_delivery", "retry_delivery", "hold_delivery", "create_decision", "undo_decision", "delete_rule", "delete_session"]
    for name, method, path in sorted(
        operations(app), key=lambda one: (one[0] == "delete_session", one[0] in order and order.index(one[0]))
    ):
        if name == STREAM:
            continue
        answer = called(browser, secret, name, method, path)
        if name in ("create_decision", "undo_decision") and login in DECIDING:
            assert answer.status_code == 409  # it was held again before
        else:
            assert (name, answer.status_code) in {(name, expected.get(name, good)) for good in (200, 201, 202, 204)}, answer.text


def test_a_decision_over_features_changes_only_what_is_in_scope(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example")
    made = ben.post("/decisions", {"verb": "purge", "select": {"sender": "wave@bad.example"}}).json()
    assert (made["count"], [item["delivery"] for item in made["items"]]) == (1, [mara])
    assert [ana.get(f"/deliveries/{one}").json()["state"] for one in (joe, mara)] == ["held", "purged"]


def test_a_decision_of_others_shows_only_one_s_own_items(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA)
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe, mara]}}).json()
    seen = ben.get(f"/decisions/{made['id']}")
    assert [item["delivery"] for item in seen.json()["items"]] == [mara]
    assert joe not in seen.text
    assert seen.json()["select"] == {"ids": [mara]}


def test_rules_of_another_scope_are_left_out_of_a_decision(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example")
    rule = {"effect": "block", "match": "address", "scope": "department:it"}
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe, mara]}, "rule": rule}).json()
    assert [one["scope"] for one in made["rules"]] == ["department:it"]
    assert ben.get(f"/decisions/{made['id']}").json()["rules"] == []
