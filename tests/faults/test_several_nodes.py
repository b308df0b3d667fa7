"""Black box: two machines over one PostgreSQL. Whichever dies, nothing is lost or doubled, and staff sees one picture."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import test_nothing_lost as alone
from tests.faults.test_nothing_lost import LONG, PATIENCE, Ledger
from tests.peers import company, outside, processes
from tests.peers.company import Company

MESSAGES = 5000 if LONG else 240
SESSIONS = 4  # a node
KILLS = (("b", "everything"), ("a", "judge"), ("b", "relay"), ("a", "everything"), ("b", "judge")) * (8 if LONG else 1)


@pytest.fixture
def nodes(tmp_path: Path, postgresql_url: str) -> Iterator[dict[str, Company]]:
    """Two machines with a spool and ports of their own; database and mail store are shared."""
    made = {name: Company(tmp_path / name, postgresql_url, f"maildir:{tmp_path}/a/mailboxes") for name in ("a", "b")}
    for one in made.values():
        one.directory.mkdir()
        one.lay_out()
    made["a"].run("sync", check=True)
    made["a"].run("allow", outside.SUPPLIER.name, "--note", "buys from us", check=True)
    yield made
    for one in made.values():
        one.stop()


@pytest.mark.postgresql
@pytest.mark.timeout(3600 if LONG else 600)
def test_whichever_machine_dies_nothing_is_lost_or_doubled(nodes: dict[str, Company]) -> None:
    a, b = nodes["a"], nodes["b"]
    for one in nodes.values():
        one.start()
    ledger = Ledger()
    with sending(nodes, ledger):
        for number, (name, kind) in enumerate(KILLS, 1):
            promised(ledger, MESSAGES * number // (len(KILLS) + 1), nodes[name])
            if kind == "everything":
                nodes[name].kill()
                promised(ledger, len(ledger.promised) + 10, nodes["b" if name == "a" else "a"])  # the other one goes on
                nodes[name].open_door()
            else:
                nodes[name].kill_role(kind)
        promised(ledger, MESSAGES, a)
    processes.until(lambda: not alone.missing(a, ledger), "everything promised is entered", a.process, a.log, patience=PATIENCE)
    staff_sees_one_picture(a, b)
    alone.let_leases_end(a)
    processes.until(lambda: alone.waiting(a) == 0, "everything allowed is delivered", b.process, b.log, patience=PATIENCE)
    for one in nodes.values():
        one.stop()
    alone.held_exactly_once(a, ledger)
    alone.delivered_once_for_each_attempt(a, ledger)


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
    """The same mail at either console; and who is blocked at one is refused at the other's door."""
    with a.signed_in() as here, b.signed_in() as there:
        assert [one["id"] for one in here.deliveries(state="held")] == [one["id"] for one in there.deliveries(state="held")] != []
    a.run("block", "nobody@blocked.example", check=True)
    for one in (a, b):
        processes.until(lambda one=one: refuses(one), "the door refuses who is blocked", one.process, one.log)  # type: ignore[misc]


def refuses(node: Company) -> bool:
    """Does its door let nobody@blocked.example write to anybody?"""
    with node.smtp() as client:
        client.helo()
        client.mail("nobody@blocked.example")
        return client.rcpt(f"ada.byron@{company.DOMAIN}")[0] == 550
