"""Chaos around the mirror: it dies, Dovecot restarts, connections drop, moves come twice and late. Final states equal a model's.

Short in `make test`; MAILROOM_FAULTS=long takes a thousand steps.
"""

import contextlib
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]
from sqlalchemy import Engine, func, select
from sqlmodel import col

from mailboxes.mailbox import Unreachable
from mailboxes.mirror import mirror_role
from mailboxes.mirror.mirror_account import MirrorAccount
from tests.mailboxes.mirroring import FS_LAYOUT, JOE, RELEASED, Town, mirroring, town
from tests.peers import gate, processes
from tests.peers.mail import dovecot
from tests.triage.throwaways import proven
from triage.config.settings import Settings
from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.store.db import read_transaction
from triage.store.models.decisions import DecisionItem

pytestmark = [pytest.mark.peers, pytest.mark.long]
STEPS = 1_000 if os.environ.get("MAILROOM_FAULTS") == "long" else 45
SEED = int(os.environ.get("MAILROOM_SEED", "13"))
ACTS = {"Release": RELEASED, "Allow sender": RELEASED, "Remove": ("purged",)}
PATIENCE = 2 * processes.HANG


class Breaking(gate.Gate):
    """Gate that lets everything pass, until all connections break at once."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.open.set()
        self.inside: list[socket.socket] = []

    def pass_on(self, client: socket.socket) -> None:
        """Passes a connection on; none where the server is down."""
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.target)) as server:
            self.inside += [client, server]
            back = threading.Thread(target=self.back, args=(server, client))
            back.start()
            gate.carry_bytes(client, server)
            back.join()

    def drop(self) -> None:
        """All of them."""
        inside, self.inside = self.inside, []
        for end in inside:
            with contextlib.suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.drop()
        super().close()


class Chaos:
    """Random events, and their model: the final state of each message, and its number of decisions."""

    def __init__(self, here: Town, breaking: Breaking) -> None:
        self.here, self.breaking, self.dice = here, breaking, random.Random(SEED)
        self.expected: dict[int, tuple[str, ...]] = {}
        self.decided: dict[int, int] = {}
        self.bytes: dict[int, bytes] = {}  # of an earlier copy of each
        self.last: dict[int, DecisionReport] = {}  # by the console
        self.senders = 0

    def step(self) -> None:
        """Makes a random event happen."""
        does = self.dice.choices(
            (
                self.arrives,
                self.moved,
                self.console,
                self.replayed,
                self.thrown_away,
                self.renamed,
                self.undone,
                self.broken,
                self.restarted,
            ),
            (8, 8, 4, 5, 3, 1, 3, 4, 1),
        )
        does[0]()

    def held(self) -> list[int]:
        return [mail for mail, states in self.expected.items() if states == ("held",)]

    def arrives(self) -> None:
        self.senders += 1
        domain, text = f"x{self.senders}.example", f"This is number {self.senders:05} of all messages."
        mail = self.here.comes(author=f"a{self.senders}@{domain}", text=text, dmarc=proven(domain))
        self.expected[mail], self.decided[mail] = ("held",), 0

    def moved(self) -> None:
        """Move or copy a message into a folder for an act."""
        if not (some := self.held()):
            return
        mail, act = self.dice.choice(some), self.dice.choice(list(ACTS))
        uid = self.shown(mail)
        with contextlib.suppress(IMAPClientError), self.here.client() as client:  # it is put right this moment: then nothing was moved
            client.select_folder(JOE)
            raw = client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
            if raw is not None:
                (client.copy if self.dice.random() < 0.3 else client.move)([uid], act)
                self.bytes[mail] = raw
                self.note(mail, ACTS[act])

    def console(self) -> None:
        """Decide at the console meanwhile."""
        if some := self.held():
            mail, verb = self.dice.choice(some), self.dice.choice((Verb.RELEASE, Verb.PURGE))
            self.last[mail] = self.here.decides(verb, mail)
            self.note(mail, RELEASED if verb is Verb.RELEASE else ("purged",))

    def undone(self) -> None:
        """And takes it back: it is held again."""
        if self.last:
            mail = self.dice.choice(list(self.last))
            self.settled(mail)
            self.here.undoes(self.last.pop(mail))
            self.expected[mail] = ("held",)
            self.decided[mail] += 1

    def replayed(self) -> None:
        """A program that was offline brings an old copy into a folder for an act: what was decided stays decided."""
        old = [mail for mail in self.bytes if mail not in self.held()]
        if old:
            mail = self.dice.choice(old)
            self.settled(mail)
            with self.here.client() as client:
                client.append(self.dice.choice(list(ACTS)), self.bytes[mail])

    def thrown_away(self) -> None:
        if some := self.held():
            uid = self.shown(self.dice.choice(some))
            with contextlib.suppress(IMAPClientError), self.here.client() as client:
                client.select_folder(JOE)
                if self.dice.random() < 0.5:
                    client.delete_messages([uid])
                    client.uid_expunge([uid])
                else:
                    if not client.folder_exists("Trash"):
                        client.create_folder("Trash")
                    client.move([uid], "Trash")

    def renamed(self) -> None:
        with self.here.client() as client:
            if client.folder_exists(JOE):
                client.rename_folder(JOE, f"Old {self.dice.randrange(10**9)}")

    def broken(self) -> None:
        self.breaking.drop()

    def restarted(self) -> None:
        self.here.server.stop()
        self.here.server.start()

    def note(self, mail: int, states: tuple[str, ...]) -> None:
        self.expected[mail] = states
        self.decided[mail] += 1

    def settled(self, mail: int) -> None:
        """Wait until the move was noticed, so that the next event does not overtake it."""
        processes.until(lambda: self.here.state(mail) in self.expected[mail], f"it is {self.expected[mail]}", patience=PATIENCE)
        if mail not in self.held():
            processes.until(lambda: self.uid(mail) is None, "it is shown no more", patience=PATIENCE)

    def shown(self, mail: int) -> int:
        """UID of a message in its folder, once it is there."""
        return processes.until(lambda: self.uid(mail) or 0, "it is shown", patience=PATIENCE)

    def uid(self, mail: int) -> int | None:
        number = self.here.raw(mail).split(b"number ")[1][:5].decode()
        try:
            with self.here.client() as client:
                client.select_folder(JOE)
                return max(client.search(["BODY", f"number {number}"]), default=None)
        except IMAPClientError:
            return None


@pytest.fixture
def server() -> Iterator[dovecot.Server]:
    with dovecot.running(more=FS_LAYOUT) as running:
        yield running


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirror breaks off before or after any of its steps in the account, and begins again from what the database knows."""
    dice = random.Random(SEED)

    def breaks_off(step: Callable[..., None]) -> Callable[..., None]:
        def may_break_off(*words: Any, **more: Any) -> None:
            luck = dice.random()
            if luck < 0.03:
                raise Unreachable("died before it")
            step(*words, **more)
            if luck > 0.95:
                raise Unreachable("died after it")

        return may_break_off

    for name in ("move", "put", "take"):
        monkeypatch.setattr(MirrorAccount, name, breaks_off(getattr(MirrorAccount, name)))


