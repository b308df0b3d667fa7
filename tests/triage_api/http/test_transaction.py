"""Requests with a read replica: searches miss nothing, reports end where its knowledge does, acts are the primary server's."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine, text
from sqlmodel import Session

from tests.peers.postgresql import Server
from tests.peers.processes import HANG
from tests.triage_api.conftest import Browser, Came
from triage.config.settings import Settings
from triage.store import db, read_replica
from triage.times import utcnow

pytestmark = pytest.mark.postgresql
JOE = "it+joe.fern@company.example"


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """SQLite has no replica."""
    return postgresql_url


@pytest.fixture
def api_settings(settings: Settings, postgresql_url: str, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The company's database is replicated."""
    monkeypatch.setattr(read_replica, "CATCH_UP", HANG)
    replicated = replace(settings.database, url=postgresql_url, read_url=postgresql_replica.url("tests"), read_lag_seconds=3600)
    return replace(settings, database=replicated)


def flush(engine: Engine) -> None:
    """The server of these tests writes later than it says: what was committed is on its disk now."""
    with db.transaction(engine) as session:
        session.execute(text("SET LOCAL synchronous_commit = on"))
        session.execute(text("INSERT INTO marker (name, number, text) VALUES ('flush', 0, '') ON CONFLICT DO NOTHING"))
        session.execute(text("UPDATE marker SET number = number + 1 WHERE name = 'flush'"))


def found(browser: Browser) -> list[str]:
    return [one["subject"] for one in browser.get("/deliveries?q=invoice").json()["items"]]


def arrived(browser: Browser) -> tuple[datetime, int]:
    """When the report on campaigns of a sender ends, and how many messages it counts."""
    report = browser.get("/senders/sales@supplier.example/history").json()
    return datetime.fromisoformat(report["until"]), sum(day["messages"] for day in report["tables"][0]["rows"])


def test_a_search_knows_all_and_a_report_says_up_to_when(
    ana: Browser, came: Came, engine: Engine, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    came(JOE, subject="Invoice 1", author="sales@supplier.example")
    flush(engine)
    assert found(ana) == ["Invoice 1"]
    with postgresql_replica.pause_replay(), monkeypatch.context() as soon:
        soon.setattr(read_replica, "CATCH_UP", 0.0)
        paused = utcnow()
        (second,) = came(JOE, subject="Invoice 2", author="sales@supplier.example")
        flush(engine)
        assert found(ana) == ["Invoice 2", "Invoice 1"]
        ends, count = arrived(ana)
        assert (ends < paused, count) == (True, 1)
        assert ana.post("/decisions", {"verb": "release", "select": {"ids": [second]}}).status_code == 201
        assert ana.get(f"/deliveries/{second}").json()["state"] == "queued"
    ends, count = arrived(ana)
    assert (ends > paused, count) == (True, 2)


def test_a_search_that_the_replica_ends_is_answered_once_more(
    ana: Browser, came: Came, engine: Engine, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    came(JOE, subject="Invoice 1")
    flush(engine)
    looks: list[bool] = []
    read_on = db.read_on

    def interrupted(connection: Connection) -> AbstractContextManager[Session]:
        looks.append(bool(connection.scalar(text("SELECT pg_is_in_recovery()"))))
        connection.rollback()
        if looks[-1]:
            postgresql_replica.disconnect_others("tests")
        return read_on(connection)

    monkeypatch.setattr(db, "read_on", interrupted)
    assert found(ana) == ["Invoice 1"]
    assert looks.count(True) == 1
