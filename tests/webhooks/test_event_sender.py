"""Security events reach a SIEM: as lines in a file, and at syslog servers over TLS that stall, die, restart or are somebody else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.peers import processes
from tests.triage.arriving import NOW, set_up
from tests.webhooks import syslog_server
from tests.webhooks.running_role import running
from tests.webhooks.syslog_server import Papers, SyslogServer
from triage.access import staff_login
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings, Siem
from triage.notifications import event_streams
from triage.notifications.event_streams import LINES, SYSLOG
from triage.store import db
from webhooks import event_sender, syslog_tls

CLIENT = "192.0.2.9"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return syslog_server.make_papers(tmp_path_factory.mktemp("siem") / "papers")


@pytest.fixture
def server(papers: Papers) -> Iterator[SyslogServer]:
    with syslog_server.start_syslog_server(papers) as one:
        yield one


@pytest.fixture
def followed(sqlite_engine: Engine, settings: Settings, server: SyslogServer) -> Settings:
    """A company that sends its events to the server, and has begun to."""
    siem = Siem(syslog=f"localhost:{server.port}", ca_file=server.papers.ca_file, timeout=int(processes.HANG))
    told = replace(settings, siem=siem)
    with db.transaction(sqlite_engine) as session:
        set_up(session, told)
        hash_chain.seal_entries(session)
        begin(session, told)
    return told


def begin(session: Any, settings: Settings) -> None:
    """The streams follow what happens from now on."""
    for stream in (LINES, SYSLOG):
        event_streams.read_stretch(session, stream, settings)


def happens(engine: Engine, times: int = 1, *, subject: str = "staff:ana") -> None:
    """Chains this many refused sign-ins."""
    with db.transaction(engine) as session:
        for _ in range(times):
            staff_login.record_refusal(session, subject, CLIENT, now=NOW)
        while hash_chain.seal_entries(session):
            pass


def unsent(engine: Engine, stream: str = SYSLOG) -> int:
    """Number of events that the stream has not sent."""
    with db.read_transaction(engine) as session:
        return event_streams.find_unsent(session, stream)[0]


def sequences(server: SyslogServer) -> list[int]:
    """Sequence numbers of the received events."""
    return [one["event"]["sequence"] for one in server.events]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses after a failure."""
    monkeypatch.setattr(event_sender, "PAUSES", (0.05,))


def test_events_come_in_order_as_syslog_messages(followed: Settings, sqlite_engine: Engine, server: SyslogServer) -> None:
    happens(sqlite_engine, 3)
    with running(followed):
        processes.until(lambda: not unsent(sqlite_engine), "all is sent")
    assert [one.split(" ", 7)[:7] for one in server.came] == [
        ["<108>1", NOW.isoformat(), "mx.company.example", "mailroom", "-", "sign-in-failed", "-"]
    ] * 3
    assert sequences(server) == sorted(set(sequences(server)))
    assert len(server.came) == 3
    event = server.events[0]
    assert (event["user"]["name"], event["source"]["ip"], event["event"]["outcome"]) == ("ana", CLIENT, "failure")


@pytest.mark.usefixtures("hasty")
def test_a_server_that_dies_with_events_unread_gets_them_again(followed: Settings, sqlite_engine: Engine, server: SyslogServer) -> None:
    server.dies_after = 10
    happens(sqlite_engine, 3)
    with running(followed):
        processes.until(lambda: server.connections >= 2, "it dies twice")
        assert unsent(sqlite_engine) == 3
        server.dies_after = None
        processes.until(lambda: not unsent(sqlite_engine), "all is sent")
    assert len(set(sequences(server))) == 3


@pytest.mark.usefixtures("hasty")
def test_a_server_that_is_away_gets_everything_when_it_is_back(followed: Settings, sqlite_engine: Engine, server: SyslogServer) -> None:
    server.close()
    happens(sqlite_engine, event_streams.AT_ONCE + 1)
    with running(followed):
        happens(sqlite_engine)
        server.open()
        processes.until(lambda: not unsent(sqlite_engine), "all is sent")
    assert len(set(sequences(server))) == len(server.came) == event_streams.AT_ONCE + 2


@pytest.mark.usefixtures("hasty")
def test_a_server_that_reads_nothing_is_left_in_time_and_more_waits_in_the_audit_log(
    followed: Settings, sqlite_engine: Engine, server: SyslogServer
) -> None:
    impatient = replace(followed, siem=replace(followed.siem, timeout=1))
    server.stalls = True
    happens(sqlite_engine, 2 * event_streams.AT_ONCE)
    with db.transaction(sqlite_engine) as session:
        assert len(event_streams.read_stretch(session, SYSLOG, impatient).events) <= event_streams.AT_ONCE
    with pytest.raises(TimeoutError, match="no answer within 1 s"):
        syslog_tls.send_events([event_of(sqlite_engine, followed)] * 20_000, impatient)  # more than the kernels keep
    with running(impatient):
        processes.until(lambda: server.connections >= 3, "it is tried again")
        assert unsent(sqlite_engine) == 2 * event_streams.AT_ONCE
        server.stalls = False
        server.over.set()
        processes.until(lambda: not unsent(sqlite_engine), "all is sent")
    assert len(set(sequences(server))) == 2 * event_streams.AT_ONCE


def event_of(engine: Engine, settings: Settings) -> dict[str, Any]:
    """The first event that waits."""
    with db.transaction(engine) as session:
        return event_streams.read_stretch(session, SYSLOG, settings).events[0]


