"""Black box: whatever was released arrives, however bad the next hop's day and however often the relay is killed; repeats have a reason."""

import contextlib
import os
import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update
from sqlmodel import Session, col

from tests.conftest import DATABASES
from tests.peers import processes
from tests.peers.company import Company
from tests.peers.mail.faulty_sink import FaultySink
from tests.peers.mail.next_hop import Taken, next_hop
from tests.triage import arriving
from triage.config.settings import Settings
from triage.config.settings_loader import read_settings
from triage.ids import format_id
from triage.message.authentication import Result
from triage.runtime.wakeup import WakeupPipe
from triage.store import db, ledger
from triage.store.delivery_state import Event, State
from triage.store.models.deliveries import Attempt, Delivery
from triage.times import utcnow

LONG = bool(os.environ.get("MAILROOM_FAULTS"))  # make faults
MESSAGES, KILLS, OUTAGES = (3000, 40, 6) if LONG else (120, 3, 1)
RECIPIENTS = ("it+joe.fern@company.example", "legal+mara.berg@company.example", "info@company.example")
OUTAGE = 2.0  # seconds that nobody listens
MESSAGE_ID = re.compile(rb"^X-Mailroom-Message: (\w+)\r\n", re.M)


@dataclass
class House:
    """A company of which only the relay runs, and the sink that it sends to."""

    company: Company
    engine: Engine
    port: int
    taken: list[Taken] = field(default_factory=list)  # by sinks that are gone
    faults: Counter[str] = field(default_factory=Counter)
    relay: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """The relay, as systemd starts it."""
        self.relay = processes.start([*self.company.command, "relay"], self.company.log, environment=self.company.environment)

    def kill(self) -> None:
        """A power cut for the relay; its leases are over at once."""
        assert self.relay is not None
        processes.kill_group(self.relay)
        self.hurry(State.RELAYING)

    def hurry(self, state: State) -> None:
        """The clock jumps to where these are due."""
        with db.transaction(self.engine) as session:
            session.execute(update(Delivery).where(col(Delivery.state) == state).values(due_at=utcnow()))
        with contextlib.closing(WakeupPipe(self.company.directory / "spool", "relay")) as pipe:
            pipe.wake()

    @contextlib.contextmanager
    def sink(self) -> Iterator[None]:
        """The next hop, for as long as it is up."""
        with next_hop(lmtp=True, port=self.port, offers=("PIPELINING",), kind=FaultySink) as peer:
            assert isinstance(peer, FaultySink)
            peer.chance = random.Random(len(self.taken) + 1)
            yield
        self.taken += peer.taken
        self.faults.update(peer.faults)

    def left(self) -> int:
        """Deliveries that have not arrived."""
        with db.read_transaction(self.engine) as session:
            return session.scalar(select(func.count()).select_from(Delivery).where(col(Delivery.state) != State.DELIVERED)) or 0


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """With MESSAGES released messages to one, two or three people."""
    port = processes.free_port()
    company = Company(tmp_path, database_url, f"lmtp://127.0.0.1:{port}")
    company.lay_out()
    settings_file = tmp_path / "mailroom.toml"
    settings_file.write_text(settings_file.read_text().replace("[relay]", "[relay]\ntimeout = 2\nfinal_timeout = 10"))
    made = House(company, db.open_engine(database_url), port)
    settings = read_settings(str(settings_file))
    with db.transaction(made.engine) as session:
        arriving.set_up(session, settings)
        for number in range(MESSAGES):
            release(session, settings, RECIPIENTS[: number % 3 + 1])
    yield made
    if made.relay:
        processes.stop(made.relay)
    made.engine.dispose()


def release(session: Session, settings: Settings, recipients: tuple[str, ...]) -> None:
    """A proven message that a person has released for all its recipients."""
    ids = arriving.arrive(session, settings, *recipients, spf=Result.PASS)
    now = utcnow()
    ledger.record_many(session, col(Delivery.id).in_(ids), Event.RELEASE, by=arriving.ANA, now=now, due_at=now, queued_at=now)


@pytest.mark.timeout(3600 if LONG else 1800)
@pytest.mark.parametrize("database_url", DATABASES if LONG else DATABASES[1:], indirect=True)  # test_nothing_lost has the other one
def test_nothing_is_lost_and_every_repeat_has_a_reason(house: House) -> None:
    all_of_it = house.left()
    house.start()
    for outage in range(1, OUTAGES + 1):
        with house.sink():
            work(
                house,
                all_of_it * (OUTAGES + 1 - outage) // (OUTAGES + 1),
                KILLS * outage // (OUTAGES + 1) - KILLS * (outage - 1) // (OUTAGES + 1),
            )
        time.sleep(OUTAGE)  # nobody listens; the relay finds out
    with house.sink():
        work(house, 0, KILLS - KILLS * OUTAGES // (OUTAGES + 1))
    assert house.relay is not None
    processes.stop(house.relay)
    everything_arrived_and_repeats_are_explained(house)
    assert {"451 4.3.0 later", "450 4.2.0 greylisted, come back"} <= set(house.faults)


def work(house: House, enough: int, kills: int) -> None:
    """Until at most `enough` are left, with so many kills on the way; what is deferred is due at once."""
    begin, killed = house.left(), 0
    deadline = time.monotonic() + processes.HANG * (7 if LONG else 2)
    while (left := house.left()) > enough or killed < kills:
        assert time.monotonic() < deadline, f"{left} of {begin} are left. {processes.read_tail(house.company.log)}"
        if killed < kills and (left <= enough or begin - left > (begin - enough) * killed / (kills + 1)):
            house.kill()
            house.start()
            killed += 1
        house.hurry(State.QUEUED)
        time.sleep(0.3)


def everything_arrived_and_repeats_are_explained(house: House) -> None:
    """Each mailbox has its copy, and one more at most for each attempt that ended in the dark; nothing was given up."""
    with db.read_transaction(house.engine) as session:
        rows = session.execute(select(col(Delivery.id), col(Delivery.message_id), col(Delivery.mailbox), col(Delivery.state))).all()
        dark = Counter(
            session.scalars(select(col(Attempt.delivery_id)).where((col(Attempt.outcome) == "") | (col(Attempt.outcome) == "unanswered")))
        )
    assert {row.state for row in rows} == {State.DELIVERED}
    copies: Counter[tuple[str, str]] = Counter()
    for one in house.taken:
        found = MESSAGE_ID.search(one.raw)
        assert found
        copies[found[1].decode(), one.mailbox] += 1
    allowed = {(format_id(row.message_id), row.mailbox): 1 + dark[row.id] for row in rows}
    assert set(copies) == set(allowed)
    assert {copy: count for copy, count in copies.items() if not 1 <= count <= allowed[copy]} == {}