@pytest.mark.usefixtures("dying")
def test_final_states_equal_the_model(
    sqlite_engine: Engine, sqlite_url: str, settings: Settings, server: dovecot.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_role, "MOST_MOVES", 10_000)  # nobody is asked
    settings = replace(settings, database=replace(settings.database, url=sqlite_url))
    with gate.watch_gate(Breaking(server.imap_port)) as breaking:
        assert isinstance(breaking, Breaking)
        here = town(sqlite_engine, settings, server, tmp_path, imap=f"imap://127.0.0.1:{breaking.port}")
        chaos = Chaos(here, breaking)
        with mirroring(here.settings):
            for _ in range(STEPS):
                chaos.step()
            for mail in chaos.expected:
                chaos.settled(mail)
            here.shows(*chaos.held())
            processes.until(lambda: not any(here.lying(act) for act in ACTS), "nothing waits in a folder for acts", patience=PATIENCE)
    assert {mail: here.state(mail) in states for mail, states in chaos.expected.items()} == dict.fromkeys(chaos.expected, True)
    with read_transaction(here.engine) as session:
        counted = select(col(DecisionItem.delivery_id), func.count()).group_by(col(DecisionItem.delivery_id))
        decided = dict(iter(session.execute(counted)))
    assert {mail: decided.get(mail, 0) for mail in chaos.decided} == chaos.decided