def test_a_killed_sender_loses_nothing(followed: Settings, sqlite_engine: Engine, server: SyslogServer, tmp_path: Path) -> None:
    config = tmp_path / "mailroom.toml"
    config.write_text(f"""
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "{followed.database.url}"
[spool]
directory = "{followed.spool.directory}"
[siem]
lines = "stdout"
syslog = "localhost:{server.port}"
ca_file = "{server.papers.ca_file}"
timeout = {processes.HANG:.0f}
""")
    server.stalls = True
    happens(sqlite_engine, 3)
    command = [sys.executable, "-m", "triage_cli", "--config", str(config), "webhooks"]
    output = tmp_path / "stdout"
    with output.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE) as killed:
        try:
            processes.until(lambda: server.connections and not unsent(sqlite_engine, LINES), "it sends", killed)
        finally:
            killed.send_signal(signal.SIGKILL)
    server.over.set()
    server.stalls = False
    assert unsent(sqlite_engine) == 3
    happens(sqlite_engine)
    with output.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE) as again:
        try:
            processes.until(lambda: not unsent(sqlite_engine) and not unsent(sqlite_engine, LINES), "all is sent", again)
        finally:
            again.terminate()
        assert again.wait(processes.HANG) == 0
    assert len(set(sequences(server))) == 4
    lines = [json.loads(line)["event"]["sequence"] for line in output.read_text().splitlines()]
    assert sorted(set(lines)) == sorted(set(sequences(server)))


def trust_nobody(siem: Siem) -> Siem:
    return replace(siem, ca_file="")


def call_by_address(siem: Siem) -> Siem:
    return replace(siem, syslog=siem.syslog.replace("localhost", "127.0.0.1"))


def lose_authority(siem: Siem) -> Siem:
    return replace(siem, ca_file="/nonexistent/ca.pem")


@pytest.mark.parametrize(
    ("change", "says"),
    [(trust_nobody, "CERTIFICATE_VERIFY_FAILED"), (call_by_address, "not valid for '127.0.0.1'"), (lose_authority, "No such file")],
)
def test_nothing_is_sent_to_whom_nobody_vouches_for(
    followed: Settings, sqlite_engine: Engine, server: SyslogServer, change: Callable[[Siem], Siem], says: str
) -> None:
    happens(sqlite_engine)
    with pytest.raises(OSError, match=says):
        syslog_tls.send_events([event_of(sqlite_engine, followed)], replace(followed, siem=change(followed.siem)))
    assert server.came == []


def show_certificate(siem: Siem, papers: Papers) -> Siem:
    return replace(siem, certificate_file=papers.path_of("mailroom.pem"), key_file=papers.path_of("mailroom.key"))


def test_a_server_may_ask_for_our_certificate(followed: Settings, sqlite_engine: Engine, server: SyslogServer) -> None:
    server.close()
    server.asks_for_certificate = True
    server.open()
    happens(sqlite_engine)
    event = event_of(sqlite_engine, followed)
    with pytest.raises(OSError, match="certificate"):
        syslog_tls.send_events([event], followed)
    syslog_tls.send_events([event], replace(followed, siem=show_certificate(followed.siem, server.papers)))
    assert server.events == [event]


def test_rsyslog_takes_them_also_after_a_restart(sqlite_engine: Engine, followed: Settings, papers: Papers, tmp_path: Path) -> None:
    with syslog_server.start_rsyslog(tmp_path / "rsyslog", papers) as peer:
        told = replace(followed, siem=replace(show_certificate(followed.siem, papers), syslog=f"localhost:{peer.port}"))
        happens(sqlite_engine, 2)
        with running(told):
            processes.until(lambda: len(peer.came) == 2, "it has written them down")
            peer.close()
            happens(sqlite_engine, 2)
            peer.open()
            processes.until(lambda: len(peer.came) >= 4 and not unsent(sqlite_engine), "it has all of them")
    said = [one.split(" ", 5) for one in peer.came]
    assert {tuple(one[:5]) for one in said} == {("audit", "warning", "mx.company.example", "mailroom", "sign-in-failed")}
    assert len({json.loads(one[5])["event"]["id"] for one in said}) == 4


def test_lines_are_whole_also_after_a_crash_and_a_rotation(sqlite_engine: Engine, followed: Settings, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    told = replace(followed, siem=Siem(lines=str(file)))
    turn = event_sender.run_stream(LINES, told, sqlite_engine)
    happens(sqlite_engine)
    assert turn()
    with file.open("ab") as crashed:
        crashed.write(b'{"@timestamp":"2026')
    happens(sqlite_engine)
    assert turn()
    assert [json.loads(line)["user"]["name"] for line in file.read_text().splitlines()] == ["ana", "ana"]
    file.rename(tmp_path / "events.jsonl.1")
    happens(sqlite_engine)
    assert turn()
    assert not turn()
    assert len(file.read_text().splitlines()) == 1
    assert file.stat().st_mode & 0o777 == 0o640 & ~current_umask()


def current_umask() -> int:
    """Current umask."""
    found = os.umask(0)
    os.umask(found)
    return found


def test_a_file_that_cannot_be_written_is_tried_again(
    sqlite_engine: Engine, followed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "missing" / "events.jsonl"
    turn = event_sender.run_stream(LINES, replace(followed, siem=Siem(lines=str(file))), sqlite_engine)
    happens(sqlite_engine)
    assert not turn()
    assert "cannot be sent to lines" in caplog.text
    assert unsent(sqlite_engine, LINES) == 1
    assert not turn()  # it rests
    file.parent.mkdir()
    monkeypatch.setattr("webhooks.event_sender.time.monotonic", lambda: clock() + 3600)
    assert turn()
    assert unsent(sqlite_engine, LINES) == 0


clock = time.monotonic
