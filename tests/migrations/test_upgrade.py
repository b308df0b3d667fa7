"""The database's versions: an empty one is filled, an old one is refused with the command to run, models and tables agree."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from migrations import concurrent_indexes, upgrade, version as versions, word_table
from tests.peers import circle
from tests.peers.postgresql import Server
from tests.peers.processes import HANG, until
from tests.triage import arriving
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.store import db
from triage.store.models.deliveries import Delivery

JOE = "it+joe.fern@company.example"

# of SQLite and of PostgreSQL: no model says so
WORD_INDEX = ("delivery_words", "delivery_words_by_pieces", "message_word_index", "message_by_words")


def test_an_empty_database_gets_its_tables_once(tmp_path: Path) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path}/fresh.db")
    with pytest.raises(BadInput, match=r"the database is empty, this program needs .*: run `mailroom db upgrade`"):
        versions.check(engine)
    assert upgrade.upgrade(engine) == (None, versions.newest())
    assert upgrade.upgrade(engine) == (versions.newest(), versions.newest())
    versions.check(engine)
    engine.dispose()


def test_the_tables_are_the_models(engine: Engine) -> None:
    assert Delivery.__tablename__ in SQLModel.metadata.tables
    opts = {"include_name": lambda name, *_: not str(name).startswith(WORD_INDEX)}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), SQLModel.metadata) == []


@pytest.mark.parametrize(("version", "says"), [("0000", "has version 0000, this program needs"), ("9999", "made by a newer one")])
def test_another_version_is_refused(sqlite_engine: Engine, version: str, says: str) -> None:
    with sqlite_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(BadInput, match=says):
        (versions.check if version == "0000" else upgrade.upgrade)(sqlite_engine)


def test_a_database_that_is_down_is_named(tmp_path: Path) -> None:
    engine = db.open_engine(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(BadInput, match=r"the database cannot be opened: .*; check database\.url"):
        versions.check(engine)


def test_files_are_named_by_their_versions() -> None:
    assert upgrade.open_steps(upgrade.SINCE)[1].get_heads() == [versions.newest()]
    assert upgrade.open_steps(upgrade.SINCE)[1].get_bases() == upgrade.open_steps(upgrade.BEFORE)[1].get_heads() == [upgrade.BASELINE]


@pytest.mark.parametrize("wrong", ["missing", "broken off"])
def test_large_indexes_are_built_when_they_are_missing(postgresql_engine: Engine, wrong: str) -> None:
    with postgresql_engine.begin() as connection:
        if wrong == "missing":
            connection.execute(text("DROP INDEX delivery_words_by_pieces"))
        else:  # what a CREATE INDEX CONCURRENTLY leaves that somebody stopped
            connection.execute(text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'delivery_words_by_pieces'::regclass"))
    assert not db.has_word_index(postgresql_engine)
    assert upgrade.upgrade(postgresql_engine) == (versions.newest(), versions.newest())
    assert db.has_word_index(postgresql_engine)


def test_an_upgrade_whose_large_indexes_do_not_come_about_is_one(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the installer would start the program of before, which cannot read the database any more."""

    def fail(_: Engine) -> None:
        raise OperationalError("CREATE INDEX", {}, Exception("could not extend file: No space left on device"))

    monkeypatch.setattr(concurrent_indexes, "build", fail)
    assert upgrade.upgrade(sqlite_engine) == (versions.newest(), versions.newest())
    assert "`mailroom db upgrade` makes them: could not extend file: No space left on device" in caplog.text


@pytest.mark.postgresql
def test_nobody_waits_with_an_upgrade_for_a_table_that_is_being_dumped(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upgrade, "PATIENCE", 0.2)
    engine = db.open_engine(postgresql_server.create("dumped"))
    with engine.begin() as connection:
        upgrade.migrate(connection, "0055")
    with ThreadPoolExecutor(1) as pool:
        with db.read_transaction(engine) as dump:
            dump.execute(text("SELECT count(*) FROM mail_group"))
            upgrading = pool.submit(upgrade.upgrade, engine)
            until(lambda: "somebody else holds a table" in caplog.text, "the upgrade has waited in vain")
            with db.read_transaction(engine) as other:
                assert other.scalar(text("SELECT count(*) FROM mail_group")) == 0
        assert upgrading.result() == ("0055", versions.newest())
    engine.dispose()


