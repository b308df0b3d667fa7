"""The service manager hands sockets over, and hears when a role is ready."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from triage.runtime.systemd import handed_over, notify_ready


def test_sockets_meant_for_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert list(handed_over()) == []


ACTIVATED = """
import os
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="smtp")
from triage.runtime.systemd import handed_over
print([(name, one.getsockname()[1]) for name, one in handed_over()])
"""


def test_sockets_come_with_the_names_they_have() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = [one.getsockname()[1] for one in (first, second)]

        def place() -> None:
            kept = [os.dup(first.fileno()), os.dup(second.fileno())]
            for wanted, one in enumerate(kept, 3):
                os.dup2(one, wanted)

        done = subprocess.run(
            [sys.executable, "-c", ACTIVATED],
            capture_output=True,
            text=True,
            check=True,
            close_fds=False,
            preexec_fn=place,
            cwd=Path(__file__).parents[3],
        )
    assert done.stdout.strip() == str([("smtp", ports[0]), ("", ports[1])])


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_manager_hears_that_a_role_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    name = str(tmp_path / "notify") if kind == "path" else f"@mailroom-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify_ready()
        assert manager.recv(100) == b"READY=1"


def test_nobody_asked_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_ready()
