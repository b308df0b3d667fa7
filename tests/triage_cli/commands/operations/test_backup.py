"""Backup and restore from the shell: what is refused, what is compared, and that a restored system is paused."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel, col

from migrations import concurrent_indexes
from mta.spool.spool import Spool
from tests.peers.postgresql import Server
from tests.peers.processes import HANG
from tests.triage.arriving import IDA, envelope
from tests.triage_cli.conftest import Arrives, Shell
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.recall import reconcile
from triage.ids import parse_id
from triage.runtime import spool_backup
from triage.store import db, restore_pause
from triage.store.delivery_state import State
from triage.store.message_record import dictionaries
from triage.store.models.deliveries import Delivery
from triage.times import utcnow
from triage_cli.services import upkeep


def pause(engine: Engine) -> None:
    """As after a restore."""
    with db.transaction(engine) as session:
        restore_pause.pause_delivery(session, backup_at=utcnow(), now=utcnow() + timedelta(days=365))


def test_a_backup_is_whole_named_and_for_nobody_else(shell: Shell, arrives: Arrives, tmp_path: Path) -> None:
    arrives()
    made = tmp_path / "backup"
    said = shell("backup", str(made))
    assert (said.code, "save it elsewhere" in said.out) == (0, True)
    assert made.stat().st_mode & 0o077 == 0
    assert json.loads((made / "manifest.json").read_text())["files"]
    again = shell("backup", str(made))
    assert (again.code, "is not empty" in again.err) == (2, True)


@pytest.mark.parametrize(("harm", "says"), [("manifest.json", "holds no manifest.json"), ("file", "is not what was written")])
def test_a_damaged_backup_is_refused_before_anything_is_touched(shell: Shell, tmp_path: Path, harm: str, says: str) -> None:
    made = tmp_path / "backup"
    assert shell("backup", str(made)).code == 0
    if harm == "file":
        name = json.loads((made / "manifest.json").read_text())["files"][0]["name"]
        (made / name).write_bytes(b"something else")
    else:
        (made / harm).unlink()
    refused = shell("backup", "restore", str(made))
    assert (refused.code, says in refused.err) == (2, True)


def test_a_backup_holds_what_the_records_of_messages_are_compressed_with(elsewhere: Path, tmp_path: Path) -> None:
    saved = {path.name: path.read_bytes() for path in (tmp_path / "backup" / "dictionaries").iterdir()}
    assert saved == {path.name: path.read_bytes() for path in dictionaries.list_files()}


def test_nothing_that_is_there_is_overwritten(shell: Shell, settings: Settings, tmp_path: Path) -> None:
    made = tmp_path / "backup"
    shell("backup", str(made))
    refused = shell("backup", "restore", str(made))
    assert (refused.code, "overwrites nothing" in refused.err) == (2, True)
    spool = Spool(settings.spool.directory)
    spool.append(envelope(), b"From: a@b.example\r\n\r\nHello\r\n").result(HANG)
    spool.close()
    refused = shell("backup", "restore", str(made))
    assert (refused.code, "already holds accepted messages" in refused.err) == (2, True)


@pytest.fixture
def elsewhere(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Target for restoring a backup of an SQLite database in `tmp_path / "backup"`."""
    for name in ("first.db", "second.db"):
        monkeypatch.setenv("MAILROOM_DATABASE__URL", f"sqlite:///{tmp_path / name}")
        if name == "first.db":
            assert [shell("db", "upgrade").code, shell("backup", str(tmp_path / "backup")).code] == [0, 0]
    return tmp_path / "second.db"


def test_an_empty_database_is_filled_for_those_who_may_use_it_and_the_backup_stays_as_it_is(
    shell: Shell, elsewhere: Path, tmp_path: Path
) -> None:
    """tmpfiles.d makes an empty file for the group, and a backup may lie where nobody can write."""
    elsewhere.touch()
    elsewhere.chmod(0o660)
    copied = tmp_path / "backup" / "mailroom.db"
    copied.chmod(0o440)
    assert shell("backup", "restore", str(tmp_path / "backup")).code == 0
    assert [path.stat().st_mode & 0o777 for path in (elsewhere, copied)] == [0o660, 0o440]
    assert shell("db", "check").code == 0


