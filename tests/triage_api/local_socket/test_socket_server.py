"""The unix socket for commands: whom it answers and what, and whom it sends away."""

import json
import logging
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.peers.processes import HANG
from tests.triage_api.conftest import opened as company
from triage.config.settings import Settings
from triage.config.settings_loader import digest_of
from triage.errors import BadInput
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage_api.app import bind_socket, make_app, serve_socket
from triage_api.http.local_caller import KEY
from triage_api.local_socket import socket_frames as wire, socket_server
from triage_api.local_socket.socket_server import ShellSocket

WELCOME = {"ok": wire.WELCOME}
STRANGER = 4711  # a user of this machine


class Api(NamedTuple):
    """Running API."""

    url: str
    settings: Settings


@contextmanager
def running(settings: Settings, ready: Callable[[Engine], object] = lambda _engine: None) -> Iterator[Api]:
    """An API that answers commands."""
    stop = threading.Event()
    with bind_socket("127.0.0.1:0") as listener:
        thread = threading.Thread(target=serve_socket, args=(make_app(settings, ready=ready), settings, listener, stop))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            httpx.get(f"{url}/healthz")  # its hours are open now
            yield Api(url, settings)
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def sqlite_settings(settings: Settings, sqlite_engine: Engine, sqlite_url: str) -> Settings:
    """Settings of a small company that has a database."""
    with company(settings, sqlite_engine):
        return replace(settings, database=replace(settings.database, url=sqlite_url))


@pytest.fixture
def api(sqlite_settings: Settings) -> Iterator[Api]:
    with running(sqlite_settings) as made:
        yield made


@contextmanager
def connected(settings: Settings) -> Iterator[BinaryIO]:
    """The socket, as bytes to read and write."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(HANG)
        with wire.address_in(settings.spool.directory / wire.DIRECTORY) as address:
            peer.connect(address)
        with peer.makefile("rwb", buffering=0) as stream:
            yield stream  # type: ignore[misc]


def hello(settings: Settings, /, **other: Any) -> dict[str, Any]:
    """First line that a command sends."""
    usual = {"version": version("mailroom"), "settings": digest_of(settings), "login": "ida", "place": "192.0.2.7"}
    return usual | other


def ask(stream: BinaryIO, values: dict[str, Any], body: bytes = b"") -> dict[str, Any] | None:
    """A line and the one that comes back; None when there is none."""
    stream.write(wire.line_of(values) + body)
    line = stream.readline()
    return json.loads(line) if line else None


def request(method: str, target: str, body: bytes = b"") -> dict[str, Any]:
    """A request's line."""
    return {"method": method, "target": target, "length": len(body)}


def body_of(stream: BinaryIO) -> Any:
    """The pieces of an answer, as JSON."""
    whole = b""
    while length := wire.LENGTH.unpack(stream.read(wire.LENGTH.size))[0]:
        whole += stream.read(length)
    return json.loads(whole)


def test_a_command_is_answered_as_whoever_is_at_the_keyboard(api: Api) -> None:
    with connected(api.settings) as stream:
        assert ask(stream, hello(api.settings)) == WELCOME
        assert ask(stream, request("GET", "/api/v1/me")) == {"status": 200}
        me = body_of(stream)
        assert (me["login"], me["name"], me["role"], me["scope"]) == ("ida", "ida (shell)", "admin", ["company"])
        order = json.dumps({"until": "2030-01-01T00:00:00Z", "reason": "nobody is here"}).encode()
        assert ask(stream, request("PUT", "/api/v1/emergency", order), order) == {"status": 422}, "refused as over HTTP"
        assert body_of(stream)["status"] == 422
        assert ask(stream, request("GET", "/api/v1/nothing")) == {"status": 404}


def test_what_is_done_is_on_the_record_with_the_place(api: Api, sqlite_engine: Engine) -> None:
    with connected(api.settings) as stream:
        ask(stream, hello(api.settings))
        rule = json.dumps({"effect": "block", "match": "address", "value": "x@bad.example", "scope": "company"}).encode()
        assert (ask(stream, request("POST", "/api/v1/rules", rule), rule) or {})["status"] in (200, 201)
    with db.read_transaction(sqlite_engine) as session:
        last = session.scalars(select(AuditRecord).order_by(col(AuditRecord.id).desc()).limit(1)).one()
    assert (last.by, last.detail.get("from")) == ("shell:ida", "192.0.2.7")


@pytest.mark.parametrize(
    "other", [{"version": "0.0.1"}, {"settings": "0" * 64}, {"version": None}, {"settings": []}], ids=["version", "settings", "none", "odd"]
)
def test_a_command_that_would_do_otherwise_by_itself_is_sent_away(api: Api, other: dict[str, Any]) -> None:
    with connected(api.settings) as stream:
        assert ask(stream, hello(api.settings, **other)) == {"no": f"another {next(iter(other))}"}
        assert stream.read() == b""


def test_so_is_one_that_would_refuse_the_database(sqlite_settings: Settings) -> None:
    def unready(_engine: Engine) -> None:
        raise BadInput("it has another version")

    with running(sqlite_settings, unready) as api, connected(api.settings) as stream:
        assert ask(stream, hello(api.settings)) == {"no": "BadInput"}


