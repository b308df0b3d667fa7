"""Server-sent events over real HTTP: a change is told, and who comes back gets what they missed."""

import json
import threading
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import Engine

from tests.triage.arriving import arrive
from tests.triage_api.conftest import opened, token_key
from triage.config.settings import Settings
from triage.runtime.wakeup import WakeupPipe
from triage.store.db import transaction
from triage_api.app import bind_socket, serve_socket

JOE = "it+joe.fern@company.example"


@pytest.fixture
def served(settings: Settings, sqlite_engine: Engine) -> Iterator[str]:
    """The address of the real server."""
    stop = threading.Event()
    with opened(settings, sqlite_engine) as app, bind_socket("127.0.0.1:0") as listener:
        thread = threading.Thread(target=serve_socket, args=(app, settings, listener, stop))
        thread.start()
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}/api/v1"
        stop.set()
        thread.join()


def came(engine: Engine, settings: Settings) -> None:
    """Commit an act, with its wake-up."""
    with transaction(engine) as session:
        arrive(session, settings, JOE)
    pipe = WakeupPipe(settings.spool.directory, "change")
    pipe.wake()
    pipe.close()


def next_event(lines: Iterator[str]) -> dict[str, str]:
    """The next event or comment of the stream."""
    found: dict[str, str] = {}
    for line in lines:
        if not line and found:
            return found
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip()
    raise AssertionError("the stream has ended")


def next_change(lines: Iterator[str]) -> dict[str, str]:
    """The next event; comments before it tell that nothing is known yet."""
    while (found := next_event(lines)).get("event") != "change":
        pass
    return found


def test_a_change_is_told_and_who_comes_back_hears_what_they_missed(served: str, sqlite_engine: Engine, settings: Settings) -> None:
    headers = {"Authorization": f"Bearer {token_key(sqlite_engine, 'read')}"}
    with httpx.Client(headers=headers, timeout=100) as client:
        with client.stream("GET", f"{served}/events") as stream:
            lines = stream.iter_lines()
            begun = next_event(lines)
            assert begun[""] == "listening"
            came(sqlite_engine, settings)
            told = next_change(lines)
            assert json.loads(told["data"])["sequence"] == int(told["id"])
            assert int(told["id"]) > int(begun["id"])
        with client.stream("GET", f"{served}/events", headers={"Last-Event-ID": told["id"]}) as stream:
            assert next_event(stream.iter_lines())[""] == "listening"  # nothing was missed
        came(sqlite_engine, settings)
        with client.stream("GET", f"{served}/events", headers={"Last-Event-ID": told["id"]}) as stream:
            missed = next_change(stream.iter_lines())
            assert int(missed["id"]) > int(told["id"])


def test_a_token_that_may_not_read_hears_nothing(served: str, sqlite_engine: Engine) -> None:
    headers = {"Authorization": f"Bearer {token_key(sqlite_engine, 'learn')}"}
    assert httpx.get(f"{served}/events", headers=headers, timeout=100).status_code == 403
