"""Transactions: all or nothing, patient with other writers, and ids without number."""

import os
import socket
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, and_, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from tests.peers.postgresql import Server
from tests.peers.processes import HANG
from tests.triage import arriving
from triage import ids
from triage.errors import BadInput
from triage.store import db, versions
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.times import utcnow


def test_writers_wait_for_each_other_and_lose_nothing(engine: Engine) -> None:
    with db.transaction(engine) as session:
        versions.advance_version(session, "count")

    def count() -> None:
        for _ in range(25):
            with db.transaction(engine) as session:
                versions.advance_version(session, "count")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read_transaction(engine) as session:
        assert versions.read_version(session, "count") == 101


def test_a_reader_waits_for_no_writer(engine: Engine) -> None:
    with db.transaction(engine) as writer:
        versions.advance_version(writer, "half")
        with db.read_transaction(engine) as reader:
            assert versions.read_version(reader, "half") == 0


def test_a_reader_sees_one_moment(engine: Engine) -> None:
    with db.read_transaction(engine) as reader:
        assert versions.read_version(reader, "moment") == 0
        with db.transaction(engine) as writer:
            versions.advance_version(writer, "moment")
        assert versions.read_version(reader, "moment") == 0


def test_the_disk_gets_back_what_a_long_reader_let_the_journal_take(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "JOURNAL", 100_000)
    engine, journal = db.open_engine(sqlite_url), Path(sqlite_url.removeprefix("sqlite:///") + "-wal")

    def write(size: int) -> int:
        with db.transaction(engine) as session:
            session.merge(Marker(name="written", text="x" * size))
        return journal.stat().st_size

    with db.read_transaction(engine) as reader:
        versions.read_version(reader, "written")
        assert write(5_000_000) > 5_000_000
    assert [write(size) for size in (1, 2, 3)][-1] <= db.JOURNAL
    engine.dispose()


def test_a_reader_cannot_write(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), db.read_transaction(engine) as reader:
        versions.advance_version(reader, "moment")
    with db.transaction(engine) as writer:  # on the same connection of the pool
        versions.advance_version(writer, "moment")


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("statement", "away"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
        ("DO $$ BEGIN RAISE EXCEPTION 'too many' USING ERRCODE = '53300'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$", False),
        ("SELECT nothing FROM nowhere", False),
    ],
)
def test_which_faults_of_postgresql_pass(statement: str, away: bool, postgresql_engine: Engine) -> None:
    with pytest.raises(DBAPIError) as fault, db.transaction(postgresql_engine) as session:
        session.execute(text(statement))
    assert db.does_not_answer(fault.value) is away


def test_postgresql_compiles_no_question(postgresql_engine: Engine) -> None:
    with postgresql_engine.connect() as connection:
        assert connection.scalar(text("SHOW jit")) == "off"


def test_a_server_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(DBAPIError) as fault, db.read_transaction(db.open_engine(f"postgresql://nobody@/none?host={tmp_path}")):
        pass
    assert db.does_not_answer(fault.value)


