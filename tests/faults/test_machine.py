"""Black box: the disk fills, the disk fails to sync, the clock jumps, all under load. What was answered with 250 is there exactly once."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.faults import test_nothing_lost as alone, test_several_nodes as several
from tests.faults.test_nothing_lost import LONG, PATIENCE, Ledger
from tests.peers import outside, processes
from tests.peers.company import Company
from triage.store.db import open_engine, read_transaction
from triage.store.models.messages import Message

MESSAGES = 3000 if LONG else 150  # before, while and after each fault
DISK = "1g" if LONG else "96m"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), Path("libfaketime.so.1"))
FIU = Path("/usr/lib/fiu")
JUMPS = ("+40d", "-2d", "+0")  # from the true time


@dataclass
class Faulty(Company):
    """A company on a machine that is out of order."""

    surroundings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """With what is to go wrong."""
        return {**super().environment, **self.surroundings}


@contextlib.contextmanager
def faulty(directory: Path) -> Iterator[Faulty]:
    """A company in this directory that knows one of the two senders; it is stopped at the end."""
    made = Faulty(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes")
    made.lay_out()
    made.run("sync", check=True)
    made.run("allow", outside.SUPPLIER.name, "--note", "buys from us", check=True)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Faulty]:
    """A company on a small disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk], check=False).returncode == 0
    )
    try:
        with faulty(disk) as made:
            yield made
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", disk], check=True)


@contextlib.contextmanager
def sending(house: Company, faults: str) -> Iterator[Ledger]:
    """Clients that send all the time. Afterwards everything promised is there exactly once."""
    ledger = Ledger()
    with several.sending({"house": house}, ledger):
        yield ledger
    processes.until(lambda: not alone.missing(house, ledger), "everything promised is entered", house.process, house.log, patience=PATIENCE)
    alone.let_leases_end(house)
    house.run("outgoing", "retry", "--next-hop", house.next_hop, check=True)  # what a fault has deferred for minutes
    processes.until(lambda: alone.waiting(house) == 0, "everything allowed is delivered", house.process, house.log, patience=PATIENCE)
    house.stop()
    alone.all_kept(house, ledger, faults)


def more(house: Company, ledger: Ledger) -> None:
    """Some more are promised."""
    several.promised(ledger, len(ledger.promised) + MESSAGES, house)


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 1800)
def test_a_disk_that_fills(house: Faulty) -> None:
    if not os.path.ismount(house.directory):
        pytest.skip("a disk of its own needs root")
    house.start()
    with sending(house, "a disk that is full") as ledger:
        more(house, ledger)
        filled = fill(house.directory)
        processes.until(lambda: refuses_for_now(house), "the door says that there is no room", house.process, house.log)
        filled.unlink()
        more(house, ledger)


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 1800)
def test_a_disk_that_fails_to_sync_now_and_then(house: Faulty) -> None:
    failing = "\n".join(f"enable_random name=posix/io/sync/{name},probability=0.05,failinfo=5" for name in ("fsync", "fdatasync"))
    house.surroundings = {"LD_PRELOAD": f"{FIU}/fiu_run_preload.so {FIU}/fiu_posix_preload.so", "FIU_ENABLE": failing}
    with sending(house, "a sync of twenty fails") as ledger:
        insist(house, ledger)
        house.kill()
        insist(house, ledger)
        assert "Input/output error" in house.log.read_text(), "a sync has failed"
        house.stop()
        house.surroundings = {}
        house.open_door()


@pytest.mark.long
@pytest.mark.timeout(3600 if LONG else 1800)
def test_a_clock_that_jumps_by_weeks_and_back(house: Faulty, tmp_path: Path) -> None:
    shift = tmp_path / "shift"
    shift.write_text("+0\n")
    house.surroundings = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    house.start()
    with sending(house, "the clock jumps by 40 days, by -2 days and back") as ledger:
        more(house, ledger)
        for jump in JUMPS:
            (tmp_path / "next").write_text(f"{jump}\n")
            (tmp_path / "next").replace(shift)  # nobody reads half of it
            more(house, ledger)
    oldest, newest = span(house)
    assert newest - oldest > timedelta(days=41), "the clock has jumped"


def insist(house: Company, ledger: Ledger) -> None:
    """Start it until some more are promised, as systemd does: what cannot be sure of spool or database as it starts ends again."""
    for _ in range(20):
        with contextlib.suppress(AssertionError):
            house.open_door()
            return more(house, ledger)
    raise AssertionError("it never came up")


def span(house: Company) -> tuple[datetime, datetime]:
    """When the oldest and the newest message came in, as the house has it."""
    engine = open_engine(house.database)
    with read_transaction(engine) as database:
        oldest, newest = database.execute(select(func.min(Message.received_at), func.max(Message.received_at))).one()
    engine.dispose()
    return oldest, newest


def fill(directory: Path) -> Path:
    """Take all room there is; the file that has it."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    return filler


def refuses_for_now(house: Company) -> bool:
    """Does the SMTP server answer 4xx for want of room?"""
    refused = house.refusal(outside.OutsideMessage(alone.UNKNOWN, "it+russell.coker@company.example", "One more", "text " * 20_000))
    return refused is not None and refused[0] in (452, 451)
