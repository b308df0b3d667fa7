"""Refusals are problem documents that say what to do, and faults of ours say nothing."""

import json
import logging
from collections.abc import AsyncIterator

import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from tests.triage_api.conftest import Browser, NewBrowser
from triage.errors import Refused
from triage.quarantine import sender_profile
from triage.quarantine.decisions import outcomes
from triage_api.http import problems

SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
ID = "0AMR92XANA62D"


# method, path, body, status, the field that is named
WRONG: list[tuple[str, str, object, int, str | None]] = [
    ("GET", "/nothing", None, 404, None),
    ("GET", "//api/nothing", None, 404, None),
    ("POST", "/nothing", {}, 404, None),
    ("PATCH", "/me", {}, 405, None),
    ("GET", f"/deliveries/{ID}", None, 404, None),
    ("GET", "/deliveries/short", None, 422, "delivery_id"),
    ("GET", "/deliveries/ZZZZZZZZZZZZZ", None, 422, "delivery_id"),
    ("GET", "/deliveries?limit=0", None, 422, "limit"),
    ("GET", "/deliveries?limit=x", None, 422, "limit"),
    ("GET", "/deliveries?state=holding", None, 422, "state.0"),
    ("GET", "/deliveries?departement=it", None, 422, "departement"),
    ("GET", "/deliveries?since=yesterday", None, 422, "since"),
    ("GET", "/deliveries?since=2026-11-24T09:00:00", None, 422, "since"),
    ("GET", "/deliveries?cursor=abc", None, 422, "cursor"),
    ("GET", "/deliveries?q=%00", None, 422, "q"),
    ("GET", "/deliveries?domain=a..b", None, 422, "domain"),
    ("GET", f"/deliveries?q={'x+' * 21}", None, 422, "q"),
    ("GET", "/triage?group=weather", None, 422, "group"),
    ("GET", "/triage?campaign=mine", None, 422, "campaign"),
    ("POST", "/selections/preview", {"select": {"proof": "none"}}, 422, "select"),
    ("POST", "/decisions", {"verb": "release", "select": {}}, 422, "select"),
    ("POST", "/decisions", {"verb": "delete", "select": {"ids": [ID]}}, 422, "verb"),
    ("POST", "/decisions", {"verb": "release", "select": {"ids": [5]}}, 422, "select.ids.0"),
    ("POST", "/decisions", {"verb": "release", "select": {"ids": [ID]}, "force": True}, 422, "force"),
    ("POST", "/decisions", {"verb": "release", "select": {"ids": [ID]}}, 404, None),
    ("POST", "/decisions", {"verb": "release", "select": {"sender": "\ud800@x.example"}}, 422, "select.sender"),
    ("POST", "/decisions", [], 422, "body"),
    ("POST", "/rules", {"effect": "allow", "match": "domain", "value": "gmail.com", "scope": "company"}, 422, "value"),
    ("POST", "/rules", {"effect": "allow", "match": "domain", "value": "x.example", "scope": "galaxy"}, 422, "scope"),
    ("DELETE", f"/rules/{ID}", None, 404, None),
    ("POST", f"/outgoing/{ID}/retry", None, 404, None),
    ("POST", f"/outgoing/{ID}/hold", None, 404, None),
    ("POST", f"/outgoing/{ID}/give-up", None, 404, None),
    ("POST", "/outgoing/retry", {"next_hop": "nowhere:"}, 422, "next_hop"),
    ("POST", "/outgoing/hold", {}, 422, "body"),
    ("POST", f"/decisions/{ID}/undo", None, 404, None),
]


def test_what_is_wrong_is_named(sqlite_ana: Browser) -> None:
    for method, path, body, status, field in WRONG:
        content = None if body is None else json.dumps(body).encode()
        answer = sqlite_ana.request(method, path, content=content, headers={"Content-Type": "application/json"})
        document = answer.json()
        assert (method, path, answer.status_code, document.get("field")) == (method, path, status, field), document
        assert answer.headers["content-type"] == "application/problem+json"
        assert (document["type"], document["status"]) == ("about:blank", status)
        assert document["title"]
        assert document["detail"]
        assert SAFE_HEADERS.items() <= answer.headers.items()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"verb": NaN', b"[" * 100_000])
