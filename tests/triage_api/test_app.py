"""The server: ports, health, the stream of changes, and stopping."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, delete

from tests.peers.processes import HANG, free_port
from tests.triage.arriving import arrive
from tests.triage_api.conftest import Browser, opened, session_key
from triage.compliance.audit.hash_chain import seal_entries
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store.db import open_engine, transaction
from triage.store.models.staff import StaffSession
from triage_api import app as api
from triage_api.routes.operations import events


@pytest.fixture
def served(api_settings: Settings, engine: Engine) -> Iterator[str]:
    """The base address of the app on a real server."""
    stop = threading.Event()
    with opened(api_settings, engine) as app, api.bind_socket("127.0.0.1:0") as listener:
        thread = threading.Thread(target=api.serve_socket, args=(app, api_settings, listener, stop))
        thread.start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
        stop.set()
        thread.join(HANG)
        assert not thread.is_alive()


@pytest.fixture
def signed_in(served: str, engine: Engine) -> Iterator[httpx.Client]:
    """Ana's browser."""
    with httpx.Client(base_url=served, cookies={"mailroom": session_key(engine, "ana")}, timeout=HANG) as client:
        yield client


def messages(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The messages of an event stream as their fields; comments are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


def test_browsers_learn_that_something_was_committed(signed_in: httpx.Client, engine: Engine, api_settings: Settings) -> None:
    with signed_in.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = messages(answer.iter_lines())
        first = int(next(told)["id"])
        with transaction(engine) as session:
            arrive(session, api_settings)
        change = next(told)
        assert (change["event"], json.loads(change["data"]), change["id"]) == ("change", {"sequence": first + 1}, str(first + 1))
        with transaction(engine) as session:
            assert seal_entries(session).total() == first + 1
        with transaction(engine) as session:
            arrive(session, api_settings)
        assert json.loads(next(told)["data"]) == {"sequence": first + 2}


def test_who_comes_back_is_told_what_was_missed(signed_in: httpx.Client, engine: Engine, api_settings: Settings) -> None:
    with signed_in.stream("GET", "/api/v1/events") as answer:
        last = next(messages(answer.iter_lines()))["id"]
    with transaction(engine) as session:
        arrive(session, api_settings)
    with signed_in.stream("GET", "/api/v1/events", headers={"Last-Event-ID": last}) as answer:
        change = next(message for message in messages(answer.iter_lines()) if "data" in message)
        assert json.loads(change["data"]) == {"sequence": int(last) + 1}


def test_a_stream_ends_with_its_session(
    signed_in: httpx.Client, engine: Engine, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STILL_THERE", 0.05)
    with signed_in.stream("GET", "/api/v1/events") as answer:
        told = messages(answer.iter_lines())
        next(told)
        with transaction(engine) as session:
            session.execute(delete(StaffSession))
        assert list(told) == []


def test_a_stream_does_not_keep_the_server_from_stopping(app: FastAPI, api_settings: Settings, engine: Engine) -> None:
    stop = threading.Event()
    with api.bind_socket("127.0.0.1:0") as listener:
        thread = threading.Thread(target=api.serve_socket, args=(app, api_settings, listener, stop))
        thread.start()
        address = "http://{}:{}/api/v1/events".format(*listener.getsockname())
        with httpx.stream("GET", address, cookies={"mailroom": session_key(engine, "ana")}, timeout=HANG) as answer:
            told = messages(answer.iter_lines())
            next(told)
            stop.set()
            assert list(told) == []
        thread.join(HANG)
        assert not thread.is_alive()


def test_health(served: str) -> None:
    for path, text in (("/healthz", "ok\n"), ("/readyz", "ready\n")):
        answer = httpx.get(served + path, timeout=HANG)
        assert (answer.status_code, answer.text) == (200, text)
    assert "server" not in httpx.get(f"{served}/healthz", timeout=HANG).headers


def test_not_ready_without_tables(tmp_path: Path, sqlite_ana: Browser) -> None:
    office = sqlite_ana.app.state.office
    kept = office.engine
    office.engine = open_engine(f"sqlite:///{tmp_path}/empty.db")
    answer = sqlite_ana.get("//readyz")
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
    office.engine.dispose()
    office.engine = kept


def test_run_serves_until_told_to_stop(api_settings: Settings, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    own = replace(api_settings, api=replace(api_settings.api, listen=f"127.0.0.1:{port}"))
    stop = threading.Event()
    thread = threading.Thread(target=api.run_server, args=(own, stop))
    thread.start()
    transport = httpx.HTTPTransport(retries=10)
    with httpx.Client(transport=transport, timeout=HANG) as client:
        assert client.get(f"http://127.0.0.1:{port}/healthz").text == "ok\n"
    stop.set()
    thread.join(HANG)
    assert not thread.is_alive()


def test_a_port_in_use(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(BadInput, match=f"^{listen} is in use; stop the program that listens there, or set api.listen"):
            api.run_server(replace(settings, api=replace(settings.api, listen=listen)), threading.Event())


@pytest.mark.parametrize("listen", ["8080", "localhost:http", "203.0.113.7:80", "no.such.host.invalid:80"])
def test_an_address_that_cannot_be_used(settings: Settings, listen: str) -> None:
    with pytest.raises(BadInput, match=r"api\.listen"):
        api.run_server(replace(settings, api=replace(settings.api, listen=listen)), threading.Event())


def test_a_spool_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    missing = replace(settings, spool=replace(settings.spool, directory=tmp_path / "missing"))
    with pytest.raises(BadInput, match=r"spool\.directory .*missing cannot be used: .*; make it"):
        api.make_app(missing)
    assert not (tmp_path / "missing").exists()
