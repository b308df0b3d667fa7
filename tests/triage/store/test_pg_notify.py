"""A wake-up on one machine wakes a process on another by LISTEN/NOTIFY; nobody waits for the notification."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.peers import postgresql as postgresql_peer
from tests.peers.processes import HANG
from triage.config.settings import Database, Settings, Spool
from triage.runtime.wakeup import WakeupPipe
from triage.store import pg_notify
from triage.store.pg_notify import Notifier


@dataclass
class Machine:
    """Machine with a spool of its own, where one process wakes another that waits for the relay's pipe."""

    settings: Settings
    pipe: WakeupPipe
    line: Notifier


@contextlib.contextmanager
def machine(settings: Settings, directory: Path, url: str, *, listen_url: str = "") -> Iterator[Machine]:
    directory.mkdir()
    mine = replace(settings, spool=Spool(directory), database=Database(url, listen_url))
    pipe = WakeupPipe(directory, "relay")
    line = Notifier(mine, sends=[pipe], receives=[pipe])
    yield Machine(mine, pipe, line)
    line.close()
    pipe.close()


@pytest.fixture
def two(settings: Settings, tmp_path: Path, postgresql_url: str) -> Iterator[tuple[Machine, Machine]]:
    with machine(settings, tmp_path / "a", postgresql_url) as one, machine(settings, tmp_path / "b", postgresql_url) as other:
        assert one.pipe.wait(HANG), "a line that opens rings once: what was told before is not known"
        assert other.pipe.wait(HANG)
        yield one, other


@pytest.mark.postgresql
def test_a_bell_rings_on_the_other_machine(two: tuple[Machine, Machine]) -> None:
    one, other = two
    for here, there in ((one, other), (other, one)):
        here.pipe.wake()
        assert there.pipe.wait(HANG)
        assert here.pipe.wait(0), "and here, without a way round"


@pytest.mark.postgresql
def test_what_is_heard_while_it_tells_is_not_left_lying(two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two
    monkeypatch.setattr(pg_notify, "HEARTBEAT", 10 * HANG)
    telling = one.line.send_pending

    def both_at_once(line: "pg_notify.Line") -> None:
        pg_notify.notify_machines(other.settings, ["relay"])
        telling(line)

    monkeypatch.setattr(one.line, "send_pending", both_at_once)
    one.line.note_wakeup("change")
    assert one.pipe.wait(HANG)


@pytest.mark.postgresql
def test_a_command_rings_everywhere(two: tuple[Machine, Machine], tmp_path: Path) -> None:
    pg_notify.notify_machines(replace(two[0].settings, spool=Spool(tmp_path / "none")), ["relay", "change"])
    assert all(one.pipe.wait(HANG) for one in two)


@pytest.mark.postgresql
def test_a_line_that_is_cut_is_made_again(
    two: tuple[Machine, Machine], postgresql_server: postgresql_peer.Server, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = two
    postgresql_server.disconnect_others("tests")
    assert one.pipe.wait(HANG)
    assert other.pipe.wait(HANG)
    one.pipe.wake()
    assert other.pipe.wait(HANG)
    assert "no line to other machines" in caplog.text


@pytest.mark.postgresql
def test_who_goes_through_a_pooler_listens_at_the_server_itself(settings: Settings, tmp_path: Path, postgresql_url: str) -> None:
    with machine(settings, tmp_path / "a", "postgresql://nobody@/none?host=/nowhere", listen_url=postgresql_url) as one:
        assert one.pipe.wait(HANG)


def test_what_rang_here_is_not_rung_again(settings: Settings, tmp_path: Path) -> None:
    with machine(settings, tmp_path / "a", "sqlite:///nothing") as one:
        one.line.receive(f"relay {one.line.here}")
        one.line.receive("change elsewhere")
        assert not one.pipe.wait(0)
        one.line.receive("relay elsewhere")
        assert one.pipe.wait(0)


def test_on_one_machine_there_is_no_line_and_no_wait(settings: Settings, tmp_path: Path) -> None:
    with machine(settings, tmp_path / "a", "sqlite:///nothing") as one:
        one.pipe.wake()
        assert one.pipe.wait(0)
        assert one.line.thread is None
    pg_notify.notify_machines(settings, ["relay"])


@pytest.mark.postgresql
def test_a_database_that_is_away_stops_no_ring(settings: Settings, tmp_path: Path) -> None:
    away = "postgresql://nobody@/none?host=/nowhere"
    with machine(settings, tmp_path / "a", away) as one:
        one.pipe.wake()
        assert one.pipe.wait(0)
        pg_notify.notify_machines(one.settings, ["relay"])
