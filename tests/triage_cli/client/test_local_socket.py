"""The API that runs on this machine answers commands; in every other case they work on the database, with the same answers."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Said, Shell
from tests.triage_cli.serving import served
from triage.config import settings_loader
from triage.config.settings import Settings
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage_api.local_socket import socket_frames as wire, socket_server
from triage_cli.client import client_option, local_socket
from triage_cli.client.api_client import Desk
from triage_cli.client.exit_codes import LATER

WELCOME = wire.line_of({"ok": wire.WELCOME})


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Log entries, one for each command that worked on the database itself."""
    told: list[str] = []
    usual = client_option.open_here

    def here(settings: Settings) -> Desk:
        told.append("itself")
        return usual(settings)

    monkeypatch.setattr(client_option, "open_here", here)
    return told


@contextmanager
def pretending(directory: Path, answers: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen at the socket's place and answer one command like this."""
    (directory / wire.DIRECTORY).mkdir(mode=0o700)
    with wire.address_in(directory / wire.DIRECTORY) as address:
        listener = socket_server.bind_socket(address)
    listener.setblocking(True)

    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            answers(peer)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        listener.close()


def said_after(*replies: bytes) -> Callable[[socket.socket], None]:
    """An answer to each line that comes; then it hangs up."""

    def answers(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            for reply in replies:
                lines.readline()
                peer.sendall(reply)

    return answers


def test_the_api_answers(shell: Shell, arrives: Arrives, config: Path, alone: list[str]) -> None:
    held = arrives()
    by_itself = shell("deliveries")
    assert (alone.pop(), alone) == ("itself", [])
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        assert shell("deliveries") == by_itself
        assert held in by_itself.out
    assert alone == []
    assert shell("deliveries") == by_itself
    assert alone == ["itself"], "it has ended"


def test_each_fetch_is_on_the_record(shell: Shell, arrives: Arrives, config: Path, engine: Engine, alone: list[str]) -> None:
    held = arrives()
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        for _ in range(2):
            assert shell("show", held).code == 0
    with db.read_transaction(engine) as session:
        fetched = session.scalars(select(col(AuditRecord.by)).where(col(AuditRecord.act) == "fetch")).all()
    assert (len(fetched), alone) == (2, [])


@pytest.mark.parametrize(
    ("setting", "value"), [("POLICY__UNDO_SECONDS", "7"), ("API__SESSION_HOURS", "1"), ("DIRECTORY__FILE", "company.toml")]
)
def test_with_other_settings_it_works_by_itself(
    setting: str, value: str, shell: Shell, config: Path, alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        monkeypatch.setenv(f"MAILROOM_{setting}", value)
        assert (shell("deliveries").code, alone) == (0, ["itself"])


def test_with_another_version_too(shell: Shell, config: Path, alone: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        monkeypatch.setattr(local_socket, "version", lambda _name: "0.0.1")
        assert (shell("deliveries").code, alone) == (0, ["itself"])


def test_and_when_the_api_does_not_admit_us(shell: Shell, config: Path, alone: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_server, "admitted_users", lambda: frozenset({4711}))
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        assert (shell("deliveries").code, alone) == (0, ["itself"])


@pytest.mark.parametrize(
    "answers",
    [
        said_after(),
        said_after(b""),
        said_after(b"\xff\n"),
        said_after(wire.line_of({"no": "another version"})),
        said_after(WELCOME, b""),
        said_after(WELCOME, b"nonsense\n"),
        said_after(WELCOME, wire.line_of({"status": 200}) + wire.LENGTH.pack(50) + b"half"),
    ],
    ids=["hangs up", "says nothing", "odd", "no", "ends", "nonsense", "half an answer"],
)
def test_who_looks_at_something_is_answered_all_the_same(
    answers: Callable[[socket.socket], None], shell: Shell, settings: Settings, alone: list[str]
) -> None:
    usual = shell("people", "list")
    alone.clear()
    with pretending(settings.spool.directory, answers):
        assert shell("people", "list") == usual
    assert alone == ["itself"]


def test_whether_something_was_done_is_not_guessed(shell: Shell, arrives: Arrives, settings: Settings, alone: list[str]) -> None:
    held = arrives()
    with pretending(settings.spool.directory, said_after(WELCOME, b"")):
        said = shell("release", held)
    assert said == Said(LATER, "", f"mailroom: {local_socket.BROKEN_OFF}\n")
    assert alone == []


def test_a_stranger_who_listens_there_is_told_nothing(
    shell: Shell, settings: Settings, alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = bytearray()
    monkeypatch.setattr(wire, "uid_of", lambda _peer: 4711)
    with pretending(settings.spool.directory, lambda peer: heard.extend(peer.recv(1000))):
        assert shell("people", "list").code == 0
    assert (alone, bytes(heard)) == (["itself"], b"")


@pytest.mark.parametrize("uid", [0, "ours", "of the spool"])
def test_root_ourselves_and_the_owner_of_the_spool_may_listen(uid: int | str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"ours": os.geteuid(), "of the spool": settings.spool.directory.stat().st_uid}
    monkeypatch.setattr(wire, "uid_of", lambda _peer: known.get(str(uid), uid))
    with socket.socket(socket.AF_UNIX) as peer:
        assert local_socket.is_ours(peer, settings.spool.directory)


def test_who_asks_an_api_needs_no_database_library(config: Path, shell: Shell) -> None:
    program = "import sys; from triage_cli import main; from triage_cli.commands.queue import deliveries; "
    program += "code = main.run_command(lambda: main.mailroom(sys.argv[1:], standalone_mode=False)); "
    program += "print(code, sorted({'sqlalchemy', 'fastapi', 'pydantic', 'triage.store.models'} & set(sys.modules)))"
    words = shlex.split(f"--config {config} deliveries")
    with served(settings_loader.read_settings(str(config)), to_commands=True):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"
