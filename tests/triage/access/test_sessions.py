"""Sessions: one's own are listed and ended at once, others' by administrators."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW
from triage.access import sessions
from triage.actor import Actor, Role, Scope
from triage.config.settings import Settings
from triage.errors import NotAllowed, NotFound
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.staff import StaffSession

LASTS, IDLE = timedelta(hours=12), timedelta(minutes=30)


@pytest.fixture
def signed_in(engine: Engine, settings: Settings) -> Engine:
    """Ana in two browsers and one that is idle, Ben in one."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        for key, login, minutes in (("one", "ana", 5), ("two", "ana", 1), ("idle", "ana", 31), ("bens", "ben", 2)):
            then = NOW - timedelta(minutes=minutes)
            session.add(
                StaffSession(
                    key_sha256=sessions.hash_session_key(key), login=login, started_at=then, seen_at=then, client=f"192.0.2.{minutes}"
                )
            )
    return engine


def clients(engine: Engine, by: Actor, login: str, key: str = "one") -> list[tuple[str, bool]]:
    with db.read_transaction(engine) as session:
        found = sessions.list_sessions(session, by=by, login=login, key=key, lasts=LASTS, idle=IDLE, waits=timedelta(), now=NOW)
    return [(one.client, one.current) for one in found]


def test_who_sees_which(signed_in: Engine) -> None:
    assert clients(signed_in, ANA, "ana") == [("192.0.2.1", False), ("192.0.2.5", True)]
    assert clients(signed_in, IDA, "ben") == [("192.0.2.2", False)]
    with pytest.raises(NotAllowed):
        clients(signed_in, BEN, "ana")


@pytest.mark.parametrize(
    ("scope", "login", "may"),
    [
        (("department:legal",), "ben", True),
        (("department:it", "department:legal"), " Ben ", True),
        (("department:it",), "ben", False),
        (("department:legal",), "ana", False),
        (("department:legal",), "nobody", False),
    ],
)
def test_an_administrator_of_departments_is_one_for_those_whose_scope_is_theirs(
    signed_in: Engine, scope: tuple[str, ...], login: str, may: bool
) -> None:
    by = Actor.person("ines", Role.ADMIN, Scope.parse(scope))
    if may:
        assert len(clients(signed_in, by, login)) == 1
    with db.transaction(signed_in) as session:
        if may:
            assert sessions.end_all(session, by=by, login=login, now=NOW) == 1
            return
        with pytest.raises(NotAllowed, match="your scope is department:"):
            sessions.end_all(session, by=by, login=login, now=NOW)
    with pytest.raises(NotAllowed, match="your scope is department:"):
        clients(signed_in, by, login)


def test_signing_out_everywhere_leaves_others_alone(signed_in: Engine) -> None:
    with db.transaction(signed_in) as session:
        assert sessions.end_all(session, by=ANA, login="ana", now=NOW) == 3
        assert session.scalars(select(col(StaffSession.login))).all() == ["ben"]
        record = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "sign-out")).one()
        assert (record.by, record.subject, record.items) == ("person:ana", "staff:ana", 3)


def test_an_administrator_signs_others_out(signed_in: Engine) -> None:
    with db.transaction(signed_in) as session:
        with pytest.raises(NotAllowed):
            sessions.end_all(session, by=BEN, login="ana", now=NOW)
        with pytest.raises(NotFound, match="there is no staff account “nobody”"):
            sessions.end_all(session, by=IDA, login="nobody", now=NOW)
        assert sessions.end_all(session, by=IDA, login="Ben", now=NOW) == 1
