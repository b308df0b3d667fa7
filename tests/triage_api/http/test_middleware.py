"""The guard before the app: whose changes it lets in, what every answer carries, and what becomes of half of one."""

import logging
from dataclasses import replace

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.triage_api.conftest import Browser, NewBrowser
from triage.actor import Actor
from triage.config.settings import Settings
from triage.runtime import metrics
from triage_api.http.dependencies import Office
from triage_api.http.local_caller import KEY, Caller
from triage_api.http.middleware import Guard

VERSION = "mailroom-version"
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_another_page_s_request_changes_nothing(sqlite_ana: Browser, method: str) -> None:
    for path in ("/rules", "/rules/0AMR92XANA62D", "//anything"):
        answer = sqlite_ana.request(method, path, headers={"Origin": "https://evil.example"})
        assert (path, answer.status_code) == (path, 403)
        assert answer.json()["detail"] == "This request does not come from the console: its Origin is another site."
        assert sqlite_ana.request(method, path).status_code != 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_needs_no_origin(sqlite_ana: Browser, method: str) -> None:
    assert sqlite_ana.request(method, "/me", headers={"Origin": "https://evil.example"}).status_code in (200, 405)


def test_only_who_has_signed_in_is_told_the_version(new_browser: NewBrowser) -> None:
    stranger, ana = new_browser(), new_browser("ana")
    for path in ("/me", "/session", "//", "//healthz", "/nothing"):
        assert (path, VERSION in stranger.get(path).headers) == (path, False)
    assert VERSION not in stranger.sign_in("ana", "wrong").headers
    assert ana.get("/me").headers[VERSION]


async def answer_half(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An app that fails when the answer has begun."""
    await send(dict(START))
    raise RuntimeError("the disk is gone")


async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An app that fails before it says anything."""
    raise RuntimeError("the disk is gone")


def asked(app: object, office: Office, method: str = "GET", **more: object) -> list[Message]:
    """Messages that the guard sends for one request to this app."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": method, "path": "/x", "raw_path": b"/x", "headers": []} | more
    try:
        anyio.run(Guard(app, office), scope, receive, send)  # type: ignore[arg-type]
    except RuntimeError as fault:
        sent.append({"type": str(fault)})
    return sent


@pytest.fixture
def office(settings: Settings, sqlite_url: str) -> Office:
    return Office(replace(settings, database=replace(settings.database, url=sqlite_url)), pipes=())


def test_a_fault_after_half_an_answer_cuts_it_off(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    assert [message["type"] for message in asked(answer_half, office)] == ["http.response.start", "the disk is gone"]
    assert "GET /x failed" in caplog.text


def test_a_fault_before_an_answer_is_one(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    start, body = asked(fail, office)
    assert (start["type"], start["status"], body["type"]) == ("http.response.start", 500, "http.response.body")
    assert "GET /x failed" in caplog.text


@pytest.mark.parametrize(("method", "counted"), [("GET", "GET"), ("PATCH", "PATCH"), ("BREW", "other")])
def test_a_request_is_counted_and_logged_by_its_method_and_status(
    office: Office, method: str, counted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    took: list[tuple[str, float, dict[str, str]]] = []
    monkeypatch.setattr(metrics, "observe_seconds", lambda name, seconds, **labels: took.append((name, seconds, labels)))
    with caplog.at_level(logging.INFO, logger="triage_api"):
        asked(fail, office, method)
    status = "500" if method == "GET" else "403"
    (name, seconds, labels) = took[0]
    assert (name, labels) == ("mailroom_request_seconds", {"method": counted, "status": f"{status[0]}xx"})
    assert 0 <= seconds < 60
    last = caplog.records[-1].getMessage()
    assert last.startswith(f"{method} /x {status} ")
    assert 0 <= int(last.split()[3]) < 60_000


@pytest.mark.parametrize(("url", "strict"), [("https://mailroom.company.example", "max-age=31536000"), ("", None)])
def test_behind_tls_a_browser_is_told_to_stay_there(settings: Settings, sqlite_url: str, url: str, strict: str | None) -> None:
    own = replace(settings, database=replace(settings.database, url=sqlite_url), api=replace(settings.api, public_url=url))
    headers = {name.decode(): value.decode() for name, value in asked(fail, Office(own, pipes=()))[0]["headers"]}
    assert headers.get("strict-transport-security") == strict
    assert {"x-content-type-options", "referrer-policy", "cross-origin-resource-policy", "cache-control"} <= headers.keys()
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_an_answer_keeps_the_policies_of_its_own(office: Office) -> None:
    async def own(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"cache-control", b"max-age=60"), (b"referrer-policy", b"unsafe-url")]})

    headers = dict(asked(own, office)[0]["headers"])
    assert (headers[b"cache-control"], headers[b"referrer-policy"]) == (b"max-age=60", b"no-referrer")


@pytest.mark.parametrize(("caller", "status"), [(Caller(Actor.shell("root", "")), 200), (None, 403), ("root", 403)])
def test_a_command_needs_no_origin(office: Office, caller: object, status: int) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({**START, "headers": []})

    (start, *_) = asked(app, office, "POST", **{KEY: caller})
    assert start["status"] == status
    assert (b"x-content-type-options", b"nosniff") in start["headers"]


def test_what_is_no_request_is_passed_on(office: Office) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    anyio.run(Guard(app, office), {"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


@pytest.mark.parametrize(("length", "status"), [(1024 * 1024, 200), (1024 * 1024 + 1, 413)])
def test_a_body_has_a_largest_size(office: Office, length: int, status: int) -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(dict(START))

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * length}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"content-length", b"%d" % length)]}
    anyio.run(Guard(app, office), scope, receive, send)
    assert sent[0]["status"] == status
