"""A sweep and what happens meanwhile: an undo at any moment, a server that does not answer, a redelivery."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text, update
from sqlmodel import col

from tests.peers import processes
from tests.triage.arriving import ANA, IDA, NOW, set_up
from triage.config.settings import Recall, Settings
from triage.delivery.recalled_copies import Copy
from triage.errors import NothingDone
from triage.message.summary import Summary
from triage.quarantine.decisions import bulk_decisions, decide as decisions, decision_plan, mailbox_sweep, undo
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.mailbox_sweep import Search, Sighting
from triage.quarantine.search.selection import Selection
from triage.store.db import read_transaction, transaction
from triage.store.models.decisions import DecisionItem
from triage.store.models.deliveries import Delivery

CROOK, JOE = "bad@evil.example", "joe.fern@company.example"
LATER = NOW + timedelta(hours=2)


def found(number: int) -> Sighting:
    """A message of the crook's in a mailbox."""
    raw = f"From: {CROOK}\r\nSubject: Pay {number}\r\n\r\nHello\r\n".encode()
    copy = Copy("INBOX", (), NOW + timedelta(seconds=number), raw, 1, number)
    return Sighting(copy, Summary(parsed=True, author=CROOK, authors=(CROOK,), subject=f"Pay {number}", text="Hello"), None)


ONE, TWO = found(1), found(2)


@dataclass
class House:
    """The small company, a sweep for the crook, and its search of Joe's mailbox."""

    engine: Engine
    settings: Settings
    sweep: int = 0

    def begins(self) -> Search:
        """Ida sweeps, and the recaller takes Joe's mailbox."""
        with transaction(self.engine) as session:
            set_up(session, self.settings)
            self.sweep = mailbox_sweep.begin_sweep(session, CROOK, by=IDA, reason="fraud", now=NOW, settings=self.settings).id
        return self.claims(NOW)

    def claims(self, now: datetime) -> Search:
        """Another attempt at Joe's mailbox."""
        with transaction(self.engine) as session:
            searches = mailbox_sweep.claim_mailboxes(session, mailboxes=50, settings=self.settings, now=now)
        return next(one for one in searches if one.mailbox == JOE)

    def secures(self, search: Search, *sightings: Sighting) -> list[Copy]:
        """Enters what the search found; returns the copies that may be taken."""
        with transaction(self.engine) as session:
            return mailbox_sweep.secure_found(session, search, sightings, now=NOW)

    def confirms(self, search: Search, taken: Sequence[Copy]) -> None:
        """The mailbox confirms that these are removed."""
        with transaction(self.engine) as session:
            mailbox_sweep.confirm_removed(session, search, taken, now=NOW)

    def settles(self, search: Search, *met: Sighting, why: str = "", later: bool = False, now: datetime = NOW) -> None:
        """The attempt is over."""
        places = {one.copy.place for one in met}
        with transaction(self.engine) as session:
            mailbox_sweep.settle_mailbox(session, search, places, why, later=later, settings=self.settings, now=now)

    def undoes(self) -> None:
        """Ana takes the sweep back."""
        with transaction(self.engine) as session:
            undo.undo_decision(session, self.sweep, by=ANA, reason="", now=NOW, settings=self.settings, ask=False)

    def copies(self) -> list[tuple[str, str]]:
        """State of each copy, and what the sweep says became of it."""
        mine = (col(DecisionItem.delivery_id) == col(Delivery.id)) & (col(DecisionItem.decision_id) == self.sweep)
        rows = select(col(Delivery.state), col(DecisionItem.outcome)).join(DecisionItem, mine).order_by(col(Delivery.received_at))
        with read_transaction(self.engine) as session:
            return [(str(state), outcome) for state, outcome in session.execute(rows)]


def house_of(engine: Engine, settings: Settings, directory: Path) -> House:
    """The small company, with access to its mailboxes."""
    secret = directory / "master"
    secret.write_text("secret\n")
    recall = Recall(imap="imap://127.0.0.1:143", master_user="master", password_file=str(secret))
    return House(engine, replace(settings, recall=recall, policy=replace(settings.policy, approvals=())))


@pytest.fixture
def house(engine: Engine, settings: Settings, tmp_path: Path) -> House:
    """The small company."""
    return house_of(engine, settings, tmp_path)


@pytest.mark.postgresql
def test_a_search_waits_for_an_undo_under_way_and_takes_nothing_then(postgresql_engine: Engine, settings: Settings, tmp_path: Path) -> None:
    house = house_of(postgresql_engine, settings, tmp_path)
    search = house.begins()
    house.confirms(search, house.secures(search, ONE))
    taken: list[list[Copy]] = []
    meanwhile = threading.Thread(target=lambda: taken.append(house.secures(search, TWO)))

    def is_waiting() -> bool:
        with read_transaction(postgresql_engine) as session:
            return bool(taken) or bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    with transaction(postgresql_engine) as session:
        undo.undo_decision(session, house.sweep, by=IDA, reason="", now=NOW, settings=house.settings, ask=False)
        meanwhile.start()
        processes.until(is_waiting, "the search waits")
    meanwhile.join(processes.HANG)
    assert taken == [[]]
    house.settles(search)
    assert house.copies() == [("restoring", "done")]


def test_an_undo_during_a_later_attempt_says_of_nothing_that_it_was_removed(house: House) -> None:
    first = house.begins()
    house.secures(first, ONE, TWO)
    house.settles(first, ONE, TWO, why="The line was cut.", later=True)
    again = house.claims(LATER)
    house.undoes()
    assert house.secures(again, ONE, TWO) == []
    house.settles(again)
    assert house.copies() == [("restoring", "out of reach")] * 2  # looked for, and put back where they are missing


def test_what_an_undo_did_not_meet_comes_back_when_it_is_removed(house: House) -> None:
    """As a version before has left it, in which both were in transactions at once."""
    search = house.begins()
    taken = house.secures(search, ONE, TWO)
    house.undoes()
    with transaction(house.engine) as session:
        session.execute(update(Delivery).values(back_wanted_by=None, back_to=""))
    house.confirms(search, taken[:1])
    assert house.copies() == [("restoring", "done"), ("recalling", "recalling")]
    house.settles(search, ONE, TWO)
    assert house.copies() == [("restoring", "done"), ("restoring", "out of reach")]


def test_an_undo_in_slices_comes_to_what_is_removed_before_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_plan, "LARGE", 0)
    search = house.begins()
    taken = house.secures(search, ONE)
    house.undoes()
    house.confirms(search, taken)
    assert house.copies() == [("purged", "done")]
    with transaction(house.engine) as session:
        undoing = bulk_decisions.under_way(session)
        assert undoing
        assert bulk_decisions.go_on(session, undoing, now=NOW, settings=house.settings) == 1
    assert house.copies() == [("restoring", "done")]


@pytest.mark.parametrize("look_first", [True, False])
def test_a_redelivery_leaves_alone_what_a_sweep_could_not_remove(house: House, look_first: bool) -> None:
    search = house.begins()
    house.secures(search, ONE)
    house.settles(search, ONE, why="connection refused")
    assert house.copies() == [("delivered", "out of reach")]
    lost = DecisionRequest(Selection.of(person="joe.fern"), Verb.REDELIVER, "The mailbox was lost.", look_first=look_first)
    with pytest.raises(NothingDone, match="Mailroom did not deliver it"), transaction(house.engine) as session:
        decisions.decide_messages(session, lost, by=IDA, now=LATER, settings=house.settings)
    assert house.copies() == [("delivered", "out of reach")]
    house.undoes()
    assert house.copies() == [("restoring", "out of reach")]
