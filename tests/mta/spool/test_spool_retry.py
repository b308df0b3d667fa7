"""Deferred messages of the spool: read, tried now, saved, and left alone while another process tries them."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mta.spool import spool_retry
from mta.spool.spool import Spool
from mta.spool.spool_retry import Retry
from tests.mta.spool.test_spool import AT, envelope
from triage.errors import BadInput, Conflict
from triage.ids import new_id

RAW = b"Subject: hello\r\n\r\nwith \x1b[2J in it\r\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[dict[str, Spool]]:
    """The spools of both SMTP servers."""
    found = {door: Spool(tmp_path / below) for door, below in spool_retry.SPOOLS.items()}
    yield found
    for one in found.values():
        one.close()


def defer_message(spool: Spool, *, hours: int = 1, attempt: int = 3, why: str = "") -> int:
    """A message waits; its number."""
    number = new_id()
    spool.defer_message(envelope(number), RAW, not_before=AT + hours * HOUR, attempt=attempt, why=why)
    return number


def test_deferred_messages_are_listed(spools: dict[str, Spool], tmp_path: Path) -> None:
    later = defer_message(spools["incoming"], hours=2, attempt=9, why="it broke: \x1b")
    sooner = defer_message(spools["incoming"])
    theirs = defer_message(spools["outbound"])
    (tmp_path / "retry" / "stray.batch").write_bytes(b"")
    (tmp_path / "retry" / f"{0:016d}.001.X.1.batch").write_bytes(b"no batch")
    found = list(spool_retry.list_waiting(tmp_path))
    assert [(one.spool, one.envelope.spool_id) for one in found] == [("incoming", sooner), ("incoming", later), ("outbound", theirs)]
    assert [(one.attempt, one.not_before, one.raw, one.why) for one in found[:2]] == [
        (3, AT + HOUR, RAW, ""),
        (9, AT + 2 * HOUR, RAW, "it broke: \x1b"),
    ]
    assert found[1].envelope == envelope(later)


def test_a_machine_that_takes_no_mail_has_none(tmp_path: Path) -> None:
    assert list(spool_retry.list_waiting(tmp_path / "nowhere")) == []


def test_what_is_tried_now_is_due_with_the_tries_that_it_had(spools: dict[str, Spool], tmp_path: Path) -> None:
    defer_message(spools["incoming"], attempt=9, why="full")
    (one,) = spool_retry.list_waiting(tmp_path)
    assert list(spools["incoming"].due(AT)) == []
    spool_retry.try_now(one, AT)
    (due,) = spools["incoming"].due(AT)
    assert due.attempt == 9
    (again,) = spool_retry.list_waiting(tmp_path)
    assert replace(again, path=one.path) == replace(one, not_before=AT)


def test_nobody_gets_in_the_way_of_a_judge(spools: dict[str, Spool], tmp_path: Path) -> None:
    defer_message(spools["incoming"])
    (one,) = spool_retry.list_waiting(tmp_path)
    (batch,) = spools["incoming"].due(AT + HOUR)
    assert spools["incoming"].hold(batch)
    with pytest.raises(Conflict, match="tried this moment"):
        spool_retry.try_now(one, AT)
    spools["incoming"].remove(batch)
    with pytest.raises(Conflict, match="was entered"), spool_retry.hold_message(one):
        pass


def test_it_is_saved_for_nobody_else_to_read_and_over_no_other_file(spools: dict[str, Spool], tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    spool_retry.save_message(RAW, file)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (RAW, 0o600)
    with pytest.raises(BadInput, match=r"mail\.eml: File exists"):
        spool_retry.save_message(b"another", file)
    assert file.read_bytes() == RAW


def test_a_spool_that_this_user_may_not_read_is_said(spools: dict[str, Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defer_message(spools["incoming"])

    def closed(door: str, path: Path) -> Iterator[Retry]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(spool_retry, "open_message", closed)
    with pytest.raises(BadInput, match="run this as the user that runs mailroom"):
        list(spool_retry.list_waiting(tmp_path))
