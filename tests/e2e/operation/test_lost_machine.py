"""The machine with database and spool is gone: what a backup gives back, what is lost, and how long each step takes."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from sqlmodel import col

from tests.e2e.operation.test_backup import KNOWN, TO, UNKNOWN, at_rest, delivered, rows
from tests.peers import company, processes
from tests.peers.company import Company, role_of
from tests.peers.outside import OutsideMessage
from triage.store.delivery_state import State
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Content

pytestmark = [pytest.mark.peers, pytest.mark.long]  # tests/triage_cli/commands/operations/test_backup.py has what it rests on
EACH = int(os.environ.get("MAILROOM_DRILL", "5"))  # messages of each kind


@dataclass
class Times:
    """Seconds that each step took; printed at the end (pytest -s)."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one."""
        begun = time.monotonic()
        yield
        self.steps[name] = round(time.monotonic() - begun, 1)


def send(house: Company, author: str, about: str) -> dict[str, str]:
    """Some messages that are answered with 250: the id of each answer, by SHA-256."""
    promised = {}
    with house.smtp() as client:
        client.ehlo()
        for number in range(EACH):
            raw = OutsideMessage(author, TO, f"{about} {number}", f"{about} {number}.\r\n").raw(signed=False)
            client.mail(author)
            client.rcpt(TO)
            code, said = client.data(raw)
            assert code == 250, said
            promised[hashlib.sha256(raw).hexdigest()] = said.decode().split()[-1]
    return promised


def stop_judge(house: Company) -> None:
    """Stop the processor, so that accepted messages stay in the spool."""
    assert house.process
    (judge,) = [pid for pid in processes.list_descendants(house.process.pid) if role_of(pid) == "judge"]
    os.kill(judge, signal.SIGSTOP)


def test_what_is_lost_with_a_machine_and_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mailboxes, backup, lost, here = (tmp_path / name for name in ("mailboxes", "backup", "lost", "here"))
    for directory in (mailboxes, lost, here):
        directory.mkdir()
    hop, times = f"maildir:{mailboxes}", Times()
    with company.running(lost, f"sqlite:///{lost}/mailroom.db", hop) as old:
        old.run("allow", KNOWN, check=True)
        before = {author: send(old, author, "before") for author in (KNOWN, UNKNOWN)}
        wait_until_at_rest(old)
        with times.step("backup"):
            old.run("backup", "create", str(backup), check=True)
        passed, held = send(old, KNOWN, "passed after it"), send(old, UNKNOWN, "held after it")
        wait_until_at_rest(old)
        stop_judge(old)
        spooled = send(old, KNOWN, "in the spool")
        old.kill()
    shutil.rmtree(lost)
    in_mailboxes = delivered(mailboxes)

    new = Company(here, f"sqlite:///{here}/mailroom.db", hop)
    new.lay_out(upgrade=False)
    try:
        with times.step("restore"):
            new.run("backup", "restore", str(backup), check=True)
        with times.step("start"):
            new.start()
        with times.step("resume"):
            resumed = new.run("resume", "--json", check=True)
        assert json.loads(resumed.stdout)["resumed"] is True
        wait_until_at_rest(new)
        assert delivered(mailboxes) == in_mailboxes, "nothing is sent twice, and nothing is taken away"
        assert set(in_mailboxes.values()) == {1}
        assert len(in_mailboxes) == len(before[KNOWN]) + len(passed)
        known = dict(rows(new, col(Content.sha256), col(Delivery.state)))
        assert {known[one] for one in before[KNOWN]} == {State.DELIVERED}
        assert {known[one] for one in before[UNKNOWN]} == {State.HELD}
        assert known.keys().isdisjoint(passed | held | spooled), "what came after the backup is not on the record"
        assert finds(new, *before[UNKNOWN].values())
        assert not any(finds(new, number) for number in (next(iter(held.values())), next(iter(spooled.values()))))
        new.run("audit", "verify", check=True)
    finally:
        new.stop()
    with capsys.disabled():
        click.echo(f"\n{4 * EACH} messages and {EACH} in the spool; seconds: {times.steps}")


def wait_until_at_rest(house: Company) -> None:
    """Until everything is judged and delivered."""
    processes.until(lambda: at_rest(house), "everything is judged and delivered", log=house.log)


def finds(house: Company, *numbers: str) -> bool:
    """Does Mailroom know these ids of 250 replies?"""
    return all(house.run("trace", number).returncode == 0 for number in numbers)
