"""Faults in the middle of a recall: the recaller dies at any point, Dovecot restarts, a mailbox refuses. Nothing is lost or doubled."""

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from mailboxes.recall.imap_mailbox import ImapMailbox
from tests.mailboxes.delivering import House, Lying, behind_dovecot, letter, lying, recalling
from tests.mailboxes.dying import POINTS
from tests.peers import processes
from tests.peers.mail import dovecot
from triage.config.settings import Settings
from triage.delivery.recalled_copies import Copy
from triage.quarantine.decisions.decision_request import Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.decisions import DecisionItem

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[2]
FRIEND = "friend@other.example"
LONG = bool(os.environ.get("MAILROOM_FAULTS"))  # make faults
MAILBOXES, REACHED = (600, 500) if LONG else (12, 9)
PATIENCE = 3 * processes.HANG
_numbers = itertools.count(1)


@dataclass
class Street(House):
    """A house behind Dovecot, and people whose mailboxes hold other messages too."""

    server: dovecot.Server
    people: list[str]

    def lying(self) -> dict[str, list[Lying]]:
        """Content of all mailboxes."""
        return {mailbox: lying(self.server, mailbox) for mailbox in self.people}

    def dies(self, point: str, directory: Path) -> None:
        """A recaller that dies there, if it gets that far; its lease ends."""
        (directory / "mailroom.toml").write_text(toml(self.settings))
        command = [sys.executable, "-m", "tests.mailboxes.dying", str(directory / "mailroom.toml"), point]
        done = subprocess.run(command, cwd=ROOT, timeout=processes.HANG, capture_output=True, check=False)
        assert done.returncode == 9, done.stderr.decode()
        self.due_now()

    def carried_out(self, decision: DecisionReport) -> DecisionReport:
        """Let the recaller work until the decision is carried out, as if no pause took its time."""
        while processes.until(lambda: self.waiting(decision), "every item is settled or put off", patience=PATIENCE) != "settled":
            self.due_now()
        return self.report(decision)

    def waiting(self, decision: DecisionReport) -> str:
        """Whether everything is settled, except what is deferred."""
        under_way = (col(DecisionItem.decision_id) == decision.id) & col(DecisionItem.outcome).in_(["recalling", "restoring"])
        with db.read_transaction(self.engine) as session:
            left = list(session.scalars(select(col(DecisionItem.why)).where(under_way)))
        return "settled" if not left else "put off" if all(why.startswith("Will be tried again") for why in left) else ""


def toml(settings: Settings) -> str:
    """The settings as a file."""
    lines = []
    for section in ("company", "database", "spool", "relay", "recall"):
        lines.append(f"[{section}]")
        values = getattr(settings, section)
        for field in fields(values):
            value = getattr(values, field.name)
            lines.append(f"{field.name} = {json.dumps(str(value) if isinstance(value, Path) else value)}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Server]:
    with dovecot.running() as running:
        yield running


@pytest.fixture
def street(sqlite_engine: Engine, settings: Settings, server: dovecot.Server, tmp_path: Path) -> Street:
    number = next(_numbers)
    return Street(sqlite_engine, behind_dovecot(settings, server, tmp_path), server, [f"p{number}@company.example"])


@pytest.mark.parametrize("point", [point if point == "marked" else pytest.param(point, marks=pytest.mark.long) for point in POINTS])
def test_a_recaller_that_dies_anywhere_is_taken_over(street: Street, point: str, tmp_path: Path) -> None:
    mailbox = street.people[0]
    (mail,) = street.delivered(letter(1), mailbox)
    street.delivered(letter(2, FRIEND), mailbox, author=FRIEND)
    before = lying(street.server, mailbox)
    purge = street.decides(Verb.PURGE)
    if point != "put back":
        street.dies(point, tmp_path)
    purged = street.recalled(purge)
    assert (purged.done, street.outcome(purged)[1]) == (1, "It was in INBOX, unread.")
    assert [copy for copy in before if FRIEND.encode() in copy[1]] == lying(street.server, mailbox)
    undone = street.undoes(purge)
    if point not in ("secured", "marked", "taken"):
        street.dies(point, tmp_path)
    assert street.recalled(undone).done == 1
    assert (lying(street.server, mailbox), street.states([mail])) == (before, [State.DELIVERED])


def test_dovecot_starts_anew_in_the_middle_of_a_recall(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most mailboxes get two messages of the wave among other messages; what is there is compared message by message with before."""
    street.people = [f"m{number}@company.example" for number in range(MAILBOXES)]
    reached = street.people[:REACHED]
    sent = [one for number, mailbox in enumerate(street.people) for one in street.queued(letter(number, FRIEND), mailbox, author=FRIEND)]
    street.relayed([*sent, *street.queued(letter(1000), *reached), *street.queued(letter(1001), *reached)])
    for number, mailbox in enumerate(reached):
        rearrange(street.server, mailbox, number)
    before = street.lying()
    taking, calls, reached_it, go_on = ImapMailbox.take, itertools.count(1), threading.Event(), threading.Event()

    def take(mailbox: ImapMailbox, copies: list[Copy]) -> list[Copy]:
        if next(calls) == REACHED // 2:
            reached_it.set()
            go_on.wait(processes.HANG)
        return taking(mailbox, copies)

    monkeypatch.setattr(ImapMailbox, "take", take)
    purge = street.decides(Verb.PURGE)
    with recalling(street.settings):
        assert reached_it.wait(processes.HANG)
        street.server.stop()
        street.server.start()
        go_on.set()
        done = street.carried_out(purge)
    assert (done.count, done.done) == (2 * REACHED, 2 * REACHED)
    left = {mailbox: [copy for copy in copies if b"From: Pay <wave@" not in copy[1]] for mailbox, copies in before.items()}
    assert sum(len(before[mailbox]) - len(left[mailbox]) for mailbox in before) == 2 * REACHED
    assert street.lying() == left
    undone = street.undoes(purge)
    with recalling(street.settings):
        assert street.carried_out(undone).done == 2 * REACHED
    assert street.lying() == before


def rearrange(server: dovecot.Server, mailbox: str, number: int) -> None:
    """Change a mailbox as owners do: read, answer, flag, move."""
    with server.client(mailbox) as client:
        client.select_folder("INBOX")
        uids = client.search()
        client.add_flags(uids[number % 3 :], [["\\Seen"], ["\\Seen", "\\Answered"], ["\\Flagged", "Later"]][number % 3])
        if number % 2:
            client.create_folder("Archive")
            client.move(uids[-1:], "Archive")


@pytest.mark.long
def test_a_mailbox_that_refuses_gets_the_mail_delivered_anew(street: Street) -> None:
    mailbox = street.people[0]
    (mail,) = street.delivered(letter(1), mailbox)
    purge = street.recalled(street.decides(Verb.PURGE))
    drafts = street.server.directory / "mail" / mailbox / "Maildir" / "tmp"
    drafts.chmod(0)
    undone = street.recalled(street.undoes(purge))
    outcome, why = street.outcome(undone)
    assert (outcome, street.states([mail])) == ("done", [State.QUEUED])
    assert why.startswith("the mailbox refuses it: ")
    assert why.endswith("; it is delivered again.")
    drafts.chmod(0o700)
    street.relayed([mail])
    assert [b"Pay 1." in copy[1] for copy in lying(street.server, mailbox)] == [True]