def test_another_user_of_the_machine_is_not_answered(api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(wire, "uid_of", lambda _peer: STRANGER)
    with connected(api.settings) as stream:
        said = json.loads(stream.readline())
        assert said["no"].endswith("may ask here; use the console, or a token over HTTP")
        assert stream.read() == b"", "before a byte is read"
    assert f"user {STRANGER} of this machine may not ask here" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_kernel_keeps_them_out_before(api: Api) -> None:
    directory = api.settings.spool.directory / wire.DIRECTORY
    program = f"import socket; socket.socket(socket.AF_UNIX).connect('{directory}/{wire.NAME}')"
    done = subprocess.run(["/usr/bin/python3", "-c", program], user=65534, capture_output=True, text=True, check=False, cwd="/")
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/session",
        "/api/v1/sessions",
        "/api/v1/me/messages",
        "/api/v1/preferences",
        "/api/v1/training/messages",
        "/api/v1/presence",
        "/api/v1/events",
        "/api/v1/events/",
        "/api/v1//session",
        "/healthz",
        "/metrics",
        "/",
        "",
        "http://127.0.0.1/api/v1/me",
        "/api/v1",
        "/api/v1/me\0",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_for_people_in_a_browser_is_not_here(api: Api, target: str, method: str) -> None:
    with connected(api.settings) as stream:
        ask(stream, hello(api.settings))
        assert ask(stream, request(method, target)) is None


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nCookie: mailroom=x\r\n\r\n",
        b"\n",
        b"[]\n",
        b'{"login": 7}\n',
        b"\xff\xfe\n",
        b"x" * (3 * wire.LINE) + b"\n",
    ],
)
def test_what_no_command_says_gets_no_answer(api: Api, line: bytes) -> None:
    with connected(api.settings) as stream:
        stream.write(line)
        assert b"ok" not in stream.read()


@pytest.mark.parametrize("change", [{"login": 7}, {"login": "a\0"}, {"login": "a" * 300}, {"login": "\ud800"}, {"place": None}])
def test_nor_who_has_no_name(api: Api, change: dict[str, Any]) -> None:
    with connected(api.settings) as stream:
        assert ask(stream, hello(api.settings, **change)) is None


@pytest.mark.parametrize("length", [-1, "7", None, wire.MOST + 1])
def test_a_body_has_a_length(api: Api, length: Any) -> None:
    with connected(api.settings) as stream:
        ask(stream, hello(api.settings))
        assert ask(stream, {"method": "GET", "target": "/api/v1/me", "length": length}) is None


def test_a_browser_cannot_become_a_command(api: Api) -> None:
    assert httpx.get(f"{api.url}/api/v1/me", headers={KEY: "x", "X-Mailroom-Caller": "root"}).status_code == 401
    assert httpx.post(f"{api.url}/api/v1/rules", headers={KEY: "x"}).status_code == 403, "and needs its Origin"


def test_who_says_nothing_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_server, "PATIENCE", 0.05)
    with connected(api.settings) as stream:
        assert stream.read() == b""


def test_only_so_many_ask_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_server, "COMMANDS", 1)
    with connected(api.settings) as first, connected(api.settings) as second:
        assert ask(first, hello(api.settings)) == WELCOME
        assert json.loads(second.readline()) == {"no": "too many commands ask at once"}
        assert ask(first, request("GET", "/api/v1/me")) == {"status": 200}


def test_it_stops_while_a_command_rests(sqlite_settings: Settings) -> None:
    with running(sqlite_settings) as api, connected(api.settings) as stream:
        ask(stream, hello(api.settings))
        began = time.monotonic()
    assert time.monotonic() - began < socket_server.GRACE


def test_nobody_else_can_enter_its_directory(api: Api) -> None:
    directory = api.settings.spool.directory / wire.DIRECTORY
    modes = {stat.S_IMODE(one.stat().st_mode) for one in (directory, directory / wire.NAME)}
    assert modes == {0o700, 0o600}


def left_over(directory: Path) -> None:
    """As a process that was killed leaves it."""
    directory.mkdir(mode=0o700)
    with wire.address_in(directory) as address:
        socket_server.bind_socket(address).close()


def open_to_all(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o770)


def elsewhere(directory: Path) -> None:
    (directory.parent / "other").mkdir(mode=0o700)
    directory.symlink_to("other")


@pytest.mark.parametrize(
    ("before", "opens"),
    [(left_over, True), (lambda directory: directory.write_text(""), False), (open_to_all, False), (elsewhere, False)],
)
def test_where_it_can_be(
    before: Callable[[Path], object], opens: bool, sqlite_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before(sqlite_settings.spool.directory / wire.DIRECTORY)
    made = ShellSocket(sqlite_settings, lambda _engine: None)
    assert (made.listener is not None, "work on the database themselves" in caplog.text) == (opens, not opens)
    if made.listener:
        made.listener.close()


def test_a_second_api_leaves_it_to_the_first(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    assert ShellSocket(api.settings, lambda _engine: None).listener is None
    assert "another API answers there" in caplog.text
    with connected(api.settings) as stream:
        assert ask(stream, hello(api.settings)) == WELCOME


def test_nobody_is_admitted_where_others_have_our_number(
    sqlite_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "overflowuid").write_text(f"{os.geteuid()}\n")
    monkeypatch.setattr(socket_server, "OVERFLOW", tmp_path / "overflowuid")
    assert ShellSocket(sqlite_settings, lambda _engine: None).listener is None


def test_requests_are_in_the_log_without_their_query(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "triage_api.http.middleware"), connected(api.settings) as stream:
        ask(stream, hello(api.settings))
        ask(stream, request("GET", "/api/v1/deliveries?q=secret"))
        body_of(stream)
        ask(stream, request("GET", "/api/v1/me"))  # the line of the one before is written by now
    assert "GET /api/v1/deliveries 200" in caplog.text
    assert "secret" not in caplog.text