UPGRADE = "import sys; from migrations.upgrade import upgrade; from triage.store.db import open_engine; upgrade(open_engine(sys.argv[1]))"


@pytest.mark.postgresql
def test_two_nodes_upgrade_at_once(postgresql_server: Server) -> None:
    url = postgresql_server.create("two_nodes")
    nodes = [subprocess.Popen([sys.executable, "-c", UPGRADE, url], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [node.communicate()[1] for node in nodes] == ["", ""]
    assert [node.returncode for node in nodes] == [0, 0]


def test_two_nodes_build_at_once(postgresql_engine: Engine) -> None:
    with postgresql_engine.begin() as connection:
        connection.execute(text("DROP INDEX delivery_words_by_pieces"))
    with ThreadPoolExecutor(2) as nodes:
        with db.read_transaction(postgresql_engine) as session:  # a build waits for whoever reads as of an earlier moment
            assert session.scalar(text("SELECT count(*) FROM delivery")) == 0
            first = nodes.submit(concurrent_indexes.build, postgresql_engine)
            until(lambda: building(postgresql_engine), "an index is being built")
            second = nodes.submit(concurrent_indexes.build, postgresql_engine)
            time.sleep(2 * concurrent_indexes.PAUSE)
        first.result()
        second.result()
    assert db.has_word_index(postgresql_engine)


def building(engine: Engine) -> bool:
    """Whether an index is being built."""
    with engine.connect() as connection:
        return bool(connection.scalar(concurrent_indexes.UNDER_WAY, {"names": list(concurrent_indexes.INDEXES)}))


def test_an_index_is_dropped_when_what_replaces_it_is_there(postgresql_engine: Engine) -> None:
    with postgresql_engine.begin() as connection:
        connection.execute(text("CREATE INDEX delivery_by_campaign ON delivery (campaign_id, state)"))
        connection.execute(text("DROP INDEX delivery_of_campaign"))
    concurrent_indexes.build(postgresql_engine)
    with postgresql_engine.connect() as connection:
        names = set(connection.execute(text("SELECT indexname FROM pg_indexes WHERE tablename = 'delivery'")).scalars())
    assert "delivery_of_campaign" in names
    assert "delivery_by_campaign" not in names


def test_mail_comes_in_while_a_large_index_is_built(postgresql_engine: Engine, settings: Settings) -> None:
    with db.transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
        arriving.arrive(session, settings, JOE)
        session.execute(text("DROP INDEX delivery_words_by_pieces"))
        columns = ", ".join(name for name in Delivery.model_fields if name not in ("id", "recipient"))
        new = f"SELECT id + n, n || recipient, {columns} FROM delivery, generate_series(1, 20000) n"
        session.execute(text(f"INSERT INTO delivery (id, recipient, {columns}) {new}"))
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(concurrent_indexes.build, postgresql_engine)
        came = 0
        while not building.done() or not came:
            with db.transaction(postgresql_engine) as session:
                session.execute(text("SET LOCAL lock_timeout = '1s'"))
                came += len(arriving.arrive(session, settings, JOE))
        building.result()
    assert db.has_word_index(postgresql_engine)


ROWS = 20_000
RELEASED = "0046"  # the version of the first release's database
LARGE = ("audit_record", "attempt", "content", "correspondent", "decision_item", "delivery", "message", "recalled", "sent_mail")
SLOW = re.compile(
    rf"\s*(UPDATE|DELETE FROM|CREATE (UNIQUE )?INDEX \S+ ON|ALTER TABLE(?=.* ALTER COLUMN \S+ (?!DROP NOT NULL))) +({'|'.join(LARGE)})\b",
    re.IGNORECASE,
)


@pytest.fixture
def released(postgresql_server: Server) -> Iterator[Engine]:
    """A database as the first release made it."""
    engine = db.open_engine(postgresql_server.create("released"))
    with engine.begin() as connection:
        upgrade.migrate(connection, RELEASED)
    yield engine
    engine.dispose()
    with psycopg.connect(postgresql_server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE released WITH (FORCE)")


@pytest.mark.postgresql
def test_no_step_since_the_first_release_goes_through_a_large_table(released: Engine) -> None:
    """Steps hold their locks until the last one ends, so slow work belongs to `migrations.concurrent_indexes`."""
    said: list[str] = []
    event.listen(released, "before_cursor_execute", lambda _connection, _cursor, statement, *_: said.append(statement))
    with released.begin() as connection:
        upgrade.migrate(connection)
    assert any("CREATE TABLE" in statement for statement in said)
    assert [statement for statement in said if SLOW.match(statement)] == []


@pytest.mark.postgresql
def test_a_full_table_is_written_while_it_is_upgraded(released: Engine) -> None:
    """Writers alternate with the short steps and wait for no index; every written row stays."""
    with released.begin() as connection:
        fill(connection, ROWS)
    write = text("UPDATE delivery SET weight = weight + 1 WHERE id = :id")
    with ThreadPoolExecutor(1) as pool:
        upgrading = pool.submit(upgrade.upgrade, released)
        written = 0
        while not upgrading.done() or not written:
            with db.transaction(released) as session:
                session.execute(text(f"SET LOCAL lock_timeout = '{HANG:.0f}s'"))
                session.execute(write, {"id": written % ROWS + 1})
            written += 1
        assert upgrading.result() == (RELEASED, versions.newest())
    with db.read_transaction(released) as session:
        assert session.scalar(text("SELECT sum(weight) FROM delivery")) == written
    assert db.has_word_index(released)


NEEDED = text(
    "SELECT column_name, data_type FROM information_schema.columns"
    " WHERE table_name = :name AND is_nullable = 'NO' AND column_default IS NULL"
)


def fill(connection: Connection, last: int, first: int = 1) -> None:
    """Inserts a message for several recipients, of these ids; a column that must be filled gets a value of its type."""
    begins = {"bigint": "0", "integer": "0", "boolean": "false", "json": "'{}'"}
    for name in ("content", "message", "delivery"):
        columns = connection.execute(NEEDED, {"name": name}).all()
        given = {column: begins.get(kind, "'a word'") for column, kind in columns} | {"id": "n"}
        given |= {column: "1" for column in ("content_id", "message_id") if column in given}
        given |= {column: "'r' || n" for column in ("recipient", "search") if column in given}
        ends = (first, last) if name == "delivery" else (1, 1)
        rows = f"SELECT {', '.join(given.values())} FROM generate_series({ends[0]}, {ends[1]}) n"
        connection.execute(text(f"INSERT INTO {name} ({', '.join(given)}) {rows} ON CONFLICT DO NOTHING"))


def test_without_the_right_to_add_pg_trgm_the_rest_is_built(postgresql_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    engine = db.open_engine(postgresql_server.create("poor"))
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE poor LOGIN"))
        connection.execute(text("GRANT CREATE ON SCHEMA public TO poor"))
    poor = db.open_engine(replace(postgresql_server, user="poor").url("poor"))
    upgrade.upgrade(poor)
    assert not db.has_word_index(poor)
    assert "pg_trgm is missing and cannot be added" in caplog.text
    versions.check(poor)
    poor.dispose()
    engine.dispose()


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("proof", "weight", "keeps"), [("dmarc", 0, True), ("", 0, False), ("dmarc", 40, False)], ids=["verified", "unproven", "suspicious"]
)
def test_held_messages_lose_the_points_for_a_deadline_and_deadlines_that_do_not_count(
    postgresql_server: Server, proof: str, weight: int, keeps: bool
) -> None:
    engine = db.open_engine(postgresql_server.create(f"deadlines{proof}{weight}"))
    why = '[{"name": "perishes", "points": 25, "sentence": "P."}, {"name": "proven", "points": 10, "sentence": "Q."}]'
    with engine.begin() as connection:
        upgrade.migrate(connection, "0063")
        fill(connection, 1)
        values = {"why": why, "proof": proof, "weight": weight}
        connection.execute(
            text(
                "UPDATE delivery SET state = 'held', urgency = 85, why_here = :why, perishable_until = 7, proof = :proof, weight = :weight"
            ),
            values,
        )
    assert upgrade.upgrade(engine) == ("0063", versions.newest())
    with engine.connect() as connection:
        urgency, until = connection.execute(text("SELECT urgency, time_limited_until FROM delivery")).one()
        assert (urgency, until) == (60, 7 if keeps else None)
    engine.dispose()


@pytest.mark.postgresql
def test_words_of_what_is_held_can_be_searched_after_an_upgrade(postgresql_server: Server) -> None:
    engine = db.open_engine(postgresql_server.create("words"))
    said = '{"subject": "Draft", "attachments": [{"name": "plan-b.pdf", "names": ["annex.docx"]}]}'
    with engine.begin() as connection:
        upgrade.migrate(connection, "0082")
        fill(connection, 1)
        connection.execute(text("UPDATE message SET summary = :said, text = 'Our lawyers, our terms'"), {"said": said})
        connection.execute(text("UPDATE delivery SET state = 'held', department = 'it'"))
    upgrade.upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT words FROM message_words")) == "draft plan b pdf annex docx our lawyers terms"
    engine.dispose()


@pytest.fixture
def before_words(postgresql_server: Server) -> Iterator[Engine]:
    """A database with five deliveries, before the words of deliveries had a table of their own."""
    engine = db.open_engine(postgresql_server.create("before_words"))
    with engine.begin() as connection:
        upgrade.migrate(connection, "0104")
        fill(connection, 5)
    yield engine
    engine.dispose()
    with psycopg.connect(postgresql_server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE before_words WITH (FORCE)")


def words_of_deliveries(engine: Engine) -> dict[int, str]:
    """The words of each delivery, by its id."""
    with engine.connect() as connection:
        return dict(iter(connection.execute(text("SELECT delivery_id, search FROM delivery_words"))))


@pytest.mark.postgresql
def test_an_upgrade_that_was_broken_off_goes_on_copying_words(before_words: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile the program of before erases, deletes and enters deliveries."""
    with monkeypatch.context() as patch:
        patch.setattr(word_table, "SLICE", 2)
        patch.setattr(word_table, "copy_next", fail_after(word_table.copy_next, 1))
        with pytest.raises(OperationalError, match="No space left"):
            upgrade.upgrade(before_words)
    assert (versions.present(before_words), words_of_deliveries(before_words)) == ("0104", {1: "r1", 2: "r2"})
    with before_words.begin() as connection:
        connection.execute(text("UPDATE delivery SET search = '' WHERE id IN (1, 3)"))
        connection.execute(text("DELETE FROM delivery WHERE id IN (2, 4)"))
        fill(connection, 6, first=6)
    assert upgrade.upgrade(before_words) == ("0104", versions.newest())
    assert words_of_deliveries(before_words) == {1: "", 3: "", 5: "r5", 6: "r6"}


def fail_after(work: Callable[..., int | None], times: int) -> Callable[..., int | None]:
    """The same work so many times, and then a full disk."""
    left = iter(range(times))

    def do(*values: Any) -> int | None:
        if next(left, None) is None:
            raise OperationalError("INSERT", {}, Exception("No space left on device"))
        return work(*values)

    return do


@pytest.mark.postgresql
def test_no_words_are_copied_that_are_being_erased(before_words: Engine) -> None:
    with before_words.begin() as connection:
        word_table.make_table(connection)
    with ThreadPoolExecutor(1) as pool:
        with before_words.begin() as erasing:
            erasing.execute(text("UPDATE delivery SET search = '' WHERE id = 3"))
            erasing.execute(text("DELETE FROM delivery WHERE id = 4"))
            copying = pool.submit(word_table.fill_table, before_words)
            until(lambda: circle.somebody_waits(before_words), "the copy waits for the erasure")
        copying.result(HANG)
    assert words_of_deliveries(before_words) == {1: "r1", 2: "r2", 3: "", 5: "r5"}


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_steps_that_are_broken_off_leave_everything_as_it_was(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The disk is full when one of the last steps is through. The next upgrade keeps what was there, under the new names."""
    server = request.getfixturevalue("postgresql_server") if kind == "postgresql" else None
    engine = db.open_engine(server.create("broken") if server else f"sqlite:///{tmp_path / 'broken.db'}")
    rows = (
        "INSERT INTO alarm VALUES ('queue', 'it', '', 1, 1, NULL, 0, 'many', NULL)",
        (
            "INSERT INTO expectation (id, person, person_shown, sender, words, announced_at, until)"
            " VALUES (1, 'joe.fern', 'Joe Fern', 'a.example', 'an offer', 1, 2)"
        ),
    )
    with engine.begin() as connection:
        upgrade.migrate(connection, "0102")
        for row in rows:
            connection.execute(text(row))

    def fill_disk(_connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        if words.startswith("UPDATE alembic_version SET version_num='0107'"):
            raise OperationalError(words, {}, Exception("No space left on device"))

    event.listen(engine, "after_cursor_execute", fill_disk)
    with pytest.raises(OperationalError, match="No space left"):
        upgrade.upgrade(engine)
    event.remove(engine, "after_cursor_execute", fill_disk)
    assert versions.present(engine) == "0102"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT words FROM alarm")) == "many"
    assert upgrade.upgrade(engine) == ("0102", versions.newest())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT cause, department, words FROM open_alert")).one() == ("queue", "it", "many")
        assert connection.execute(text("SELECT sender, words, is_code FROM expectation")).one() == ("a.example", "an offer", False)
        opts = {"include_name": lambda name, *_: not str(name).startswith(WORD_INDEX)}
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), SQLModel.metadata) == []
    engine.dispose()


def test_servers_that_hosts_named_are_read_again_after_an_upgrade(tmp_path: Path) -> None:
    """Undecided entries stay as they are."""
    engine = db.open_engine(f"sqlite:///{tmp_path / 'proofs.db'}")
    rows = (("a.example", "spf:mx.a.example 192.0.0.0/16", 1), ("a.example", "dkim:a.example", 1), ("b.example", "dkim:b.example", 1))
    open_rows = (("c.example", "spf:mx.c.example 192.0.0.0/16", None), ("c.example", "dkim:c.example", 1))
    with engine.begin() as connection:
        upgrade.migrate(connection, "0089")
        for domain, way, usual_at in (*rows, *open_rows):
            connection.execute(
                text("INSERT INTO domain_proof VALUES (:domain, :way, 1, 1, :usual_at, true, '', 0, '', 0)"),
                {"domain": domain, "way": way, "usual_at": usual_at},
            )
    upgrade.upgrade(engine)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT domain, refused_at FROM domain_proof ORDER BY domain")).all()
        assert left == [("b.example", None), ("c.example", None), ("c.example", None)]
    engine.dispose()


def test_open_alerts_have_the_names_of_the_settings_after_an_upgrade(tmp_path: Path) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path / 'alerts.db'}")
    causes = ["brake", "let-in", "perishable", "queue"]
    with engine.begin() as connection:
        upgrade.migrate(connection, "0100")
        for cause in causes:
            connection.execute(text("INSERT INTO alarm VALUES (:cause, '', '', 1, 1, NULL, 0, '', NULL)"), {"cause": cause})
            connection.execute(text("INSERT INTO sent_alert VALUES ('staff:ana', :cause, '', '', 1)"), {"cause": cause})
    upgrade.upgrade(engine)
    with engine.connect() as connection:
        for name in ("open_alert", "sent_alert"):
            left = connection.scalars(text(f"SELECT cause FROM {name} ORDER BY cause"))
            assert list(left) == ["brake", "outgoing", "suspicious-delivered", "time-limited"]
    engine.dispose()
