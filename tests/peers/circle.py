"""Two transactions of PostgreSQL that wait for each other: it ends the one that finds out first."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from sqlalchemy import Engine, func, select, text
from sqlmodel import Session

from tests.peers import processes
from triage.store.db import read_transaction, transaction


@contextlib.contextmanager
def closed_by(engine: Engine) -> Iterator[Callable[[Session], None]]:
    """Gives what brings a transaction into the circle, once, where it is the one that is ended; somebody else's then commits."""
    other = threading.Thread(target=the_other, args=(engine,))

    def enter(session: Session) -> None:
        session.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
        take_lock(session, 2)
        other.start()
        processes.until(lambda: somebody_waits(engine), "the other one waits for a lock")
        take_lock(session, 1)

    yield enter
    other.join(processes.HANG)


def the_other(engine: Engine) -> None:
    """Asks for the same two locks the other way round, and finds out last."""
    with transaction(engine) as session:
        session.execute(text("SET LOCAL deadlock_timeout = '1min'"))
        take_lock(session, 1)
        take_lock(session, 2)


def take_lock(session: Session, number: int) -> None:
    """Wait for a lock, and keep it until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(number)))


def somebody_waits(engine: Engine) -> bool:
    """Whether somebody waits for a lock."""
    with read_transaction(engine) as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
