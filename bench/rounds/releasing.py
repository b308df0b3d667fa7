"""Released mail in a company's queue: proven, 20 KB, made ready before, and released all at once or one by one."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, insert, select, update
from sqlmodel import SQLModel, col

from bench.rounds import filling
from bench.rounds.filling import CONTENT, DELIVERY, MESSAGE
from triage.addressing.envelope import Envelope
from triage.ids import new_id
from triage.message.authentication import Authentication, Dmarc, Result, Spf
from triage.runtime.wakeup import WakeupPipe
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.message_record.record_parts import spread_message
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

AUTHOR = "sales@supplier.example"
PROVEN = Authentication(AUTHOR, (Spf(Result.PASS, "mailfrom", "supplier.example"),), dmarc=Dmarc(Result.PASS, "supplier.example"))
NOT_YET = timedelta(minutes=30)  # until they would leave by themselves; what is due on a far day is taken for a clock's mistake
LINE = 70  # characters


def prepare_messages(engine: Engine, mailboxes: Sequence[Sequence[str]], size: int) -> list[int]:
    """Stores a message of about `size` bytes for each group of mailboxes, ready for release; the ids of the deliveries."""
    chance, ids = random.Random(), []  # new contents each time
    late = utcnow() + NOT_YET
    with db.transaction(engine) as session:
        for group in mailboxes:
            content_id, content = bodies.keep_body(session, make_message(chance, size))
            assert content is not None
            session.connection().execute(insert(CONTENT), [content])
            message, delivery = filling.make_rows(content_id, "", chance)
            envelope = Envelope(new_id(), utcnow(), AUTHOR, tuple(group), "192.0.2.1", "mx.supplier.example")
            message |= {"envelope": envelope.as_json(), "authentication": PROVEN.as_json()}
            rows = [
                delivery
                | {"id": new_id(), "recipient": mailbox, "mailbox": mailbox, "state": State.QUEUED, "due_at": late, "queued_at": late}
                for mailbox in group
            ]
            session.connection().execute(insert(MESSAGE), [spread_message(message)])
            session.connection().execute(insert(DELIVERY), rows)
            ids += [row["id"] for row in rows]
    return ids


def make_message(chance: random.Random, size: int) -> bytes:
    """Text that nothing can guess, in lines."""
    number = chance.getrandbits(60)
    head = f"From: Sales <{AUTHOR}>\r\nSubject: Order {number}\r\nMessage-ID: <{number}@supplier.example>\r\n\r\n"
    lines = (size - len(head)) // (LINE + 2)
    return (head + "".join(f"{chance.getrandbits(4 * LINE):0{LINE}x}\r\n" for _ in range(lines))).encode()


def make_due(engine: Engine, spool: Path, ids: Sequence[int]) -> datetime:
    """Due now, committed, and wakes the relay; returns when that was."""
    with db.transaction(engine) as session:
        now = utcnow()
        session.execute(update(Delivery).where(db.is_among(session, col(Delivery.id), ids)).values(due_at=now, queued_at=now))
    pipe = WakeupPipe(spool, "relay")
    pipe.wake()
    pipe.close()
    return now


def count_delivered(engine: Engine, ids: Sequence[int]) -> int:
    """Count the messages that the next hop has accepted."""
    with db.read_transaction(engine) as session:
        where = db.is_among(session, col(Delivery.id), ids) & (col(Delivery.state) == State.DELIVERED)
        return session.scalar(select(func.count()).select_from(Delivery).where(where)) or 0


def read_delays(engine: Engine, ids: Sequence[int]) -> list[float]:
    """Milliseconds from each release to the next hop's acceptance, sorted."""
    attempt = SQLModel.metadata.tables["attempt"]
    with db.read_transaction(engine) as session:
        joined = select(DELIVERY.c.queued_at, attempt.c.ended_at).join(attempt, attempt.c.delivery_id == DELIVERY.c.id)
        rows = session.execute(joined.where(db.is_among(session, DELIVERY.c.id, ids))).all()
    return sorted((ended - begun) / timedelta(milliseconds=1) for begun, ended in rows)