@pytest.mark.parametrize("left", ["-wal", "-journal"])
def test_what_sqlite_left_of_a_database_that_was_moved_away_does_not_get_into_the_restored_one(
    shell: Shell, elsewhere: Path, tmp_path: Path, left: str
) -> None:
    elsewhere.with_name(elsewhere.name + left).write_bytes(b"pages of another database")
    refused = shell("backup", "restore", str(tmp_path / "backup"))
    assert (refused.code, "belongs to another database" in refused.err, elsewhere.exists()) == (2, True, False)


def rows(url: str) -> dict[str, Counter[str]]:
    """All that a database holds, by its tables."""
    engine = db.open_engine(url)
    with db.read_transaction(engine) as session:
        found = {table.name: Counter(map(repr, session.execute(select(table)))) for table in SQLModel.metadata.sorted_tables}
    engine.dispose()
    return found


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_of_sqlite_goes_into_postgresql_row_by_row(
    shell: Shell,
    arrives: Arrives,
    engine: Engine,
    settings: Settings,
    database_url: str,
    postgresql_server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released, purged = arrives(), arrives(author="Łucja 😀 <lucja@firma.example>")
    for act in (("release", released), ("purge", purged, "--reason", "fraud"), ("block", "pest@pest.example", "--scope", "company")):
        assert shell(*act).code == 0
    upkeep.seal_audit_log(engine, "here:1")
    upkeep.update_counts(engine, -upkeep.COUNT_EVERY, settings)
    before = rows(database_url)
    assert shell("backup", str(tmp_path / "backup")).code == 0
    moved = postgresql_server.create(f"moved{tmp_path.name}")
    monkeypatch.setenv("MAILROOM_DATABASE__URL", moved)
    said = shell("backup", "restore", str(tmp_path / "backup"))
    assert (said.code, said.err) == (0, "")
    after = rows(moved)
    assert {name for name in after if before[name] - after[name]} == set(), "nothing is lost or changed"
    assert {name for name in after if after[name] - before[name]} == {"audit_record", "marker"}, "it is paused, and that is on the record"
    assert [shell("db", "check").code, shell("audit", "verify").code] == [0, 0]
    again = shell("backup", "restore", str(tmp_path / "backup"))
    assert (again.code, "overwrites nothing" in again.err) == (2, True)


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", [OperationalError("CREATE INDEX", None, Exception("the disk is full")), KeyboardInterrupt()])
def test_what_is_restored_stays_also_where_its_large_indexes_do_not_come_about(
    shell: Shell, settings: Settings, postgresql_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    """The database is committed by then: without the spool the message in it would be lost."""
    spool = Spool(settings.spool.directory)
    spool.append(envelope(), b"From: a@b.example\r\n\r\nHello\r\n").result(30)
    spool.close()
    waiting = spool_backup.list_batches(settings.spool.directory)
    assert shell("backup", str(tmp_path / "backup")).code == 0
    for name in waiting:
        (settings.spool.directory / name).unlink()
    monkeypatch.setenv("MAILROOM_DATABASE__URL", postgresql_server.create(f"full{tmp_path.name}"))

    def fail(engine: Engine) -> None:
        raise fault

    monkeypatch.setattr(concurrent_indexes, "build", fail)
    said = shell("backup", "restore", str(tmp_path / "backup"))
    assert (len(waiting), spool_backup.list_batches(settings.spool.directory)) == (1, waiting)
    assert shell("db", "check").code == 0
    if isinstance(fault, OperationalError):
        assert (said.code, "`mailroom db upgrade`" in said.err, "is restored" in said.out) == (0, True, True)


@pytest.mark.parametrize(
    ("of", "url", "why"),
    [
        ({"database": "postgresql"}, "sqlite:///{0}/second.db", "name a database of PostgreSQL"),
        ({"revision": "0001"}, "postgresql://nobody@/none", "take the backup with this version of Mailroom"),
    ],
)
def test_what_no_database_of_that_kind_takes(
    shell: Shell, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: dict[str, str], url: str, why: str
) -> None:
    manifest = tmp_path / "backup" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | of))
    monkeypatch.setenv("MAILROOM_DATABASE__URL", url.format(tmp_path))
    refused = shell("backup", "restore", str(tmp_path / "backup"))
    assert (refused.code, why in refused.err, elsewhere.exists()) == (2, True, False)


