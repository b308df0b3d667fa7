"""Black box: three machines over one PostgreSQL. Whichever dies, nothing is lost or doubled, and staff sees one picture."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from pathlib import Path

import httpx
import pytest

from tests.faults import test_nothing_lost as alone
from tests.faults.test_nothing_lost import LONG, PATIENCE, Ledger
from tests.peers import company, outside, processes
from tests.peers.company import Company
from triage.compliance.audit import audit_log
from triage.store.db import open_engine, read_transaction

MESSAGES = 5000 if LONG else 240
SESSIONS = 4  # a node
KILLS = (
    ("b", "everything"),
    ("a", "judge"),
    ("c", "everything"),
    ("b", "relay"),
    ("c", "judge"),
    ("a", "everything"),
    ("c", "receive"),
) * (6 if LONG else 1)


@dataclass
class FrontEnd(Company):
    """A machine that takes mail and judges it, and does nothing else; each role is started again when it ends, as systemd does."""

    roles: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        """Both roles, until it takes mail."""
        self.open_door()

    def open_door(self) -> None:
        """Start the roles that do not run."""
        for name in ("judge", "receive"):
            if name not in self.roles or self.roles[name].poll() is not None:
                self.roles[name] = processes.start([*self.command, name], self.log, environment=self.environment)
        processes.until(self.greets, "SMTP says 220", self.roles["receive"], self.log)

    def kill(self) -> None:
        """Both at once."""
        for process in self.roles.values():
            processes.kill_group(process)

    def kill_role(self, name: str) -> None:
        """Kills a role and its children."""
        processes.kill_group(self.roles[name])
        self.open_door()

    def stop(self) -> None:
        """SIGTERM."""
        for process in self.roles.values():
            processes.stop(process)


@pytest.fixture
def nodes(tmp_path: Path, postgresql_url: str) -> Iterator[dict[str, Company]]:
    """Two machines with everything and one that only takes mail and judges it, each with a spool of its own; they share one
    mail store.
    """
    shared = f"maildir:{tmp_path}/a/mailboxes"
    made = {name: kind(tmp_path / name, postgresql_url, shared) for name, kind in (("a", Company), ("b", Company), ("c", FrontEnd))}
    for one in made.values():
        one.directory.mkdir()
        one.lay_out()
    made["a"].run("sync", check=True)
    made["a"].run("allow", outside.SUPPLIER.name, "--note", "buys from us", check=True)
    yield made
    for one in made.values():
        one.stop()


@pytest.mark.long
@pytest.mark.postgresql
@pytest.mark.timeout(3600 if LONG else 1800)
def test_whichever_machine_dies_nothing_is_lost_or_doubled(nodes: dict[str, Company]) -> None:
    a, b = nodes["a"], nodes["b"]
    for one in nodes.values():
        one.start()
    ledger = Ledger()
    with listening(a, b) as told:
        with sending(nodes, ledger):
            for number, (name, kind) in enumerate(KILLS, 1):
                promised(ledger, MESSAGES * number // (len(KILLS) + 1), nodes[name])
                if kind == "everything":
                    nodes[name].kill()
                    promised(
                        ledger, len(ledger.promised) + 10, next(one for other, one in nodes.items() if other != name)
                    )  # the others go on
                    nodes[name].open_door()
                else:
                    nodes[name].kill_role(kind)
            promised(ledger, MESSAGES, a)
        processes.until(lambda: not alone.missing(a, ledger), "everything promised is entered", a.process, a.log, patience=PATIENCE)
        staff_sees_one_picture(a, b)
        alone.let_leases_end(a)
        processes.until(lambda: alone.waiting(a) == 0, "everything allowed is delivered", b.process, b.log, patience=PATIENCE)
        processes.until(lambda: told[-1] == acts(a), "who listens has heard of every act", a.process, a.log)
    assert all(earlier < later for earlier, later in pairwise(told))
    for one in nodes.values():
        one.stop()
    alone.all_kept(a, ledger, f"{len(KILLS)} kills on three machines")
    a.run("audit", "verify", check=True)


@contextlib.contextmanager
def listening(*nodes: Company) -> Iterator[list[int]]:
    """A console that hears what happens, at the next machine when one dies; the numbers that it is told."""
    told, enough = [0], threading.Event()
    thread = threading.Thread(target=listen, args=(nodes, told, enough), daemon=True)
    thread.start()
    yield told
    enough.set()
    thread.join(processes.HANG)


def listen(nodes: tuple[Company, ...], told: list[int], enough: threading.Event) -> None:
    """Come back with the last number heard (Last-Event-ID), as a browser does."""
    for node in cycle(nodes):
        with contextlib.suppress(httpx.HTTPError, AssertionError), node.signed_in() as desk, heard(desk.client, told[-1]) as stream:
            for line in stream.iter_lines():
                if line.startswith("id:") and int(line[3:]) != told[-1]:
                    told.append(int(line[3:]))
                if enough.is_set():
                    return
        if enough.wait(0.2):
            return


def heard(client: httpx.Client, last: int) -> contextlib.AbstractContextManager[httpx.Response]:
    """The stream of events after this one."""
    return client.stream("GET", "/events", headers={"Last-Event-ID": str(last)}, timeout=20)


def acts(node: Company) -> int:
    """Number of committed acts."""
    engine = open_engine(node.database)
    with read_transaction(engine) as database:
        count = audit_log.number_of_acts(database)
    engine.dispose()
    return count


@contextlib.contextmanager
def sending(nodes: dict[str, Company], ledger: Ledger) -> Iterator[None]:
    """Clients send to every machine."""
    enough = threading.Event()
    sessions = [
        threading.Thread(target=alone.session, args=(one.smtp_port, ledger, enough), daemon=True)
        for one in nodes.values()
        for _ in range(SESSIONS)
    ]
    for session in sessions:
        session.start()
    try:
        yield
    finally:
        enough.set()
        for session in sessions:
            session.join(processes.HANG)


def promised(ledger: Ledger, wanted: int, node: Company) -> None:
    """So many messages have been answered with 250."""
    processes.until(lambda: len(ledger.promised) >= wanted, f"{wanted} are promised", node.process, node.log, patience=PATIENCE)


def staff_sees_one_picture(a: Company, b: Company) -> None:
    """The same message at either console; and who is blocked at one is refused at the other's door."""
    with a.signed_in() as here, b.signed_in() as there:

        def same() -> bool:  # what nobody has promised may still come in
            return [one["id"] for one in here.deliveries(state="held")] == [one["id"] for one in there.deliveries(state="held")] != []

        processes.until(same, "both show the same mail", b.process, b.log)
    a.run("block", "nobody@blocked.example", check=True)
    for one in (a, b):
        processes.until(lambda one=one: refuses(one), "the door refuses who is blocked", one.process, one.log)  # type: ignore[misc]


def refuses(node: Company) -> bool:
    """Whether its door lets nobody@blocked.example write to anybody."""
    with node.smtp() as client:
        client.helo()
        client.mail("nobody@blocked.example")
        return client.rcpt(f"ada.byron@{company.DOMAIN}")[0] == 550
