"""Signed checkpoints as upkeep makes them and the shell verifies by them."""

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import col

from tests.effort import long
from tests.triage import tampering
from tests.triage.arriving import ANA
from tests.triage.compliance.audit import busy_decisions
from tests.triage.quarantine.decisions.test_decide import by_id
from triage.compliance.audit import checkpoints, hash_chain, verify_chain, verify_state, walk_sums
from triage.config.settings import Audit, Retention, Settings
from triage.errors import BadInput
from triage.quarantine.decisions.decision_request import Verb
from triage.store import db, ledger
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.times import utcnow
from triage_cli.services import upkeep, upkeep_checkpoints
from triage_cli.services.upkeep_checkpoints import Recorder, verify_regularly

HERE = "here:1"


@pytest.fixture
def signing(settings: Settings, tmp_path: Path) -> Settings:
    """Settings by which a checkpoint is made as soon as anything has happened."""
    public = checkpoints.make_key(tmp_path / "audit.key")
    (tmp_path / "checkpoints").mkdir()
    return replace(settings, audit=Audit(str(tmp_path / "checkpoints"), str(tmp_path / "audit.key"), public, checkpoint_seconds=0))


def act(engine: Engine) -> None:
    """Writes an audit entry and chains it."""
    with db.transaction(engine) as session:
        ledger.write_act(session, "test", "thing", by=ANA, now=utcnow())
    upkeep.seal_audit_log(engine, HERE)


def verify(engine: Engine, settings: Settings) -> verify_chain.Verification:
    claims = verify_chain.claimed_checkpoints(settings)
    with db.read_transaction(engine) as session:
        return verify_chain.verify_chain(session, claims, retained_since=verify_chain.retained_since(settings, utcnow()))


def test_a_checkpoint_for_everything_new_and_none_for_nothing(engine: Engine, signing: Settings) -> None:
    recorder = Recorder(signing)
    recorder.sign_if_due(engine, HERE)
    assert verify(engine, signing).checkpoints == 0, "nothing has happened yet"
    for expected in (1, 2):
        act(engine)
        recorder.sign_if_due(engine, HERE)
        recorder.sign_if_due(engine, HERE)
        found = verify(engine, signing)
        assert (found.fault, found.records, found.checkpoints) == ("", expected, expected)


def test_only_the_sealer_makes_them(engine: Engine, signing: Settings) -> None:
    act(engine)
    Recorder(signing).sign_if_due(engine, "elsewhere:1")
    assert verify(engine, signing).checkpoints == 0