def test_a_body_that_is_no_json(sqlite_ana: Browser, content: bytes) -> None:
    answer = sqlite_ana.request("POST", "/decisions", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def pieces() -> AsyncIterator[bytes]:
    """A large body without a length."""
    for _ in range(17):
        yield b" " * 65_536


@pytest.mark.parametrize("content", [b" " * (1024 * 1024 + 1), pieces()], ids=["with its length", "in pieces"])
def test_a_body_that_is_too_large(sqlite_ana: Browser, content: object) -> None:
    answer = sqlite_ana.request("POST", "/decisions", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (413, "A request has at most 1,024 KiB.")


def test_a_fault_of_ours_says_nothing_and_is_logged(
    sqlite_ana: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(outcomes, "list_decisions", broken)
    answer = sqlite_ana.get("/decisions")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong on the server. The log has the details.",
    }
    assert "swordfish" in caplog.text
    assert SAFE_HEADERS.items() <= answer.headers.items()


def test_a_database_that_is_away_is_asked_again_later(
    sqlite_ana: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, psycopg.OperationalError("connection refused"))

    monkeypatch.setattr(outcomes, "list_decisions", away)
    answer = sqlite_ana.get("/decisions")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "The database does not answer. Try again in a moment."
    assert "Traceback" not in caplog.text


def test_every_refusal_of_the_house_has_a_status() -> None:
    kinds = {kind for kind in Refused.__subclasses__() if kind.__module__.startswith("triage.")}
    assert kinds <= set(problems.STATUS)


OUR_OWN = "http://127.0.0.1:8080"


ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({"Origin": OUR_OWN}, True),
    ({"Origin": "HTTP://127.0.0.1:8080"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Host": "localhost:9999", "Origin": "http://localhost:9999"}, True),
    ({"Host": "LocalHost:9999", "Origin": "http://localhost:9999"}, True),
    ({}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "http://127.0.0.1:8081"}, False),
    ({"Origin": f"{OUR_OWN}.evil.example"}, False),
    ({"Host": "evil.example", "Origin": "http://evil.example"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://other.company.example"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Referer": f"{OUR_OWN}/"}, False),
]


def test_a_change_needs_the_right_origin(sqlite_ana: Browser) -> None:
    del sqlite_ana.client.headers["Origin"]
    for headers, allowed in ORIGINS:
        answer = sqlite_ana.post("/rules", {}, headers=headers)
        assert (headers, answer.status_code) == (headers, 422 if allowed else 403)
        assert answer.headers["content-type"] == "application/problem+json"
        assert sqlite_ana.get("/me", headers=headers).status_code == 200


LOGGED = [
    ("/deliveries?sender=someone@private.example&q=%1b[2J", "/api/v1/deliveries"),
    ("/deliveries/%1b[2J%0ainjected", "/api/v1/deliveries/\u2026"),
    ("/deliveries/01KD2Q8V6M3ZT", "/api/v1/deliveries/01KD2Q8V6M3ZT"),
    ("/senders/someone@private.example", "/api/v1/senders/\u2026"),
    ("/senders/some%2fone%40private.example", "/api/v1/senders/\u2026"),
    ("/senders/private.example", "/api/v1/senders/\u2026"),
    ("/nothing/someone@private.example", "/api/v1/nothing/\u2026"),
    ("//senders/private.example", "/senders/\u2026"),
    ("//people/mara.berg", "/people/\u2026"),
    ("//decided", "/decided"),
]


def test_the_log_has_one_line_a_request_with_ids_and_without_what_was_looked_for(
    sqlite_ana: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="triage_api"):
        for path, _ in LOGGED:
            sqlite_ana.get(path)
    lines = [record.getMessage() for record in caplog.records if record.name == "triage_api.http.middleware"]
    assert [line.split()[:2] for line in lines] == [["GET", logged] for _, logged in LOGGED]


def test_a_fault_of_the_database_is_logged_without_what_it_was_asked(
    sqlite_ana: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(session: Session, sender: str, **_: object) -> None:
        session.execute(text("SELECT * FROM nowhere WHERE address = :address"), {"address": sender})

    monkeypatch.setattr(sender_profile, "get_sender", broken)
    assert sqlite_ana.get("/senders/someone@private.example").status_code == 500
    assert "no such table: nowhere" in caplog.text
    assert "private.example" not in caplog.text


def test_the_description_names_every_refusal_as_a_problem(app: FastAPI, new_browser: NewBrowser) -> None:
    document = new_browser().get("//api/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400" and path.startswith("/api/"):
                    assert list(response["content"]) == ["application/problem+json"], path
    assert document["components"]["schemas"]["Problem"]["required"] == ["title", "status", "detail"]


def test_the_documentation_page_loads_nothing(new_browser: NewBrowser) -> None:
    page = new_browser().get("//api/docs")
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "/api/v1/decisions/{decision_id}/undo" in page.text
    assert "<script" not in page.text
    assert "http" not in page.text.replace("<!doctype html>", "")
