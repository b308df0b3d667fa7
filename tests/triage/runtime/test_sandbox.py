"""Sandbox of children that read hostile bytes: almost nothing is reachable in bubblewrap; a systemd unit answers where there is one."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import processes
from tests.peers.processes import HANG
from tests.triage.messages import mail
from triage.config.settings import Settings
from triage.message.summary import Summary, make_summary
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun, Pool
from triage_cli.doctor import local_checks

MEMORY = 256 * 1024 * 1024
ROOT = Path(__file__).parents[3]
ACCEPTING = "00010000"  # flags of a socket that listens, in /proc/net/unix: __SO_ACCEPTCON


def pool(function: str, *, seconds: float = HANG) -> Pool:
    """A pool of one child."""
    return Pool(f"tests.triage.children:{function}", size=1, memory_bytes=MEMORY, seconds=seconds)


@pytest.fixture
def wrapped() -> None:
    """Bubblewrap, which the tests install, works here."""
    sandbox.sandbox_wrapper.cache_clear()
    assert sandbox.sandbox_wrapper(), "bwrap is there and does not work"


@pytest.mark.peers
@pytest.mark.usefixtures("wrapped")
def test_in_bubblewrap_a_child_sees_no_file_no_process_and_no_network(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pool("reach_out") as children:
        found = json.loads(children.run(str(secret).encode()))
    code = {one for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix)) for one in (path, *path.parents)}
    assert set(map(Path, found["readable"])) <= code, "nothing beside the way to our own code, wherever that lies"
    assert found["interfaces"] == ["lo"]
    assert found["processes"] <= 3, "bubblewrap's own, and the child"
    assert found["capabilities"] == 0
    assert found["etc"] == ["ld.so.cache"]
    assert "bubblewrap" in sandbox.describe_sandbox()


@pytest.mark.peers
@pytest.mark.usefixtures("wrapped")
def test_in_bubblewrap_misbehaviour_is_an_overrun_and_the_next_message_is_served() -> None:
    with pool("behave", seconds=2.0) as children:
        for message in (b"loop", b"sleep", b"eat", b"die"):
            with pytest.raises(Overrun):
                children.run(message)
            assert children.run(b"after") == b"after"


@pytest.mark.peers
@pytest.mark.parametrize("confined", [True, False], ids=["bubblewrap", "limits alone"])
def test_a_child_has_no_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, confined: bool) -> None:
    """Nor can it reach that of whoever has started us, by TIOCSTI: the session is its own."""
    if not confined:
        monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.sandbox_wrapper.cache_clear()
    program = "import sys; from tests.triage.runtime.test_sandbox import pool; children = pool('tell_session'); "
    said = run_on_terminal(f"{program}print(children.run(b'').decode()); children.close()")
    assert json.loads(said) == {"session": True, "terminal": False}
    sandbox.sandbox_wrapper.cache_clear()


def run_on_terminal(program: str) -> str:
    """Output of a Python program whose controlling terminal is a pty, at which /dev/tty can be opened."""
    ours, theirs = pty.openpty()
    take = f"import fcntl, os, termios; fcntl.ioctl({theirs}, termios.TIOCSCTTY, 0); os.close(os.open('/dev/tty', os.O_RDWR)); "
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", take + program],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
            pass_fds=[theirs],
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("words", "is_restricted"),
    [
        ("bwrap: setting up uid map: Permission denied", True),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", True),
        ("bwrap: No permissions to create new namespace", False),
        ("bwrap: execvp python3: No such file or directory", False),
    ],
)
def test_what_apparmor_refuses_is_recognised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings, words: str, is_restricted: bool
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.sandbox_wrapper.cache_clear()
    (finding,) = local_checks.check_parser(settings)
    sandbox.sandbox_wrapper.cache_clear()
    assert ("deploy/apparmor/bwrap" in finding.do) == is_restricted
    assert "limits of memory and time alone" in finding.found


def test_without_bubblewrap_the_limits_hold_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.sandbox_wrapper.cache_clear()
    assert sandbox.sandbox_wrapper() == ()
    assert "limits" in sandbox.describe_sandbox()
    sandbox.sandbox_wrapper.cache_clear()


def test_a_bubblewrap_that_may_not_work_here_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container without user namespaces."""
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.sandbox_wrapper.cache_clear()
    assert sandbox.sandbox_wrapper() == ()
    sandbox.sandbox_wrapper.cache_clear()


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """systemd's own socket activation, one process a connection, as mailroom-parse.socket does it."""
    path = tmp_path / "parse.sock"
    functions = ["tests.triage.children:behave", "tests.triage.children:count", "triage.message.summary:summarise_json"]
    serving = [sys.executable, "-P", "-m", "triage.runtime.sandbox_pool", "--socket", *functions]
    command = ["systemd-socket-activate", "--accept", "--inetd", "-E", f"PYTHONPATH={ROOT}", "-l", str(path), *serving]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as manager:
        processes.until(lambda: listens(path), "systemd-socket-activate listens", manager)
        monkeypatch.setenv(sandbox.SOCKET, str(path))
        yield path
        manager.terminate()


def listens(path: Path) -> bool:
    """Whether there is a socket that takes connections. Its file is there a moment before."""
    sockets = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(one[-1] == str(path) and one[3] == ACCEPTING for one in sockets)


def test_behind_a_socket_the_same_children_answer(unit: Path) -> None:
    raw = mail("From: Ann <ann@sender.example>\nSubject: x", "hello")
    with Pool("triage.message.summary:summarise_json", size=1, memory_bytes=MEMORY, seconds=HANG) as children:
        assert Summary.from_json(json.loads(children.run(raw))) == make_summary(raw)
    with pool("count") as children:
        assert [json.loads(children.run(b""))[0] for _ in range(3)] == [1, 2, 3]
    assert str(unit) in sandbox.describe_sandbox()


def test_behind_a_socket_misbehaviour_is_an_overrun_too(unit: Path) -> None:
    with pool("behave", seconds=2.0) as children:
        for message in (b"sleep", b"eat", b"die"):
            with pytest.raises(Overrun):
                children.run(message)
            assert children.run(b"after") == b"after"


def test_a_child_behind_a_socket_runs_only_what_its_unit_names(unit: Path) -> None:
    with pool("reach_out") as children, pytest.raises(RuntimeError, match="not for this function"):
        children.run(b"")


def test_a_socket_that_nobody_listens_on_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(sandbox.SOCKET, str(tmp_path / "nobody.sock"))
    with pool("count") as children, pytest.raises(RuntimeError, match=r"no parser answers behind .*nobody\.sock.*mailroom-parse\.socket"):
        children.run(b"")