def test_a_full_disk_ends_nothing(engine: Engine, signing: Settings, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(signing)
    act(engine)
    recorder.directory = Path(signing.audit.checkpoints) / "gone"
    recorder.sign_if_due(engine, HERE)
    assert "no checkpoint of the audit log" in caplog.text
    recorder.directory = Path(signing.audit.checkpoints)
    recorder.sign_if_due(engine, HERE)
    assert verify(engine, signing).checkpoints == 1


@pytest.mark.parametrize("signed", [True, False])
def test_old_entries_are_deleted(engine: Engine, signing: Settings, signed: bool) -> None:
    settings = signing if signed else replace(signing, audit=Audit())
    recorder = Recorder(settings)
    for _ in range(3):
        act(engine)
        recorder.sign_if_due(engine, HERE)
    assert recorder.delete_old_entries(engine, settings) == 0
    now_old = replace(settings, retention=Retention(audit_days=-1))  # as if tomorrow
    assert recorder.delete_old_entries(engine, now_old) == 2, "the last one is kept"
    upkeep.seal_audit_log(engine, HERE)
    found = verify(engine, now_old)
    assert (found.fault, found.records) == ("", 2)


@pytest.mark.parametrize(
    ("audit", "says"),
    [
        (Audit(checkpoints="x"), "belong together"),
        (Audit(checkpoints="{dir}/missing", key_file="{dir}/audit.key"), "is no directory; make it"),
        (Audit(checkpoints="{dir}", key_file="{dir}/missing.key"), "cannot be read"),
        (Audit(checkpoints="{dir}", key_file="{dir}/other"), "is not a private key in PEM form; `mailroom audit key FILE` makes one"),
    ],
)
def test_settings_of_no_use(settings: Settings, tmp_path: Path, audit: Audit, says: str) -> None:
    checkpoints.make_key(tmp_path / "audit.key")
    (tmp_path / "other").write_text("no key")
    placed = replace(audit, checkpoints=audit.checkpoints.format(dir=tmp_path), key_file=audit.key_file.format(dir=tmp_path))
    with pytest.raises(BadInput, match=says):
        Recorder(replace(settings, audit=placed))


def test_a_key_is_its_owner_s_and_never_written_over(tmp_path: Path) -> None:
    public = checkpoints.make_key(tmp_path / "audit.key")
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    assert checkpoints.encode_public_key(checkpoints.read_public(public)) == public
    with pytest.raises(BadInput, match="never written over"):
        checkpoints.make_key(tmp_path / "audit.key")
    with pytest.raises(BadInput, match="is no public key"):
        checkpoints.read_public("none")


def test_the_end_of_the_audit_log_is_not_deleted(engine: Engine, settings: Settings) -> None:
    act(engine)
    with db.read_transaction(engine) as session:
        assert hash_chain.last_before(session, utcnow() + timedelta(days=1)) == 0
    assert Recorder(settings).delete_old_entries(engine, replace(settings, retention=Retention(audit_days=-1))) == 0


def test_checkpoints_that_cannot_be_read_keep_old_records_and_stop_nothing(
    engine: Engine, signing: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    act(engine)
    act(engine)
    (tmp_path / "checkpoints" / "checkpoints-2026-01.jsonl").mkdir()  # as a file that belongs to somebody else
    monkeypatch.setattr(verify_chain, "retained_since", lambda *_: utcnow() + timedelta(hours=1))
    assert Recorder(signing).delete_old_entries(engine, signing) == 0
    assert "old entries of the audit log stay" in caplog.text


def faults(engine: Engine) -> list[str]:
    """The faults that are in the audit log."""
    with db.read_transaction(engine) as session:
        found = select(col(AuditRecord.detail)).where(col(AuditRecord.act) == verify_chain.TAMPERED)
        return [one["fault"] for one in session.scalars(found)]


def test_the_trail_is_verified_once_a_day_and_a_fault_goes_on_the_record(engine: Engine, signing: Settings) -> None:
    now = utcnow()
    act(engine)
    assert not verify_regularly(engine, signing, now)
    with db.transaction(engine) as session:
        tampering.unguard(session)
        session.execute(update(AuditRecord).values(subject="another"))
    assert not verify_regularly(engine, signing, now + timedelta(hours=23))
    never = replace(signing, audit=replace(signing.audit, verify_hours=0))
    assert not verify_regularly(engine, never, now + timedelta(hours=25))
    assert verify_regularly(engine, signing, now + timedelta(hours=25)) == "entry 1 has been changed"
    assert not verify_regularly(engine, signing, now + timedelta(hours=26))
    assert faults(engine) == ["entry 1 has been changed"]


def test_the_state_is_compared_slice_by_slice_and_goes_on_after_a_restart(
    engine: Engine, signing: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, now = busy_decisions.work(engine, signing), utcnow()
    upkeep.seal_audit_log(engine, HERE)
    monkeypatch.setattr(walk_sums, "SLICE", 3)
    monkeypatch.setattr(upkeep_checkpoints, "WALKING", 0.0)  # one slice a round
    assert not verify_regularly(engine, signing, now)
    rounds, places = 0, []
    while (walk := under_way(engine)) is not None:
        places.append((walk.through, walk.place))
        if rounds % 3 == 0:  # work goes on meanwhile
            office.decides(Verb.RELEASE, by_id(office.arrives()))
            upkeep.seal_audit_log(engine, HERE)
        rounds += 1
        assert not verify_regularly(engine, signing, now)
    assert rounds > 20
    assert places == sorted(set(places)), "it never goes back"
    assert faults(engine) == []


@pytest.mark.parametrize("when", [long("before it begins"), "while it is under way"])
def test_a_changed_state_is_found_on_the_day_and_said_once(
    engine: Engine, signing: Settings, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_decisions.work(engine, signing)
    upkeep.seal_audit_log(engine, HERE)
    now = utcnow()
    if when == "while it is under way":
        with monkeypatch.context() as slowly:
            slowly.setattr(walk_sums, "SLICE", 3)
            slowly.setattr(upkeep_checkpoints, "WALKING", 0.0)
            verify_regularly(engine, signing, now)
        assert under_way(engine)
    with db.transaction(engine) as session:
        first = session.scalars(select(col(Delivery.id)).where(col(Delivery.state) == State.QUEUED).order_by(col(Delivery.id))).first()
        session.execute(update(Delivery).where(col(Delivery.id) == first).values(state=State.DELIVERED))
    for hours in (0, 25, 50):
        verify_regularly(engine, signing, now + timedelta(hours=hours))
        upkeep.seal_audit_log(engine, HERE)
        (fault,) = faults(engine)
        assert "is delivered, but the audit log left it queued" in fault
        assert under_way(engine) is None


def test_a_comparison_begins_anew_where_entries_were_deleted(engine: Engine, signing: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    busy_decisions.work(engine, signing)
    upkeep.seal_audit_log(engine, HERE)
    monkeypatch.setattr(walk_sums, "SLICE", 20)
    monkeypatch.setattr(upkeep_checkpoints, "WALKING", 0.0)
    verify_regularly(engine, signing, utcnow())
    assert (walk := under_way(engine))
    assert walk.through == 20
    with db.transaction(engine) as session:
        hash_chain.move_chain_start(session, 10, now=utcnow(), kept=verify_state.list_retained(session, 0, 10))
    upkeep.seal_audit_log(engine, HERE)
    while walk := under_way(engine):
        verify_regularly(engine, signing, utcnow())
    assert faults(engine) == []


def under_way(engine: Engine) -> walk_sums.Walk | None:
    """The comparison that is under way."""
    with db.read_transaction(engine) as session:
        return walk_sums.read_walk(session)
