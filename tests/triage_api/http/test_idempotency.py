"""An Idempotency-Key lets an act happen once, also when it is asked for twice at the same moment; an ETag saves an answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, func, select
from sqlmodel import col

from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage.store import idempotency
from triage.store.db import read_transaction, transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision
from triage.store.models.idempotency import StoredAnswer
from triage.store.models.rules import Rule
from triage.times import utcnow

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
BLOCK = {"effect": "block", "match": "domain", "value": "bad.example", "scope": "company"}
KEY = {"Idempotency-Key": "once"}
NEEDS_NO_KEY = {
    "create_session",
    "create_own_session",
    "open_break_glass",  # the code works once
    "set_up_app_at_sign_in",
    "finish_sign_in",  # as is each second factor
    "prove_own_factor",
    "ask_for_passkey_at_sign_in",
    "begin_passkey_sign_in",
    "sign_in_with_passkey",
    "unlock_session",
    "sign_in_by_proxy",
    "begin_provider_sign_in",
    "sign_out_at_provider",
    "end_provider_sessions",
    "run_rule_tests",  # nothing is made
    "preview_hunt_removal",
    "preview_selection",
    "preview_enforcement",
    "preview_rejection",
    "preview_rule",
    "offer_rules",
    "explain_rules",
    "search_proposals",
    "export_person_data",
    "preview_erasure",
}  # they change nothing that twice would spoil


def test_the_same_request_is_done_once_and_answered_alike(ana: Browser, came: Came, engine: Engine) -> None:
    (mail,) = came(JOE)
    order = {"verb": "purge", "select": {"ids": [mail]}}
    first, again = (ana.post("/decisions", order, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, first.text) == (201, 201, again.text)
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    path = f"/decisions/{first.json()['id']}/undo"
    undone, again = (ana.post(path, headers={"Idempotency-Key": "undo"}) for _ in range(2))
    assert (undone.status_code, again.text) == (201, undone.text)
    assert ana.post(path).status_code == 409  # without the key it is another request
    with read_transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == 2


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/rules", BLOCK),
        ("/substitutes", {"substitute": "sam", "ends_at": "2099-01-01T00:00:00Z"}),
        ("/outgoing/retry", {"next_hop": "maildir:/nowhere"}),
    ],
)
def test_every_act_takes_a_key(ana: Browser, engine: Engine, path: str, order: dict[str, Any]) -> None:
    first, again = (ana.post(path, order, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, again.text) == (first.status_code, first.status_code, first.text)
    with read_transaction(engine) as session:
        acts = session.scalars(select(col(AuditRecord.act)).where(col(AuditRecord.by) == "person:ana", col(AuditRecord.act) != "sign-in"))
        assert len(acts.all()) <= 1


def test_a_key_is_for_one_request(ana: Browser, new_browser: NewBrowser) -> None:
    assert ana.post("/rules", BLOCK, headers=KEY).status_code == 201
    other = ana.post("/rules", BLOCK | {"value": "worse.example"}, headers=KEY)
    assert (other.status_code, "use a new key" in other.json()["detail"]) == (422, True)
    assert new_browser("ida").post("/rules", BLOCK | {"value": "worse.example"}, headers=KEY).status_code == 201  # hers


def test_what_was_refused_did_not_use_the_key_up(ana: Browser, came: Came) -> None:
    (mail,) = came(JOE)
    order = {"verb": "restore", "select": {"ids": [mail]}}
    assert ana.post("/decisions", order, headers=KEY).status_code == 409
    ana.post("/decisions", {"verb": "purge", "select": {"ids": [mail]}})
    assert ana.post("/decisions", order, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "\xe9"])
def test_what_is_no_key_is_refused(ana: Browser, key: str) -> None:
    refused = ana.post("/rules", BLOCK, headers={"Idempotency-Key": key.encode("latin-1")})
    assert (refused.status_code, refused.json()["field"]) == (422, "Idempotency-Key")


def test_two_at_the_same_moment_are_one(ana: Browser, engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ana.post("/rules", BLOCK, headers=KEY), range(4)))
    assert {(one.status_code, one.text) for one in answers} == {(201, answers[0].text)}
    assert sum("idempotency-replayed" in one.headers for one in answers) == 3
    with read_transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Rule)) == 1


def test_a_secret_is_answered_once_and_kept_nowhere(new_browser: NewBrowser, engine: Engine) -> None:
    ida = new_browser("ida")
    made = ida.post("/tokens", {"name": "x", "grants": ["read"]}, headers=KEY)
    assert made.status_code == 201
    again = ida.post("/tokens", {"name": "x", "grants": ["read"]}, headers=KEY)
    assert (again.status_code, again.json()["detail"]) == (409, "this is already done, and its answer is shown only once")
    with read_transaction(engine) as session:
        assert session.scalars(select(StoredAnswer)).one().body == ""


def test_answers_are_forgotten_after_a_day(ana: Browser, engine: Engine) -> None:
    ana.post("/rules", BLOCK, headers=KEY)
    with transaction(engine) as session:
        assert idempotency.forget_answers(session, now=utcnow()) == 0
        assert idempotency.forget_answers(session, now=utcnow() + timedelta(hours=25)) == 1


def test_every_post_that_acts_says_that_it_takes_a_key(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            takes = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
            assert (path, method, takes) == (path, method, method == "post" and operation["operationId"] not in NEEDS_NO_KEY)


def test_who_has_the_answer_gets_none(ana: Browser, came: Came) -> None:
    came(JOE)
    first = ana.get("/triage")
    tag = first.headers["etag"]
    for known in (tag, f'{tag.removeprefix("W/")}, "other"', "*"):
        same = ana.get("/triage", headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    came(MARA)
    fresh = ana.get("/triage", headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.headers["etag"] != tag) == (200, True)
