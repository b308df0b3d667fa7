"""Long questions go to a real PostgreSQL standby while it knows enough, and to the primary server whenever it does not."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from tests.peers.postgresql import Server
from tests.peers.processes import HANG
from triage.config.settings import Database
from triage.errors import BadInput
from triage.store import db, read_replica
from triage.store.models.markers import Marker
from triage.store.read_replica import ReadReplica, ReplicaFailed
from triage.times import utcnow

HOUR = timedelta(hours=1)
PRIMARY, REPLICA = "primary", "replica"
MARKERS = text("SELECT name FROM marker WHERE name <> 'message-records'")


@pytest.fixture
def reads(
    postgresql_engine: Engine, postgresql_url: str, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReadReplica]:
    """Both servers; the replica has answered once, and is given all the time that a busy machine needs."""
    monkeypatch.setattr(read_replica, "CATCH_UP", HANG)
    monkeypatch.setattr(read_replica, "FAR_BEHIND", HOUR)
    made = ReadReplica(postgresql_engine, Database(postgresql_url, read_url=postgresql_replica.url("tests"), read_lag_seconds=3600))
    write(postgresql_engine, "before")
    assert asked(made, may_lag=True)[0] == REPLICA
    yield made
    made.close()


def write(engine: Engine, name: str) -> None:
    """Commit something as the product requires it; the server of these tests is told to be quicker."""
    with db.transaction(engine) as session:
        if db.is_postgresql(session):
            session.execute(text("SET LOCAL synchronous_commit = on"))
        session.add(Marker(name=name))


def asked(reads: ReadReplica, *, may_lag: bool = False) -> tuple[str, set[str]]:
    """Returns which server answers, and the names it knows."""
    with reads.read(may_lag=may_lag) as session:
        return server_of(session), set(session.scalars(MARKERS))


def server_of(session: Session) -> str:
    return REPLICA if session.scalar(text("SELECT pg_is_in_recovery()")) else PRIMARY


def asked_until_ended(reads: ReadReplica, replica: Server) -> None:
    with reads.read() as session:
        assert server_of(session) == REPLICA
        replica.disconnect_others("tests")
        session.execute(MARKERS)


def asked_while_the_primary_fails(reads: ReadReplica) -> None:
    with reads.read() as session, db.transaction(reads.primary) as other:
        assert server_of(session) == REPLICA
        other.execute(text("SELECT 1 / 0"))


@pytest.mark.postgresql
def test_who_asks_sees_all_that_was_committed_before(reads: ReadReplica) -> None:
    for number in range(5):
        write(reads.primary, f"{number}")
        before = utcnow()
        with reads.read() as session:
            assert f"{number}" in set(session.scalars(MARKERS))
            assert server_of(session) == REPLICA
            assert read_replica.as_of(session) >= before - timedelta(seconds=1)


@pytest.mark.postgresql
def test_what_lags_answers_who_may_be_told_something_older(
    reads: ReadReplica, postgresql_replica: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgresql_replica.pause_replay(), monkeypatch.context() as soon:
        soon.setattr(read_replica, "FAR_BEHIND", timedelta(0))
        write(reads.primary, "after")
        now = utcnow()
        assert asked(reads) == (PRIMARY, {"before", "after"})
        assert asked(reads, may_lag=True) == (REPLICA, {"before"})
        with reads.read(may_lag=True) as session:
            assert now - HOUR < read_replica.as_of(session) < now
        reads.most_lag = timedelta(0)
        assert asked(reads, may_lag=True) == (PRIMARY, {"before", "after"})
    assert asked(reads) == (REPLICA, {"before", "after"})


@pytest.mark.postgresql
def test_a_question_that_the_replica_ends_is_answered_by_the_primary(
    reads: ReadReplica, postgresql_replica: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(ReplicaFailed):
        asked_until_ended(reads, postgresql_replica)
    assert asked(reads)[0] == PRIMARY
    reads.rests_until = 0.0  # a while later
    assert asked(reads)[0] == REPLICA
    said = [record.getMessage().partition(":")[0] for record in caplog.records if record.name == read_replica.__name__]
    assert said == ["database.read_url is not used, database.url answers alone", "database.read_url is used again"]


@pytest.mark.postgresql
def test_a_question_that_the_replica_cancels_is_answered_by_the_primary(reads: ReadReplica) -> None:
    with pytest.raises(ReplicaFailed, match="cancel"), reads.read() as session:
        session.execute(text("SELECT pg_cancel_backend(pg_backend_pid())"))  # its connection lives on, as after a conflict with recovery
    assert asked(reads)[0] == PRIMARY


@pytest.mark.postgresql
def test_a_fault_of_another_database_is_none_of_the_replica(reads: ReadReplica) -> None:
    with pytest.raises(DBAPIError, match="division by zero"):
        asked_while_the_primary_fails(reads)
    assert asked(reads)[0] == REPLICA


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://nobody@/none?host=/nowhere", "connection"),
        ("the primary itself", "it is not a standby"),
    ],
)
def test_what_is_no_replica_is_not_used(
    postgresql_engine: Engine, postgresql_url: str, caplog: pytest.LogCaptureFixture, url: str, why: str
) -> None:
    reads = ReadReplica(postgresql_engine, Database(postgresql_url, read_url=url if "://" in url else postgresql_url))
    for _ in range(2):
        assert asked(reads, may_lag=True)[0] == PRIMARY
    (said,) = [record.getMessage() for record in caplog.records if record.name == read_replica.__name__]
    assert why in said
    reads.close()


@pytest.mark.postgresql
def test_a_standby_of_another_server_is_not_used(reads: ReadReplica, monkeypatch: pytest.MonkeyPatch) -> None:
    position, now, cluster = reads.read_position()
    monkeypatch.setattr(reads, "read_position", lambda: (position, now, cluster + 1))
    assert asked(reads, may_lag=True)[0] == PRIMARY
    assert reads.fault == "it replicates another server"


@pytest.mark.parametrize(
    ("database", "said"),
    [
        (Database("sqlite:///a.db", read_url="postgresql://b/c"), "database.url must begin with postgresql://"),
        (Database("postgresql://a/c", read_url="sqlite:///b.db"), "database.read_url must begin with postgresql://"),
        (Database("postgresql://a/c", read_url="postgresql://b/c", read_lag_seconds=0), "database.read_lag_seconds must be 1 or more"),
        (Database("postgresql://a/c", read_url="postgresql://b:x/c"), "database.read_url must be postgresql://USER:PASSWORD@HOST"),
    ],
)
def test_settings_that_cannot_be_meant(database: Database, said: str) -> None:
    with pytest.raises(BadInput, match=said.replace("(", r"\(")):
        read_replica.check_read_url(database)


def test_without_a_replica_the_database_answers(sqlite_engine: Engine) -> None:
    reads = ReadReplica(sqlite_engine, Database())
    write(sqlite_engine, "here")
    with reads.read(may_lag=True) as session:
        assert "here" in session.scalars(MARKERS).all()
        assert utcnow() - read_replica.as_of(session) < HOUR
    reads.close()
