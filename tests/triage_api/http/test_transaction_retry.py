"""Two transactions that wait for each other: the one that the database breaks off is a request that is done again, or told to ask again."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlmodel import Session, col

from tests.peers import circle
from tests.triage_api.conftest import Browser, Came
from triage.quarantine.decisions import decide as deciding
from triage.store import ledger
from triage.store.db import TRIES, read_transaction
from triage.store.models.audit import AuditRecord
from triage.store.models.decisions import Decision

pytestmark = pytest.mark.postgresql

JOE = "it+joe.fern@company.example"
DEADLOCK = text("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$")
KEY = {"Idempotency-Key": "once"}
Spoil = Callable[[Session, int], object]  # a decision that was made; how many were before


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """SQLite has one writer at a time."""
    return postgresql_url


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Callable[[Spoil], list[Session]]:
    """Let commits of decisions fail; the sessions that tried."""
    decide = deciding.decide_or_ask

    def spoil_with(spoil: Spoil) -> list[Session]:
        sessions: list[Session] = []

        def decided(session: Session, *given: Any, **more: Any) -> Any:
            made = decide(session, *given, **more)
            sessions.append(session)
            spoil(session, len(sessions) - 1)
            return made

        monkeypatch.setattr(deciding, "decide_or_ask", decided)
        return sessions

    return spoil_with


def decisions(engine: Engine) -> int:
    with read_transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(Decision)) or 0


def test_a_decision_that_waits_in_a_circle_is_done_again_and_once(
    ana: Browser, came: Came, engine: Engine, spoilt: Callable[[Spoil], list[Session]]
) -> None:
    (mail,) = came(JOE)
    order = {"verb": "purge", "select": {"ids": [mail]}, "reason": "a circle"}
    with circle.closed_by(engine) as enter:
        tries = spoilt(lambda session, before: before or enter(session))
        answer = ana.post("/decisions", order, headers=KEY)
    assert (answer.status_code, len(tries)) == (201, 2)
    assert ana.post("/decisions", order, headers=KEY).text == answer.text
    assert decisions(engine) == 1
    assert ana.get(f"/deliveries/{mail}").json()["state"] == "purged"


@pytest.mark.parametrize("failures", [1, TRIES - 1, TRIES])
def test_what_fails_at_its_commit_is_done_again_some_times_and_then_said(
    ana: Browser, came: Came, engine: Engine, spoilt: Callable[[Spoil], list[Session]], failures: int
) -> None:
    (mail,) = came(JOE)

    def break_off(session: Session, before: int) -> None:
        if before < failures:
            event.listen(session, "before_commit", lambda session: session.execute(DEADLOCK))

    tries = spoilt(break_off)
    answer = ana.post("/decisions", {"verb": "purge", "select": {"ids": [mail]}})
    state = ana.get(f"/deliveries/{mail}").json()["state"]
    if failures < TRIES:
        assert (answer.status_code, len(tries), decisions(engine), state) == (201, failures + 1, 1, "purged")
        return
    assert (answer.status_code, len(tries), decisions(engine), state) == (503, TRIES, 0, "held")
    assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("1", "application/problem+json")
    assert answer.json()["detail"] == "Others are changing the same data right now. Nothing was done: try again."


def test_another_fault_of_the_database_is_none_to_try_again(
    ana: Browser, came: Came, spoilt: Callable[[Spoil], list[Session]], caplog: pytest.LogCaptureFixture
) -> None:
    (mail,) = came(JOE)
    tries = spoilt(lambda session, _: session.execute(text("SELECT 1 / :none"), {"none": 0}))
    assert ana.post("/decisions", {"verb": "purge", "select": {"ids": [mail]}}).status_code == 500
    assert len(tries) == 1
    assert "division by zero" in caplog.text


def test_a_fetch_whose_record_fails_is_on_record_before_it_leaves(
    ana: Browser, came: Came, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = came(JOE)
    message = ana.get(f"/deliveries/{mail}").json()["message_id"]
    write = ledger.write_act
    tries: list[str] = []

    def colliding(session: Session, act: str, *given: Any, **more: Any) -> None:
        tries.append(act)
        if len(tries) == 1:
            session.execute(DEADLOCK)
        write(session, act, *given, **more)

    monkeypatch.setattr(ledger, "write_act", colliding)
    assert ana.get(f"/messages/{message}/headers").status_code == 200
    with read_transaction(engine) as session:
        seen = session.scalars(select(col(AuditRecord.subject)).where(col(AuditRecord.act) == "fetch")).all()
    assert (tries, seen) == (["fetch", "fetch"], [f"message:{message}"])
