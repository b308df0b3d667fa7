"""Keeping house: the audit log, retention, the database's version, the directory."""

import json
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from tests.peers import circle, processes
from tests.triage import arriving
from tests.triage.arriving import DMARC_PASS, IDA
from tests.triage.tampering import unguard
from tests.triage_cli.conftest import Arrives, Shell
from triage import ids
from triage.access import api_tokens
from triage.access.staff_login import hash_password
from triage.config import settings_loader
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import parse_id
from triage.quarantine.decisions import decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import undecided
from triage.quarantine.search.selection import Selection
from triage.quarantine.search.undecided import Terms
from triage.store import db, last_runs
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.counts import Arrived, QueueSample, Touched
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message
from triage.store.models.staff import ApiToken, StaffMember
from triage.store.queue import waiting_targets
from triage.store.queue.waiting_targets import Targets
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.commands.access import sync
from triage_cli.services import upkeep, upkeep_checkpoints, upkeep_counts, upkeep_retention

COMPANY = """
[company]
postmaster = "joe.fern@company.example"
[[department]]
code = "it"
name = "IT"
mailbox = "it@company.example"
[[person]]
uid = "joe.fern"
name = "Joe Fern"
department = "it"
mailbox = "joe.fern@company.example"
[[staff]]
login = "ana"
name = "Ana Roth"
role = "triage"
scope = ["company"]
password_hash = "{hash}"
"""