def test_a_directory_that_is_not_there_is_no_id(shell: Shell, tmp_path: Path) -> None:
    refused = shell("backup", "restore", str(tmp_path / "gone"))
    assert (refused.code, "gone' does not exist" in refused.err) == (2, True)


def test_the_spool_is_copied_and_comes_back(settings: Settings, tmp_path: Path) -> None:
    spool = Spool(settings.spool.directory)
    spool.append(envelope(), b"From: a@b.example\r\n\r\nHello\r\n").result(HANG)
    spool.close()
    kept = list(spool_backup.copy_out(settings.spool.directory, tmp_path / "backup"))
    assert len(kept) == 1
    other = tmp_path / "other"
    other.mkdir()
    assert spool_backup.copy_in(tmp_path / "backup", other) == 1
    restored = Spool(other)
    (batch,) = restored.batches()
    assert restored.hold(batch)
    assert [raw for _, raw in restored.read(batch)] == [b"From: a@b.example\r\n\r\nHello\r\n"]
    restored.unlock_batch(batch)
    assert spool_backup.accepted_before(other, utcnow()) == 1


def test_it_comes_back_beside_directories_that_belong_to_a_role_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restoring as another user than the API's opens only directories with new names, and makes these last."""
    spool = Spool(settings.spool.directory)
    spool.append(envelope(), b"From: a@b.example\r\n\r\nHello\r\n").result(HANG)
    spool.close()
    list(spool_backup.copy_out(settings.spool.directory, tmp_path / "backup"))
    other = tmp_path / "other"
    (other / "api").mkdir(parents=True)
    synced: set[Path] = set()
    monkeypatch.setattr(spool_backup, "sync_directory", synced.add)
    spool_backup.copy_in(tmp_path / "backup", other)
    assert synced == {other, other / "incoming"}


def test_while_it_is_paused_nothing_is_claimed(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings) -> None:
    mail = arrives()
    assert shell("release", mail).code == 0
    pause(engine)
    with db.transaction(engine) as session:
        assert queue.next_due(session) is None
        assert queue.claim_deliveries(session, limit=9, settings=settings, now=utcnow() + timedelta(hours=1)) == []
        restore_pause.end_pause(session)
        assert len(queue.claim_deliveries(session, limit=9, settings=settings, now=utcnow() + timedelta(hours=1))) == 1


def test_what_nobody_can_look_for_waits_for_a_word(shell: Shell, arrives: Arrives, engine: Engine, settings: Settings) -> None:
    queued, held = arrives(), arrives()
    assert shell("release", queued).code == 0
    pause(engine)
    with db.transaction(engine) as session:
        waiting = reconcile.resume_delivery(
            session, found=[], absent=[], unknown=[parse_id(queued), parse_id(held)], by=IDA, now=utcnow(), send=False
        )
        assert waiting == [parse_id(queued)]
        assert queue.claim_deliveries(session, limit=9, settings=settings, now=utcnow() + timedelta(hours=1)) == []
    with db.read_transaction(engine) as session:
        rows = {one.id: one for one in session.scalars(select(Delivery).where(col(Delivery.id).in_([parse_id(queued), parse_id(held)])))}
        assert rows[parse_id(queued)].last_reply == reconcile.UNKNOWN
        assert reconcile.NOTE in rows[parse_id(held)].note
    assert shell("outgoing", "retry", queued).code == 0
    with db.transaction(engine) as session:
        assert len(queue.claim_deliveries(session, limit=9, settings=settings, now=utcnow() + timedelta(hours=1))) == 1


def test_what_was_found_is_delivered(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    queued, held = arrives(), arrives()
    assert shell("release", queued).code == 0
    pause(engine)
    found = [parse_id(queued), parse_id(held)]
    with db.transaction(engine) as session:
        assert reconcile.resume_delivery(session, found=found, absent=[], unknown=[], by=IDA, now=utcnow(), send=False) == []
    with db.read_transaction(engine) as session:
        assert set(session.scalars(select(col(Delivery.state)))) == {State.DELIVERED}


def test_there_is_nothing_to_resume(shell: Shell) -> None:
    said = shell("resume")
    assert (said.code, "delivery is not paused" in said.err) == (1, True)
