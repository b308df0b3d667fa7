"""A backup while mail comes in, restored elsewhere: nothing that was promised before it is lost, nothing in a mailbox is sent twice."""

import hashlib
import itertools
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from tests.peers import company, outside, processes
from tests.peers.company import Company
from tests.peers.outside import OutsideMessage
from tests.peers.postgresql import Server
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content, Message

pytestmark = [pytest.mark.peers, pytest.mark.long]  # tests/triage_cli/commands/operations/test_backup.py has what it rests on
KNOWN, UNKNOWN = f"orders@{outside.SUPPLIER.name}", f"somebody@{outside.STRANGER.name}"  # one passes, the other is held
TO = f"it+russell.coker@{company.DOMAIN}"
SENDERS, BEFORE, AFTER = 3, 30, 20  # messages that are promised before the backup begins, and after it was made


@dataclass
class Load:
    """Strangers who write without a pause, and what was promised to them."""

    to: Company
    numbers: Iterator[int] = field(default_factory=itertools.count)
    promised: dict[str, str] = field(default_factory=dict)  # sha256 -> author
    enough: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def write(self) -> None:
        """Sends messages until there are enough."""
        while not self.enough.is_set():
            number = next(self.numbers)
            author = KNOWN if number % 2 else UNKNOWN
            raw = OutsideMessage(author, TO, f"number {number}", f"Message {number}.\r\n").raw(signed=False)
            with self.to.smtp() as client:
                client.sendmail(author, [TO], raw)
            self.promised[hashlib.sha256(raw).hexdigest()] = author

    def __enter__(self) -> "Load":
        self.threads = [threading.Thread(target=self.write) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.enough.set()
        for thread in self.threads:
            thread.join(processes.HANG)

    def until(self, count: int) -> dict[str, str]:
        """Wait until so many messages are accepted; return them."""
        return processes.until(lambda: dict(self.promised) if len(self.promised) >= count else {}, f"{count} are promised", log=self.to.log)


def delivered(mailboxes: Path) -> Counter[str]:
    """Count the copies of each message in a mailbox, by subject."""
    found: Counter[str] = Counter()
    for path in mailboxes.glob("*/new/*"):
        found[next(line for line in path.read_bytes().split(b"\r\n") if line.startswith(b"Subject: ")).decode()] += 1
    return found


def rows(house: Company, *columns: Any) -> list[Any]:
    """Columns of each message in the database."""
    engine = db.open_engine(house.database)
    with db.read_transaction(engine) as session:
        joined = (
            select(*columns)
            .join(Message, col(Message.id) == col(Delivery.message_id))
            .join(Content, col(Content.id) == col(Message.content_id))
        )
        found = list(session.execute(joined).all())
    engine.dispose()
    return found


def at_rest(house: Company) -> bool:
    """Is all messages judged, and nothing on its way?"""
    spool = list((house.directory / "spool").rglob("*.batch"))
    return not spool and not any(state in (State.QUEUED, State.RELAYING) for (state,) in rows(house, col(Delivery.state)))


FURTHER = [pytest.param(name, marks=pytest.mark.postgresql) for name in ("postgresql", "sqlite to postgresql")]
LONG = FURTHER if os.environ.get("MAILROOM_FAULTS") else []  # make faults


@pytest.fixture(params=["sqlite", *LONG])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Databases of the old and the new system."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old/mailroom.db", f"sqlite:///{tmp_path}/new/mailroom.db"
    server: Server = request.getfixturevalue("postgresql_server")
    if request.param == "postgresql":
        return server.create("old"), server.create("new")
    return f"sqlite:///{tmp_path}/old/mailroom.db", server.create("moved")


def test_a_backup_under_load_becomes_a_system_that_sends_nothing_twice(databases: tuple[str, str], tmp_path: Path) -> None:
    mailboxes, backup = tmp_path / "mailboxes", tmp_path / "backup"
    for name in ("mailboxes", "old", "new"):
        (tmp_path / name).mkdir()
    hop = f"maildir:{mailboxes}"
    with company.running(tmp_path / "old", databases[0], hop) as old:
        old.run("allow", KNOWN, check=True)
        with Load(old) as load:
            before = load.until(BEFORE)
            said = old.run("backup", str(backup), check=True)
            load.until(len(load.promised) + AFTER)
        assert "not in it, save it elsewhere" in said.stdout
        with old.signed_in() as desk:  # after the backup: the new system will not know of it
            held = desk.wait_for(3, state="held", sender=UNKNOWN)
            desk.decide("release", {"ids": [one["id"] for one in held]})
        processes.until(lambda: at_rest(old), "everything has left", log=old.log)
    lost = delivered(mailboxes)
    assert set(lost.values()) == {1}

    new = Company(tmp_path / "new", databases[1], hop)
    new.lay_out(upgrade=False)
    restored = new.run("backup", "restore", str(backup), check=True)
    assert "nothing is sent on" in restored.stdout
    assert new.run("backup", "restore", str(backup)).returncode == 2, "nothing is overwritten"
    try:
        new.start()
        looked = processes.until(lambda: dry_run(new), "all that was accepted before is judged", log=new.log)
        assert looked["resumed"] is False
        assert looked["found"] > 0
        assert looked["unknown"] == 0
        assert delivered(mailboxes) == lost, "nothing is sent while it is paused"
        resumed = new.run("resume", "--json")
        assert json.loads(resumed.stdout)["resumed"] is True, resumed.stderr
        processes.until(lambda: at_rest(new), "everything has left again", log=new.log)
        assert set(delivered(mailboxes).values()) == {1}
        known = dict(rows(new, col(Content.sha256), col(Delivery.state)))
        assert before.keys() <= known.keys(), "what was promised before the backup is there"
        assert {known[one] for one, author in before.items() if author == KNOWN} == {State.DELIVERED}
        later = OutsideMessage(KNOWN, TO, "life goes on")
        new.take(later)
        processes.until(lambda: delivered(mailboxes)["Subject: life goes on"], "new mail goes through", log=new.log)
    finally:
        new.stop()


def dry_run(house: Company) -> dict[str, Any]:
    """Report of `mailroom resume --dry-run`; empty while accepted messages have no verdict yet."""
    said = house.run("resume", "--dry-run", "--json")
    assert said.returncode in (0, 75), said.stderr
    found: dict[str, Any] = json.loads(said.stdout) if said.returncode == 0 else {}
    return found
