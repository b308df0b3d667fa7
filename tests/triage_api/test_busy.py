"""An SQLite file that others keep busy: what nobody asked for is left out, everything else says so in words and does nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, QueuePool, create_engine, select, update
from sqlmodel import col

from tests.triage.arriving import arrive
from tests.triage_api.conftest import Browser
from triage.actor import EVERYTHING, Actor, Role
from triage.config.settings import Settings
from triage.quarantine import presence
from triage.store import db
from triage.store.db import read_transaction, transaction
from triage.store.models.assignments import Presence
from triage.store.models.deliveries import Delivery
from triage.store.models.staff import StaffSession
from triage.times import utcnow

JOE = "it+joe.fern@company.example"
Busy = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def busy(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Busy:
    """Keeps the file busy for longer than anybody waits."""
    monkeypatch.setattr(db, "MOMENT", 0.01)
    monkeypatch.setattr(db, "BUSY_PATIENCE", 0.05)

    @contextmanager
    def writing() -> Iterator[None]:
        with transaction(sqlite_engine) as session:
            session.connection()  # the transaction begins
            yield

    return writing


def test_who_is_there_is_told_all_the_same(sqlite_ana: Browser, sqlite_engine: Engine, busy: Busy) -> None:
    with transaction(sqlite_engine) as session:
        presence.look_at(session, None, by=Actor.person("ben", Role.TRIAGE, EVERYTHING, shown="Ben Okafor"), now=utcnow())

    def say() -> list[str]:
        answer = sqlite_ana.request("PUT", "/presence", json={"delivery": None})
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()["colleagues"]]

    def there() -> set[str]:
        with read_transaction(sqlite_engine) as session:
            return set(session.scalars(select(col(Presence.login))))

    with busy():
        assert say() == ["Ben Okafor"]
    assert there() == {"ben"}
    assert say() == ["Ben Okafor"]
    assert there() == {"ana", "ben"}


def test_who_was_away_for_a_while_reads_on(sqlite_ana: Browser, sqlite_engine: Engine, busy: Busy) -> None:
    ago = utcnow() - timedelta(minutes=10)
    with transaction(sqlite_engine) as session:
        session.execute(update(StaffSession).values(seen_at=ago))

    def seen_after_a_question() -> bool:
        assert sqlite_ana.get("/departments").status_code == 200
        with read_transaction(sqlite_engine) as session:
            return session.scalars(select(col(StaffSession.seen_at))).one() > ago

    with busy():
        assert not seen_after_a_question()
    assert seen_after_a_question()


def test_what_waited_in_vain_was_not_done(sqlite_ana: Browser, sqlite_engine: Engine, settings: Settings, busy: Busy) -> None:
    with transaction(sqlite_engine) as session:
        arrive(session, settings, JOE)
    mail = sqlite_ana.get("/deliveries").json()["items"][0]
    order = {"verb": "purge", "select": {"ids": [mail["id"]]}}
    with busy():
        answer = sqlite_ana.post("/decisions", order)
        shown = sqlite_ana.get(f"/messages/{mail['message_id']}/view", headers={"Sec-Fetch-Dest": "iframe"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "The database is busy with other work. Nothing was done: try again."
    assert shown.status_code == 503
    assert "This message cannot be shown: The database is busy" in shown.text
    with read_transaction(sqlite_engine) as session:
        assert session.scalars(select(col(Delivery.state))).all() == ["held"]
    assert sqlite_ana.post("/decisions", order).status_code == 201


def test_where_no_connection_is_free_it_is_said(sqlite_ana: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    here = sqlite_ana.app.state.office
    full = create_engine(here.engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    monkeypatch.setattr(here, "engine", full)
    with full.connect():
        assert sqlite_ana.get("/departments").status_code == 503
    assert sqlite_ana.get("/departments").status_code == 200
    full.dispose()
