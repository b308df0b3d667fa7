"""`mailroom spool`: what waits on this machine and why, tried now, looked at, and taken out; each in the audit log."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from mta.spool.spool import Spool
from tests.mta.spool.test_spool import envelope
from tests.mta.spool.test_spool_retry import HOUR, RAW, defer_message
from tests.triage_cli.conftest import Shell
from triage.config.settings import Settings
from triage.ids import format_id, new_id
from triage.runtime.spool_stats import OFTEN, spool_backlog
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.times import utcnow


@pytest.fixture
def spool(settings: Settings) -> Spool:
    return Spool(settings.spool.directory)


def acts(engine: Engine, number: str) -> list[str]:
    """Audit entries about a deferred message."""
    with db.read_transaction(engine) as session:
        about = select(col(AuditRecord.act)).where(col(AuditRecord.subject) == f"spool:{number}").order_by(col(AuditRecord.id))
        return list(session.scalars(about))


def test_what_waits_and_why(shell: Shell, spool: Spool) -> None:
    assert shell("spool") == (0, "", "")
    stuck, fresh = (
        format_id(defer_message(spool, attempt=OFTEN, why="ValueError: \x1b[2J")),
        format_id(defer_message(spool, attempt=1, hours=2)),
    )
    printed = shell("spool").out
    assert [line.split()[0] for line in printed.splitlines()] == ["ID", stuck, fresh]
    assert ("\x1b" in printed, r"ValueError: \x1b[2J" in printed) == (False, True)
    (one,) = json.loads(shell("spool", "--stuck", "--json").out)
    assert one == {
        "id": stuck,
        "spool": "incoming",
        "received": "2026-11-24T09:30:00+00:00",
        "from": "a@stranger.example",
        "to": ["anna@company.example", "bär@company.example"],
        "bytes": len(RAW),
        "tries": OFTEN,
        "next_try": "2026-11-24T10:30:00+00:00",
        "why": r"ValueError: \x1b[2J",
    }
    assert json.loads(shell("spool", "list", "--stuck", "--json").out) == [one]


def test_some_or_all_are_tried_now(shell: Shell, spool: Spool) -> None:
    numbers = [new_id() for _ in range(3)]
    for number in numbers:
        spool.defer_message(envelope(number), RAW, not_before=utcnow() + HOUR / 2, attempt=3)
    first = format_id(numbers[0])
    assert shell("spool", "retry", first).out == "1 tried again now.\n"
    assert len(list(spool.due(utcnow()))) == 1
    (held, *_) = spool.due(utcnow())
    assert spool.hold(held), "a judge tries it"
    assert shell("spool", "retry", "--all").out == "2 tried again now.\n"
    assert shell("spool", "retry", first).code == 1
    spool.unlock_batch(held)
    assert len(list(spool.due(utcnow()))) == 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["retry"], 2, "name ids, or --all"),
        (["retry", "0000000000007", "--all"], 2, "name ids, or --all"),
        (["retry", "0000000000007"], 1, "no message 0000000000007 waits in this spool"),
        (["show", "nonsense"], 2, "is not an id"),
        (["show", "0000000000007"], 1, "no message 0000000000007 waits"),
    ],
)
def test_what_is_refused(shell: Shell, spool: Spool, words: list[str], code: int, says: str) -> None:
    refused = shell("spool", *words)
    assert (refused.code, says in refused.err) == (code, True)


def test_it_is_looked_at_on_the_record(shell: Shell, spool: Spool, engine: Engine) -> None:
    number = format_id(defer_message(spool))
    assert shell("spool", "show", number).out.encode() == RAW
    assert acts(engine, number) == ["source"]


def test_it_is_taken_out_once_it_is_safe_elsewhere(shell: Shell, spool: Spool, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    number, file = format_id(defer_message(spool, attempt=OFTEN)), tmp_path / "mail.eml"
    assert shell("spool", "take-out", number, str(tmp_path / "gone" / "mail.eml")).code == 2
    assert (spool_backlog(settings.spool.directory).stuck, acts(engine, number)) == (1, [])
    done = shell("spool", "take-out", number, str(file))
    whose = "from a@stranger.example to anna@company.example, bär@company.example"
    assert done.out == f"{file} holds it, {whose}; it is no longer in the spool.\n"
    assert (file.read_bytes(), spool_backlog(settings.spool.directory).deferred, acts(engine, number)) == (RAW, 0, ["take-out"])
    assert shell("spool", "take-out", number, str(tmp_path / "again.eml")).code == 1