def test_the_trail_is_sealed_and_proven(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    arrives()
    assert "0 entries chained" in shell("audit", "verify").out
    upkeep.seal_audit_log(engine, "here:1")
    verified = shell("audit", "verify")
    assert (verified.code, "0 not yet" in verified.out) == (0, True)
    exported = [json.loads(line) for line in shell("audit", "export").out.splitlines()]
    assert [one["act"] for one in exported if one["act"] != "sync-staff"] == ["directory", "receive"]
    with db.transaction(engine) as session:
        unguard(session)
        session.execute(update(AuditRecord).where(col(AuditRecord.sequence) == 1).values(by="person:nobody"))
    tampered = shell("audit", "verify")
    assert (tampered.code, "entry 1 has been changed" in tampered.out) == (1, True)


def test_tokens_of_who_has_left_are_ended(engine: Engine) -> None:
    with db.transaction(engine) as session:
        session.add(StaffMember(login="ida", name="Ida", role="admin", scope=["company"], password_hash="", source="local"))
        made, _ = api_tokens.create_token(session, api_tokens.TokenOrder("export", ("read",)), by=IDA, now=utcnow())
        number = made.id
    for leave in (False, True, True):
        with db.transaction(engine) as session:
            session.execute(update(StaffMember).values(active=not leave))
        upkeep.close_unused_tokens(engine)
        with db.read_transaction(engine) as session:
            assert session.get_one(ApiToken, number).revoked_by == ("system:upkeep" if leave else "")


def test_retention_says_what_it_did(shell: Shell, arrives: Arrives) -> None:
    arrives()
    assert "0 bodies erased" in shell("retention").out
    before = shell("retention", "--expiring")
    assert before.out == "within a day 0 held messages will expire\n"


def test_retention_says_what_expires_within_a_day_and_what_cannot(
    shell: Shell, arrives: Arrives, config: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (31, 29.5):
        came = utcnow() - timedelta(days=days)
        arriving.make_ids_at(came, monkeypatch)
        mail = ids.parse_id(arrives("mara.berg@company.example"))
        with db.transaction(engine) as session:
            session.execute(update(Delivery).where(col(Delivery.id) == mail).values(received_at=came))
    said = json.loads(shell("retention", "--json").out)
    assert (said["expired"], said["expiring"], said["unseen"]) == (0, [], 1)
    assert (
        "\n1 held message cannot expire because no daily digest named it: see docs/how-to/daily-digest.md"
        in shell("retention", "--expiring").out
    )
    config.write_text(config.read_text() + "[retention]\nexpire_unseen = true\n")
    said = json.loads(shell("retention", "--json").out)
    assert (said["expired"], said["erased"], said["unseen"]) == (1, 0, 0)
    assert [(one["department"], one["person"], one["messages"]) for one in said["expiring"]] == [("legal", "mara.berg", 1)]
    assert shell("retention", "--expiring").out.startswith("within a day 1 held message will expire:\n")


def test_retention_forgets_what_ended_long_ago(shell: Shell, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = utcnow() - timedelta(days=500)
    arriving.make_ids_at(long_ago, monkeypatch)
    with db.transaction(engine) as session:
        (mail,) = arriving.arrive(session, settings, at=long_ago)
        decisions.decide_messages(session, DecisionRequest(Selection.of(ids=(mail,)), Verb.PURGE), by=IDA, now=long_ago, settings=settings)
    assert "1 body erased, 1 record deleted" in shell("retention").out
    with db.read_transaction(engine) as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Delivery, Message, Content, Decision)] == [0] * 4
    assert "0 bodies erased, 0 records deleted" in shell("retention").out


def test_the_database_is_at_its_version(shell: Shell) -> None:
    assert "already" in shell("db", "upgrade").out
    assert "as it should" in shell("db", "check").out


def test_the_directory_is_taken_over(shell: Shell, config: Path) -> None:
    (config.parent / "company.toml").write_text(COMPANY.format(hash=hash_password("secret")))
    dry = shell("sync", "--dry-run")
    assert "would be added" in dry.out
    assert shell("sync").code == 0
    (ana,) = json.loads(shell("staff", "list", "--json").out)
    assert (ana["login"], ana["name"], ana["role"], ana["scope"]) == ("ana", "Ana Roth", "triage", "company")
    (config.parent / "company.toml").write_text("[[persn]]\n")
    broken = shell("sync")
    assert broken.code == 2
    assert broken.err.count("\n") == 1


def test_the_upkeep_role_follows_the_directory_file_and_seals(
    shell: Shell, config: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkeeping_settings = settings_loader.read_settings(str(config), {})
    company = config.parent / "company.toml"
    company.write_text(COMPANY.format(hash=hash_password("secret")))
    shell("sync")
    stop = threading.Event()
    monkeypatch.setattr(upkeep, "LOOK_EVERY", 0.1)
    role = threading.Thread(target=upkeep.run_role, args=(upkeeping_settings, stop))
    role.start()
    try:
        company.write_text(COMPANY.format(hash=hash_password("secret")).replace("Ana Roth", "Ana Lind"))
        for _ in range(300):
            if "Ana Lind" in shell("staff", "list").out and " 0 not yet" in shell("audit", "verify").out:
                break
            stop.wait(0.1)
        assert "Ana Lind" in shell("staff", "list").out
        assert " 0 not yet" in shell("audit", "verify").out
    finally:
        stop.set()
        role.join()


@pytest.mark.parametrize("when", ["before it starts", "while the database is away"])
def test_a_directory_file_that_was_changed_at_a_bad_moment_is_taken_over(
    shell: Shell, config: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    settings, company, stop = settings_loader.read_settings(str(config), {}), config.parent / "company.toml", threading.Event()
    said = COMPANY.format(hash=hash_password("secret"))
    company.write_text(said)
    shell("sync")
    faults = [OperationalError("SELECT", {}, Exception("the server is starting"))]

    def away(there: Settings) -> AbstractContextManager[Engine]:
        if faults and when == "while the database is away":
            raise BadInput("the database cannot be opened") from faults.pop()
        return database_of(there)

    monkeypatch.setattr(upkeep, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(upkeep, "SETTLED", 0.0)
    monkeypatch.setattr(sync, "database_of", away)
    role = threading.Thread(target=upkeep.run_rounds, args=(settings, engine, stop))
    if when != "before it starts":
        role.start()
        stop.wait(0.5)
    company.write_text(said.replace("Ana Roth", "Ana Lind"))
    if when == "before it starts":
        role.start()
    try:
        processes.until(lambda: "Ana Lind" in shell("staff", "list").out, "it is taken over")
    finally:
        stop.set()
        role.join()


@pytest.mark.postgresql
def test_a_round_that_gave_way_to_somebody_is_gone_again_at_once(
    settings: Settings, postgresql_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, rounds = threading.Event(), list[int]()
    monkeypatch.setattr(upkeep, "PATIENCE", 3600.0)  # which nobody waits for
    with circle.closed_by(postgresql_engine) as enter:

        def seal_audit_log(engine: Engine, holder: str) -> None:
            rounds.append(1)
            if len(rounds) == 2:
                stop.set()
                return
            with db.transaction(engine) as session:
                enter(session)

        monkeypatch.setattr(upkeep, "seal_audit_log", seal_audit_log)
        upkeep.run_rounds(settings, postgresql_engine, stop)
    assert len(rounds) == 2
    assert "a transaction gave way to another one and is carried out again: deadlock detected" in caplog.text
    assert "does not answer" not in caplog.text


@pytest.mark.parametrize(("ago", "settled"), [(0.0, False), (1.0, False), (3.0, True), (-3600.0, True)])
def test_a_directory_file_that_is_being_written_is_left_alone(ago: float, settled: bool) -> None:
    changed = time.time() - ago
    assert upkeep.is_settled(changed, seen=1.0) is settled
    assert not upkeep.is_settled(changed, seen=changed)


def test_what_reports_need_is_kept(arrives: Arrives, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    arrives()
    later = (utcnow() + timedelta(days=2)).replace(minute=0, second=9)
    monkeypatch.setattr(upkeep_counts, "utcnow", lambda: later)
    monkeypatch.setattr(db, "read_server_time", lambda _: later)
    upkeep.update_counts(engine, -upkeep.COUNT_EVERY, settings)
    with db.read_transaction(engine) as session:
        assert session.scalars(select(col(Arrived.count))).all() == [1]
        assert session.scalars(select(col(QueueSample.held))).all() == [1]


def test_rows_over_their_target_are_counted_again(arrives: Arrives, engine: Engine, settings: Settings) -> None:
    arrives()
    with db.transaction(engine) as session:
        session.execute(update(Delivery).values(received_at=utcnow() - timedelta(hours=3), urgency=50))
    upkeep.update_counts(engine, -upkeep.COUNT_EVERY, settings)
    assert not upkeep.raise_waited(engine, settings), "there is no target"
    with db.read_transaction(engine) as session:
        assert waiting_targets.known_targets(session) == Targets()
    office = replace(settings, notices=replace(settings.notices, target_minutes=60))
    assert not upkeep.raise_waited(engine, office), "one slice was enough"
    with db.read_transaction(engine) as session:
        assert len(session.scalars(select(Touched)).all()) == 1
        assert waiting_targets.known_targets(session).usual == 60


def test_messages_that_nobody_decided_about_are_delivered_once_by_whoever_comes_first(
    arrives: Arrives, engine: Engine, settings: Settings
) -> None:
    coverage = replace(settings.coverage, deliver_undecided=("it=30",))
    office = replace(settings, coverage=coverage, company=replace(settings.company, enforcement="hold-unknown"))
    with db.transaction(engine) as session:
        arriving.set_up(session, office)
        undecided.note_terms(session, Terms.of_settings(office), utcnow() - timedelta(hours=2))
    mail = parse_id(arrives(dmarc=DMARC_PASS))
    with db.transaction(engine) as session:
        session.execute(update(Delivery).where(col(Delivery.id) == mail).values(received_at=utcnow() - timedelta(hours=1)))
    houses = [threading.Thread(target=upkeep.deliver_undecided_messages, args=(engine, office)) for _ in range(2)]
    for one in houses:
        one.start()
    for one in houses:
        one.join()
    with db.read_transaction(engine) as session:
        assert session.get_one(Delivery, mail).state == State.QUEUED
        assert [one.verb for one in session.scalars(select(Decision))] == ["deliver"]
        assert len(session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "release")).all()) == 1


def test_a_directory_file_that_was_read_while_the_clock_was_ahead_is_read_anew(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text("")
    for ahead, known in ((timedelta(), True), (timedelta(days=40), False)):
        with db.transaction(engine) as session:
            last_runs.directory_was_read(session, now=utcnow() + ahead)
        assert bool(upkeep.known_file_time(engine, file)) is known


def test_what_cannot_be_done_ends_neither_the_sealing_nor_the_threads_beside(
    shell: Shell, arrives: Arrives, engine: Engine, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> int:
        raise OSError(5, "Input/output error")

    arrives()
    monkeypatch.setattr(upkeep_checkpoints.Recorder, "delete_old_entries", break_off)
    monkeypatch.setattr(upkeep, "PATIENCE", 0.1)
    stop, tidied = threading.Event(), threading.Event()
    monkeypatch.setattr(upkeep_retention, "tidy_slices", lambda *_, **__: tidied.set())
    role = threading.Thread(target=upkeep.run_role, args=(replace(settings, database=replace(settings.database, url=database_url)), stop))
    role.start()
    try:
        assert tidied.wait(processes.HANG)
        processes.until(lambda: " 0 not yet" in shell("audit", "verify").out, "all is sealed")
        assert role.is_alive()
    finally:
        stop.set()
        role.join()
