"""Black box: whatever was answered with 250 is there exactly once, however often the power fails meanwhile."""

import hashlib
import itertools
import os
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from tests.conftest import DATABASES
from tests.faults import campaign
from tests.peers import company, outside, processes
from triage.store import bodies
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.delivery_state import State
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.messages import Content, Message
from triage.times import utcnow

LONG = bool(os.environ.get("MAILROOM_FAULTS"))  # make faults
MESSAGES = 10_000 if LONG else 300
KILLS = 50 if LONG else 5
KINDS = ("serve", "receive", "judge", "relay", "everything")  # whom a kill meets, in turns
SESSIONS = 12
PAUSE = 0.0 if LONG else 0.25  # seconds between a client's messages
PER_CONNECTION = 7
KNOWN, UNKNOWN = f"orders@{outside.SUPPLIER.name}", f"somebody@{outside.STRANGER.name}"  # one passes, the other is held
PATIENCE = processes.HANG * (7 if LONG else 1)  # seconds until what was promised is worked off
WAITING = (State.QUEUED, State.RELAYING)


@dataclass
class Ledger:
    """Messages sent, and those promised. Sessions write here, each under the lock."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    promised: dict[str, bytes] = field(default_factory=dict)  # sha256 -> the message
    unclear: set[str] = field(default_factory=set)  # the connection broke before the answer
    lock: threading.Lock = field(default_factory=threading.Lock)


def letters(number: int) -> bytes:
    """The messages, all different; unsigned ones are as good as signed ones here, and SPF proves the known sender."""
    author = KNOWN if number % 2 else UNKNOWN
    text = f"Message {number}.\r\n" + "line after line\r\n" * (number % 50) + ".\r\n..\r\nend"
    return outside.OutsideMessage(author, f"it+russell.coker@{company.DOMAIN}", f"number {number}", text).raw(signed=False)


def session(port: int, ledger: Ledger, enough: threading.Event) -> None:
    """Client that sends until there are enough messages, connecting again and again."""
    while not enough.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", port, "mail.stranger.example", timeout=processes.HANG) as client:
                for _ in range(PER_CONNECTION):
                    send(client, ledger)
                    enough.wait(PAUSE)
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)  # it is down: again soon


def send(client: smtplib.SMTP, ledger: Ledger) -> None:
    """Sends a message. Its fate is unclear from the moment its bytes leave until the answer is here."""
    number = next(ledger.numbers)
    raw = letters(number)
    digest = hashlib.sha256(raw).hexdigest()
    with ledger.lock:
        ledger.unclear.add(digest)
    client.sendmail(KNOWN if number % 2 else UNKNOWN, [f"it+russell.coker@{company.DOMAIN}"], raw)
    with ledger.lock:
        ledger.unclear.discard(digest)
        ledger.promised[digest] = raw


def kill_now_and_then(house: company.Company, ledger: Ledger) -> None:
    """SIGKILL to everything, to one role or to the supervisor alone, each time another part is promised; it comes up again."""
    for kill in range(1, KILLS + 1):
        wanted, kind = MESSAGES * kill // (KILLS + 1), KINDS[kill % len(KINDS)]
        processes.until(lambda wanted=wanted: len(ledger.promised) >= wanted, f"{wanted} are promised", house.process, house.log)  # type: ignore[misc]
        if kind == "everything":
            house.kill()
        elif kind == "serve":  # its roles end with it, each in its own good time
            assert house.process is not None
            house.process.kill()
            house.process.wait(processes.HANG)
            processes.until(lambda: not house.greets(), "the door is closed")
        else:
            house.kill_role(kind)
            continue
        house.open_door()


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> company.Company:
    """A company that knows one of the two senders."""
    made = company.Company(tmp_path, database_url, f"maildir:{tmp_path}/mailboxes")
    made.lay_out()
    made.run("sync", check=True)
    made.run("allow", outside.SUPPLIER.name, "--note", "buys from us", check=True)
    return made


@pytest.mark.timeout(3600 if LONG else 1800)
@pytest.mark.parametrize("database_url", DATABASES if LONG else DATABASES[:1], indirect=True)
def test_every_promise_is_kept_through_kills_of_every_kind(house: company.Company) -> None:
    ledger, enough = Ledger(), threading.Event()
    house.start()
    try:
        sessions = [threading.Thread(target=session, args=(house.smtp_port, ledger, enough), daemon=True) for _ in range(SESSIONS)]
        for one in sessions:
            one.start()
        kill_now_and_then(house, ledger)
        processes.until(lambda: len(ledger.promised) >= MESSAGES, f"{MESSAGES} are promised", house.process, house.log)
        enough.set()
        for one in sessions:
            one.join(processes.HANG)
        processes.until(
            lambda: missing(house, ledger) == set(), "everything promised is entered", house.process, house.log, patience=PATIENCE
        )
        house.stop()
        let_leases_end(house)
        house.open_door()
        processes.until(lambda: waiting(house) == 0, "everything allowed is delivered", house.process, house.log, patience=PATIENCE)
    finally:
        house.stop()
    all_kept(house, ledger, f"{KILLS} kills of every kind, {house.database.partition(':')[0]}")


def missing(house: company.Company, ledger: Ledger) -> set[str]:
    """Promised messages that are in no table (yet)."""
    engine = open_engine(house.database)
    with read_transaction(engine) as database:
        count = database.scalar(select(func.count()).select_from(Content)) or 0  # asked every few milliseconds: the cheap question first
        known = set(database.scalars(select(col(Content.sha256)))) if count >= len(ledger.promised) else set()
    engine.dispose()
    return set(ledger.promised) - known


def waiting(house: company.Company) -> int:
    """Deliveries that have not got where they go."""
    engine = open_engine(house.database)
    with read_transaction(engine) as database:
        count = database.scalar(select(func.count()).select_from(Delivery).where(col(Delivery.state).in_(WAITING)))
    engine.dispose()
    return count or 0


def let_leases_end(house: company.Company) -> None:
    """Twelve minutes later: what dead relays had claimed is due again."""
    engine = open_engine(house.database)
    with transaction(engine) as database:
        database.execute(update(Delivery).where(col(Delivery.state) == State.RELAYING).values(due_at=utcnow()))
    engine.dispose()


def all_kept(house: company.Company, ledger: Ledger, faults: str) -> None:
    """Each promise is one message with one delivery and its own bytes; what passed lies in the mailbox; nothing else is there."""
    rows = on_record(house)
    found = Counter(row.digest for row in rows)
    copies = in_mailboxes(house)
    passed = {row.digest: row.cut_off for row in rows if row.state == State.DELIVERED}
    account = campaign.Account(
        faults,
        promised=len(ledger.promised),
        lost=sorted(set(ledger.promised) - set(found) | set(passed) - set(copies)),
        corrupted=sorted(
            {row.digest for row in rows if not row.whole} | set(found) - set(ledger.promised) - ledger.unclear | set(copies) - set(passed)
        ),
        doubled=sorted({one for one in found if found[one] > 1} | {one for one in passed if copies[one] > 1 + passed[one]}),
        again=sum(copies[one] - 1 for one in passed if copies[one] > 1),
    )
    campaign.tell(account)
    assert (account.lost, account.corrupted, account.doubled) == ([], [], []), account


class Row(NamedTuple):
    """A delivery in the audit log."""

    digest: str
    state: str
    whole: bool  # its bytes are those of its digest, and it is where mail of its kind ends
    cut_off: int  # attempts to deliver it of which nobody knows how they ended: each explains a second copy


def on_record(house: company.Company) -> list[Row]:
    """Lists the deliveries."""
    cut_off = select(func.count()).where(col(Attempt.delivery_id) == col(Delivery.id), col(Attempt.outcome) == "").scalar_subquery()
    wanted = (
        select(col(Content.sha256), col(Content.id), col(Delivery.state), cut_off)
        .join(Message, col(Message.content_id) == col(Content.id))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
    )
    engine = open_engine(house.database)
    with read_transaction(engine) as database:
        rows = [
            Row(digest, state, is_whole(digest, state, bodies.load_body(database, content_id)), unclear)
            for digest, content_id, state, unclear in database.execute(wanted)
        ]
    engine.dispose()
    return rows


def is_whole(digest: str, state: str, raw: bytes) -> bool:
    """As it was sent, and where its author leads it."""
    return hashlib.sha256(raw).hexdigest() == digest and state == (State.DELIVERED if KNOWN.encode() in raw else State.HELD)


def in_mailboxes(house: company.Company) -> Counter[str]:
    """Count the copies of each message in mailboxes, without added header fields."""
    copies: Counter[str] = Counter()
    for path in (house.directory / "mailboxes").glob("*/new/*"):
        raw = path.read_bytes()
        copies[hashlib.sha256(raw[raw.index(b"\r\nFrom: ") + 2 :]).hexdigest()] += 1
    return copies