@pytest.mark.postgresql
def test_a_server_without_a_word_is_given_up_for_the_next(postgresql_server: Server) -> None:
    """The address accepts connections but never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hosts = f"host=127.0.0.1:{silent.getsockname()[1]}&host={postgresql_server.directory}:5432"
        engine = db.open_engine(f"postgresql://{postgresql_server.user}@/postgres?{hosts}")
        begun = time.monotonic()
        with db.read_transaction(engine) as session:
            assert session.scalar(text("SELECT 1")) == 1
        engine.dispose()
    assert time.monotonic() - begun < HANG / 2, "the library waits for two minutes"


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ("?host=a", {"connect_timeout": 10, "tcp_user_timeout": 5000}),
        ("?host=a:5432&host=b:5432", {"connect_timeout": 3, "tcp_user_timeout": 5000}),
        ("?host=a&connect_timeout=60&tcp_user_timeout=0", {}),
    ],
)
def test_how_long_a_server_is_waited_for(more: str, waits: dict[str, int]) -> None:
    told = db.waits_for_server(make_url(f"postgresql+psycopg://mailroom@/mailroom{more}"))
    assert {name: value for name, value in told.items() if not name.startswith("keepalives")} == waits


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("code", "times", "tries"),
    [("40P01", 1, 2), ("40001", db.TRIES - 1, db.TRIES), ("40P01", 9, db.TRIES), ("22012", 1, 1)],
)
def test_what_gave_way_is_carried_out_again_and_once(code: str, times: int, tries: int, postgresql_engine: Engine) -> None:
    tried: list[int] = []

    def work(session: Session) -> int:
        versions.advance_version(session, "work")
        tried.append(1)
        if len(tried) <= times:
            session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))
        return len(tried)

    with suppress(DBAPIError):
        assert db.carry_out(postgresql_engine, work) == tries
    with db.read_transaction(postgresql_engine) as session:
        assert (len(tried), versions.read_version(session, "work")) == (tries, int(tries > times))


def test_what_is_done_in_passing_waits_for_nobody(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "MOMENT", 0.01)

    def work(session: Session) -> None:
        versions.advance_version(session, "work")

    with db.transaction(sqlite_engine) as other:
        work(other)
        db.try_transaction(sqlite_engine, work)
    db.try_transaction(sqlite_engine, work)
    with db.read_transaction(sqlite_engine) as session:
        assert versions.read_version(session, "work") == 2
    with pytest.raises(DBAPIError, match="no such table"):
        db.try_transaction(sqlite_engine, lambda session: session.execute(text("SELECT 1 FROM nowhere")))


def test_what_fails_is_undone_whole(engine: Engine) -> None:
    def fail() -> None:
        with db.transaction(engine) as session:
            versions.advance_version(session, "half")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()
    with db.read_transaction(engine) as session:
        assert versions.read_version(session, "half") == 0


@pytest.mark.parametrize("number", [0, 1, 100_000])
def test_among_any_number_of_ids(engine: Engine, number: int) -> None:
    wanted = [ids.new_id() for _ in range(number)]
    with db.transaction(engine) as session:
        session.add_all(Marker(name=name, number=value) for name, value in (("in", wanted[-1] if wanted else 1), ("out", 7)))
        session.flush()
        found = session.scalars(select(col(Marker.name)).where(db.is_among(session, col(Marker.number), wanted))).all()
    assert found == (["in"] if wanted else [])


def test_sqlite_commits_survive_a_power_cut(sqlite_engine: Engine) -> None:
    with closing(sqlite_engine.raw_connection()) as connection:  # as it was opened: what tests use otherwise is in a hurry
        said = {
            name: connection.cursor().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2 is FULL


@pytest.mark.parametrize("cache", [db.CACHE, db.LARGE_CACHE])
def test_each_sqlite_connection_keeps_so_many_mb_of_pages(tmp_path: Path, cache: int) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path}/mailroom.db", cache=cache)
    with closing(engine.raw_connection()) as connection:
        assert connection.cursor().execute("PRAGMA cache_size").fetchone() == (-1000 * cache,)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/x", "must begin with sqlite:/// or postgresql://, not “mysql”"),
        ("postgresql://mailroom:secret@db:port/mailroom", "must be postgresql://USER:PASSWORD@HOST:PORT/NAME"),
        ("sqlite:////no/such/place/x.db", "does not exist; make it"),
    ],
)
def test_a_database_that_cannot_be(url: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        db.open_engine(url)


def test_a_sqlite_file_in_a_directory_that_is_there(tmp_path: Path) -> None:
    db.open_engine(f"sqlite:///{tmp_path}/fresh.db").dispose()


def test_a_new_sqlite_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    """The file holds messages, and its creator may have had any umask."""
    engine = db.open_engine(f"sqlite:///{tmp_path}/fresh.db")
    before = os.umask(0)
    try:
        with engine.connect():
            pass
    finally:
        os.umask(before)
        engine.dispose()
    assert (tmp_path / "fresh.db").stat().st_mode & 0o007 == 0


def test_no_part_of_what_stands_beside_leads_to_the_rows(sqlite_engine: Engine) -> None:
    """SQLite takes a conjunction apart, also one that is said to be likely."""
    with db.read_transaction(sqlite_engine) as session:
        also = and_(col(Delivery.department) == "legal", col(Delivery.received_at) > arriving.NOW)
        asked = select(col(Delivery.id)).where(col(Delivery.author) == "a@x.example", db.correlate_condition(session, also))
        words = asked.compile(sqlite_engine, compile_kwargs={"literal_binds": True})
        (step,) = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {words}")
    assert "delivery_by_author (author=?)" in step[3]


def test_the_database_knows_better_than_a_clock_that_is_behind(engine: Engine) -> None:
    now = utcnow()
    behind, ahead = now - timedelta(hours=3), now + timedelta(hours=3)
    with db.read_transaction(engine) as session:
        assert db.at_latest(session, ahead) == ahead
        found = db.at_latest(session, behind)
    assert found == behind if engine.dialect.name == "sqlite" else abs(found - now) < timedelta(hours=1)
